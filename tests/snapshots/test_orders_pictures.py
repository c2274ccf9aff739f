"""Pictures of orders: how a workflow stands that waits, the dialogs, receipts, bulk."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.gateway import Unreachable
from wf_tui.state import control_samples as made
from wf_tui.state.control_samples import Sample
from wf_tui.state.models import Lineage, LineageKind, Status
from wf_tui.state.samples import counts_of, erase_blocks, sample_id, summary_of
from wf_tui.testing import FakeGateway, add_sample, add_workflow, sample_gateway

Picture = Callable[..., bool]
S = Status
SMALL = (80, 24)


def one(sample: Sample) -> FakeGateway:
    gateway = sample_gateway()
    summary = add_sample(gateway, sample)
    gateway.requests[summary.id] = made.sample_request()
    return gateway


@pytest.mark.parametrize(
    "sample",
    [
        made.paused(),
        made.pausing(),
        made.held(),
        made.waiting(),
        made.needs_operator(),
        made.soaking(),
        made.queued(),
        made.cancelled(),
        made.cancelled(settled=True),
    ],
    ids=[
        "paused",
        "pausing",
        "held",
        "waiting",
        "needs_operator",
        "soaking",
        "queued",
        "cancelling",
        "cancelled",
    ],
)
def test_standing(picture: Picture, sample: Sample) -> None:
    assert picture(one(sample), "enter", size=SMALL)


def test_retrying(picture: Picture) -> None:
    assert picture(one(made.retrying()), "enter", "right", "right", "right", size=(140, 34))


def test_held_for_good(picture: Picture) -> None:
    assert picture(one(made.held(point_of_no_return=True)), "enter", "down", size=(140, 30))


def test_rerun(picture: Picture) -> None:
    lineage = Lineage(LineageKind.RERUN, sample_id(0xABC))
    blocks = erase_blocks(1)
    gateway = sample_gateway()
    add_workflow(gateway, summary_of(0, S.RUNNING, counts_of(blocks), lineage=lineage), blocks)
    assert picture(gateway, "enter", size=SMALL)


def test_pause_dialog(picture: Picture) -> None:
    gateway = sample_gateway()
    blocks = erase_blocks(1)
    blocks[1][:3] = [S.RUNNING] * 3
    add_workflow(gateway, summary_of(0, S.RUNNING, counts_of(blocks)), blocks)
    assert picture(gateway, "enter", "p", size=SMALL)


def test_resume_dialog(picture: Picture) -> None:
    assert picture(one(made.paused()), "enter", "p", size=SMALL)


def test_cancel_dialog(picture: Picture) -> None:
    assert picture(one(made.pausing()), "enter", "X", size=SMALL)


def test_cancel_dialog_failed(picture: Picture) -> None:
    gateway = one(made.pausing())
    gateway.errors["cancel"] = Unreachable("127.0.0.1:8080 does not answer: connection refused")
    assert picture(gateway, "enter", "X", "up", "text:wrong satellite", "enter", size=SMALL)


def test_go_dialog(picture: Picture) -> None:
    assert picture(one(made.held()), "enter", "o", size=SMALL)


def test_go_dialog_no_return(picture: Picture) -> None:
    assert picture(one(made.held(point_of_no_return=True)), "enter", "o", "up", "text:aap", size=SMALL)


def test_resolve_dialog(picture: Picture) -> None:
    assert picture(one(made.needs_operator()), "enter", "u", "text:its lights are off", size=SMALL)


def test_receipt_settling(picture: Picture) -> None:
    assert picture(one(made.cancelled()), "enter", "E", size=SMALL)


def test_receipt_settled(picture: Picture) -> None:
    assert picture(one(made.cancelled(settled=True)), "enter", "E", size=(120, 24))


def test_receipt_export(picture: Picture) -> None:
    assert picture(one(made.cancelled()), "enter", "E", "s", size=SMALL)


def test_rerun_dialog(picture: Picture) -> None:
    assert picture(one(made.cancelled(settled=True)), "enter", "r", size=SMALL)


def several() -> FakeGateway:
    gateway = sample_gateway()
    for number, sample in enumerate(
        (made.pausing(), made.held(), made.needs_operator(), made.queued(), made.cancelled(settled=True))
    ):
        line = summary_of(number, sample.summary.status, sample.summary.jobs)
        summary = sample.summary
        gateway.summaries = (
            *gateway.summaries,
            made.renumbered(summary, line.id, line.created),
        )
    gateway.list_feed.first = (True, gateway.summaries)
    return gateway


def test_waiting_first(picture: Picture) -> None:
    assert picture(several(), size=(140, 24))


def test_waiting_first_small(picture: Picture) -> None:
    assert picture(several(), size=SMALL)


def test_pulse(picture: Picture) -> None:
    assert picture(several(), "P", size=SMALL)


def test_bulk_cancel_dialog(picture: Picture) -> None:
    assert picture(several(), "space", "space", "space", "space", "space", "X", size=SMALL)
