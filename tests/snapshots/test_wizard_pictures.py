"""Pictures of every step of the disk-erase wizard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wf_tui.gateway import Overloaded
from wf_tui.state.models import PolicyLevel, Status, Violation
from wf_tui.state.samples import ago, counts_of, erase_blocks, sample_board, sample_buckets, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

Picture = Callable[..., bool]

VIOLATIONS = (
    Violation(
        "startOrEnd", "the job has to be first in the first block", 0, 1, "", "validateDecom", "tokenBucket"
    ),
    Violation("sameArgs", "the site is not the same everywhere", 3, 2, "site", "aaq", "aap"),
    Violation("restrictJobTypes", "no job is allowed to be of this type", 4, 0, "", "formatDisk"),
)


def refused() -> FakeGateway:
    gateway = sample_gateway()
    gateway.verdict = VIOLATIONS
    return gateway


def after_a_run() -> FakeGateway:
    """With an earlier run to go by."""
    gateway = sample_gateway()
    blocks = erase_blocks(11)
    add_workflow(gateway, summary_of(99, Status.COMPLETED, counts_of(blocks), ended=ago(60)), blocks)
    return gateway


def test_sites(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", size=(80, 24))


def test_a_site_that_cannot_be_erased(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "end", "enter", size=(80, 24))


def test_filter(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "slash", "text:decom", size=(80, 24))


def test_sites_do_not_come(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["sites"] = Overloaded("the server is at its limit of 200 calls; try again")
    assert picture(gateway, "e", size=(80, 24))


def test_pre_checks(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "enter", size=(80, 24))


def test_pre_checks_that_fail(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.board = sample_board(erase=True)
    gateway.known_buckets = sample_buckets(tokens=0)
    assert picture(gateway, "e", "enter", size=(80, 24))


def test_plan(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "enter", "enter", size=(80, 24))


def test_plan_after_an_earlier_run(picture: Picture) -> None:
    assert picture(after_a_run(), "e", "enter", "enter", size=(120, 40))


def test_verdict(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "enter", "enter", "enter", size=(80, 24))


def test_refused_verdict(picture: Picture) -> None:
    assert picture(refused(), "e", "enter", "enter", "enter", size=(80, 24))


def test_warned_verdict(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.verdict = tuple(replace(one, level=PolicyLevel.WARN) for one in VIOLATIONS[:2])
    assert picture(gateway, "e", "enter", "enter", "enter", size=(80, 24))


def test_no_verdict(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["check"] = Overloaded("the server is at its limit of 200 calls; try again")
    assert picture(gateway, "e", "enter", "enter", "enter", size=(80, 24))


def test_confirmation(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", *(["enter"] * 4), "text:aa", size=(80, 24))


def test_confirmed(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", *(["enter"] * 4), "text:aap", size=(100, 30))


def test_disconnected(picture: Picture) -> None:
    gateway = sample_gateway()
    assert picture(gateway, "e", "enter", gateway.disconnect, size=(80, 24))


def test_help(picture: Picture) -> None:
    assert picture(sample_gateway(), "e", "question_mark", size=(80, 30))
