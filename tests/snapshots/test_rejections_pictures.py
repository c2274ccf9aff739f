"""Pictures of the rejections: the list, and one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.gateway import ServerFault
from wf_tui.state.models import Block, Job, Rejection, RejectionSummary, Violation, WorkReq
from wf_tui.state.samples import ERASE, ago, sample_id
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]

_REQUEST = WorkReq(
    ERASE,
    "Erase all disks of satellite aap",
    (
        Block(
            "Check pre-conditions",
            1,
            (
                Job("tokenBucket", "One erasure at a time", {"bucket": "diskEraseSatellite"}),
                Job("validateDecom", "The site is still in decom", {"site": "aaq", "type": "satelite"}),
            ),
        ),
        Block(
            "Disk erase machines aa00-ae09",
            5,
            tuple(
                Job("diskErase", f"Erase the disks of aa{at:02}", {"machine": f"aa{at:02}", "site": "aap"})
                for at in range(50)
            ),
        ),
        Block("Tell everybody", 1, (Job("sendMail", "", {"to": "all"}), Job("sleep", "", {"seconds": "x"}))),
    ),
)
_VIOLATIONS = (
    Violation(
        "sameArgs",
        "argument site differs from that of the other jobs: all jobs of the request have to name one site",
        0,
        1,
        "site",
        '"aaq"',
        '"aap", as in block 1, job 0',
    ),
    Violation(
        "validation", "type is none of its choices", 0, 1, "type", '"satelite"', "one of: satellite, cluster"
    ),
    Violation("validation", "fatal is missing", 0, 0, "fatal", "nothing", "one of: true, false"),
    Violation(
        "restrictJobTypes", "jobs of type sendMail are not allowed", 2, 0, found='"sendMail"',
        expected="one of: validateDecom, diskErase, sleep, tokenBucket",
    ),
    Violation("validation", "seconds is no whole number", 2, 1, "seconds", '"x"', "a whole number"),
    Violation("validation", "aap has no machine aa17", 1, 17, "machine", '"aa17"', "a machine of aap"),
    Violation("startOrEnd", "the last block has to end with a tokenBucket", None),
)  # fmt: skip


def refusal(number: int, **fields: object) -> Rejection:
    summary = RejectionSummary(
        id=sample_id(0xABCD - number),
        name=ERASE,
        desc="Erase all disks of satellite aap",
        operator="ada@ops-1",
        time=ago(60 * number * number + 42),
        blocks=3,
        jobs=54,
        violations=len(_VIOLATIONS),
        first=_VIOLATIONS[0].message,
    )
    return Rejection(replace(summary, **fields), _REQUEST, _VIOLATIONS)  # type: ignore[arg-type]


def some() -> FakeGateway:
    gateway = sample_gateway()
    gateway.refused = (
        refusal(0),
        refusal(3, mended_by=sample_id(0xBEEF)),
        refusal(
            9, name="Maintenance", operator="cron@jobs-2", violations=1, first="there is no policy for it"
        ),
        refusal(40, name="", desc="", operator="", violations=12_345),
    )
    return gateway


def test_empty(picture: Picture) -> None:
    assert picture(sample_gateway(), "R", size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])
def test_list(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(some(), "R", "down", size=size)


def test_many(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.refused = tuple(refusal(number, desc=f"Run {number}") for number in range(200))
    assert picture(gateway, "R", "end", "up")


def test_filter_without_a_match(picture: Picture) -> None:
    assert picture(some(), "R", "slash", "text:zebra", size=(80, 24))


def test_error(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["rejections"] = ServerFault("the server failed; its log says more")
    assert picture(gateway, "R", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = some()
    assert picture(gateway, "R", gateway.disconnect, "ctrl+r", size=(80, 24))


def test_light(picture: Picture) -> None:
    assert picture(some(), "R", theme="textual-light")


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])
def test_one(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(some(), "R", "enter", "n", "n", size=size)


def test_one_on_a_job(picture: Picture) -> None:
    assert picture(some(), "R", "enter", "n", "n", "up", "up")


def test_one_whole_block(picture: Picture) -> None:
    assert picture(some(), "R", "enter", "n", "n", "n", "n", "n", "N", "down", "enter")


def test_one_mended(picture: Picture) -> None:
    assert picture(some(), "R", "down", "enter", "g", size=(80, 24))


def test_one_gone(picture: Picture) -> None:
    gateway = some()

    def forget() -> None:
        gateway.refused = ()

    assert picture(gateway, "R", forget, "enter", size=(80, 24))


def test_one_disconnected(picture: Picture) -> None:
    gateway = some()
    assert picture(gateway, "R", "enter", gateway.disconnect, size=(80, 24))
