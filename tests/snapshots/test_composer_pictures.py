"""Pictures of the composer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.state.format import count
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import Block, Job, PolicyLevel, Retry, Status, Violation, WorkReq
from wf_tui.state.samples import ERASE, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

Picture = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])

ERASURE = WorkReq(
    ERASE,
    "Erase two machines of aap",
    (
        Block(
            "Check pre-conditions",
            1,
            (
                Job("validateDecom", "The site is still in decom", {"site": "aap", "type": "satellite"}),
                Job("tokenBucket", "", {"bucket": "diskEraseSatellite", "fatal": "false"}),
            ),
        ),
        Block(
            "disk erase machines aa00-aa01",
            2,
            (
                Job("diskErase", "", {"site": "aap", "machine": "aa00"}),
                Job("diskErase", "", {"site": "aab", "machine": "aa01", "sped": "fast"}),
                Job("sleep", "", {}),
            ),
        ),
        Block("", 1, ()),
    ),
)
VIOLATIONS = (
    Violation(
        "startOrEnd",
        "tokenBucket in the first block needs another value of fatal",
        0,
        1,
        "fatal",
        '"false"',
        '"true"',
    ),
    Violation("sameArgs", "site differs from that of block 0 job 0", 1, 1, "site", '"aab"', '"aap"'),
    Violation(
        "validation", "diskErase has no argument of this name", 1, 1, "sped", '"fast"', "site, machine"
    ),
    Violation("validation", "the argument seconds is missing", 1, 2, "seconds", "", "For how long."),
    Violation("validation", "the block has no jobs", 2, None, "", "no jobs", "at least one"),
)


def cloneable(request: WorkReq, *violations: Violation) -> FakeGateway:
    """A gateway with one workflow; `C` clones it."""
    gateway = sample_gateway()
    gateway.known_job_types = sample_job_types()
    gateway.verdict = violations
    summary = add_workflow(gateway, summary_of(1, Status.COMPLETED, counts_of([])), erase_blocks(11))
    gateway.requests[summary.id] = request
    return gateway


def test_empty(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "c", size=(80, 24))


@SIZES
def test_warned(picture: Picture, size: tuple[int, int]) -> None:
    warnings = (
        replace(VIOLATIONS[0], level=PolicyLevel.WARN),
        Violation(
            "maxConcurrency",
            "the rate limit is too high for a block",
            0,
            None,
            "rateLimit",
            "9",
            "5",
            PolicyLevel.DRY_RUN,
        ),
    )
    assert picture(cloneable(ERASURE, *warnings), "C", "n", size=size)


@SIZES
def test_accepted(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(cloneable(ERASURE), "C", size=size)


@SIZES
def test_violations(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(cloneable(ERASURE, *VIOLATIONS), "C", "n", "n", size=size)


def test_a_field_that_is_wrong(picture: Picture) -> None:
    assert picture(cloneable(ERASURE, *VIOLATIONS), "C", "n", "enter", size=(100, 30))


def test_a_block_with_a_rate_limit_that_is_none(picture: Picture) -> None:
    deeds = ("C", "down", "enter", "down", "text:x")
    assert picture(cloneable(ERASURE), *deeds, size=(80, 24))


def test_many_jobs(picture: Picture) -> None:
    jobs = tuple(Job("sleep", "", {"seconds": str(number + 1)}) for number in range(5_000))
    request = WorkReq("Maintenance", count(len(jobs), "job"), (Block("sleepers", 100, jobs),))
    assert picture(cloneable(request), "C", "G", size=(100, 30))


def test_job_types(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "a", size=(80, 24))


def test_fan_out(picture: Picture) -> None:
    deeds = ("C", "down", "down", "down", "down", "down", "f", "text:aa02-aa09", "tab", "text:5")
    assert picture(cloneable(ERASURE), *deeds, size=(80, 24))


def test_fan_out_of_nothing(picture: Picture) -> None:
    deeds = ("C", "down", "down", "down", "down", "down", "f", "text:zz*")
    assert picture(cloneable(ERASURE), *deeds, size=(100, 30))


@SIZES
def test_text(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(cloneable(ERASURE), "C", "t", size=size)


def test_text_that_is_none(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "t", "text:}", size=(80, 24))


def test_submit_dialog(picture: Picture) -> None:
    assert picture(cloneable(ERASURE, *VIOLATIONS), "C", "ctrl+s", size=(80, 24))


def test_save_dialog(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "s", "text:erase.yaml", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = cloneable(ERASURE)
    assert picture(gateway, "C", gateway.disconnect, "down", "c", size=(80, 24))


def test_help(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "question_mark", size=(80, 30))


def test_light(picture: Picture) -> None:
    assert picture(cloneable(ERASURE, *VIOLATIONS), "C", "n", size=(100, 30), theme="textual-light")


def test_text_as_json(picture: Picture) -> None:
    assert picture(cloneable(ERASURE, *VIOLATIONS), "C", "t", "ctrl+n", "f8", size=(80, 24))


def test_text_of_the_wrong_shape(picture: Picture) -> None:
    deeds = ("C", "t", "down", "text:more: 1", "enter", "down", "down", "f8")
    assert picture(cloneable(ERASURE), *deeds, size=(80, 24))


def test_a_text_is_discarded(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "t", "text:}", "escape", size=(80, 24))


def test_open_dialog_that_finds_nothing(picture: Picture) -> None:
    assert picture(cloneable(ERASURE), "C", "o", "text:/none/none.yaml", "enter", size=(80, 24))


@pytest.mark.parametrize(
    "deeds", [("O",), ("O", "down"), ("O", "down", "down")], ids=["request", "block", "job"]
)
def test_options(picture: Picture, deeds: tuple[str, ...]) -> None:
    timed = Job("sleep", "", {"seconds": "5"}, "5m", Retry(0, "10s"))
    request = WorkReq("Maintenance", "", (Block("naps", 2, (timed,), "3", ramp=("1", "20%"), soak="1w"),))
    soak = Violation("validation", "bad soak", 0, None, "soak", '"1w"', 'a duration, such as "30s"')
    tries = Violation("validation", "bad number of attempts", 0, 0, "retry.attempts", "0", "1 to 100")
    assert picture(cloneable(request, soak, tries), "C", *deeds, size=(100, 40))
