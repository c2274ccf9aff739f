"""Every screen and dialog in the least room, by daylight, in high contrast, and while something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.diskerase import erase_request
from wf_tui.state.approval_samples import sample_plans
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import (
    Bucket,
    JobCounts,
    Rejection,
    RejectionSummary,
    Status,
    Violation,
)
from wf_tui.state.samples import (
    ago,
    counts_of,
    erase_blocks,
    sample_board,
    sample_buckets,
    sample_history,
    sample_id,
    sample_quotas,
    sample_sites,
    summary_of,
)
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

S = Status
Picture = Callable[..., bool]

_ERASURE = erase_request("aap", next(machines for site, machines in sample_sites() if site.name == "aap"))
_VIOLATIONS = (
    Violation("sameArgs", "site differs from that of block 0 job 0", 1, 2, "site", '"aab"', '"aap"'),
    Violation("validation", "there is no machine aa99.aap", 1, 3, "machine", '"aa99"', "one of aa00 to ae09"),
)

#: Every screen and dialog by the keys that lead there from the list of workflows.
PLACES = {
    "workflows": (),
    "filter": ("slash", "text:sat"),
    "palette": ("colon",),
    "help": ("question_mark",),
    "workflow": ("enter", "n"),
    "timeline": ("enter", "T"),
    "raw": ("enter", "y"),
    "history": ("enter", "H", "pageup"),
    "stops": ("S",),
    "engage": ("S", "s"),
    "release": ("S", "down", "r"),
    "inbox": ("A",),
    "approval": ("A", "enter"),
    "approve": ("A", "enter", "a"),
    "rejections": ("R",),
    "rejection": ("R", "enter"),
    "pulse": ("P",),
    "catalogue": ("K",),
    "buckets": ("B",),
    "quotas": ("U",),
    "sites": ("I",),
    "wizard": ("e", "text:", "enter"),
    "composer": ("C", "n"),
    "composer-new": ("c",),
    "composer-form": ("C", "n", "enter"),
    "composer-text": ("C", "t"),
    "choose": ("C", "a"),
    "fan-out": ("C", "f", "enter", "text:aa*"),
    "path": ("C", "s"),
    "submit": ("C", "ctrl+e"),
}

#: Where what is polled or streamed is shown; the others keep what they read.
LIVE = (
    "workflows",
    "workflow",
    "stops",
    "inbox",
    "approval",
    "rejections",
    "pulse",
    "catalogue",
    "buckets",
    "quotas",
    "sites",
    "composer",
)
DIALOGS = {"approve", "filter", "palette", "help", "engage", "release", "choose", "fan-out", "path", "submit"}
#: From where something is started, or was.
STARTS = ("workflow", "rejection", "sites", "wizard", "composer", "submit")
#: The call without whose answer a place has nothing to show.
WAITS_FOR = {
    "inbox": "approvals",
    "approval": "approval",
    "rejections": "rejections",
    "rejection": "rejection",
    "pulse": "list",
    "catalogue": "job_types",
    "buckets": "buckets",
    "quotas": "quotas",
    "sites": "sites",
}


def world(*, stopped: bool = False) -> FakeGateway:
    """A day with something of everything; its one type is stopped, or everything is."""
    gateway = sample_gateway()
    gateway.known_job_types = sample_job_types()
    gateway.verdict = _VIOLATIONS
    gateway.known_buckets = (*sample_buckets(0), Bucket("reboots", 20, 7, 1, 60.0, ago(-31)))
    gateway.known_quotas = sample_quotas()
    blocks = erase_blocks(4)
    blocks[4][2] = S.FAILED
    errors = {(4, 2): "no route to host"}
    summary = summary_of(
        1, S.FAILED, counts_of(blocks), started=ago(900), ended=ago(600), reason="1 job failed"
    )
    add_workflow(gateway, summary, blocks, errors=errors)
    gateway.histories[summary.id] = sample_history(blocks, errors)
    gateway.requests[summary.id] = _ERASURE
    gateway.summaries += (
        summary_of(2, S.RUNNING, JobCounts(total=50, completed=9), started=ago(60)),
        summary_of(3, S.NOT_STARTED, JobCounts(total=9)),
    )
    gateway.list_feed.first = (True, gateway.summaries)
    refused = RejectionSummary(
        id=sample_id(7),
        name=_ERASURE.name,
        desc=_ERASURE.desc,
        operator="ada@ops-1",
        time=ago(9000),
        blocks=len(_ERASURE.blocks),
        jobs=_ERASURE.job_count,
        violations=len(_VIOLATIONS),
        first=_VIOLATIONS[0].message,
    )
    mended = replace(refused, id=sample_id(6), mended_by=summary.id)
    gateway.refused = (Rejection(refused, _ERASURE, _VIOLATIONS), Rejection(mended, _ERASURE, _VIOLATIONS))
    gateway.plans = sample_plans()
    gateway.board = sample_board(everything=stopped, erase=not stopped)
    gateway.stop_feed.first = gateway.board
    return gateway


@pytest.mark.parametrize("place", PLACES)
def test_in_the_least_room(picture: Picture, place: str) -> None:
    assert picture(world(), *PLACES[place], size=(60, 16))


@pytest.mark.parametrize("place", PLACES)
def test_by_daylight(picture: Picture, place: str) -> None:
    assert picture(world(), *PLACES[place], size=(80, 24), theme="wf-day")


@pytest.mark.parametrize("place", [place for place in PLACES if place not in DIALOGS])
def test_in_high_contrast(picture: Picture, place: str) -> None:
    assert picture(world(), *PLACES[place], size=(80, 24), theme="wf-contrast")


@pytest.mark.parametrize("place", LIVE)
def test_disconnected(picture: Picture, place: str) -> None:
    gateway = world()
    assert picture(gateway, *PLACES[place], gateway.disconnect, "ctrl+r", size=(80, 24))


@pytest.mark.parametrize("place", STARTS)
def test_everything_is_stopped(picture: Picture, place: str) -> None:
    assert picture(world(stopped=True), *PLACES[place], size=(80, 24))


@pytest.mark.parametrize("place", WAITS_FOR)
def test_loading(picture: Picture, place: str) -> None:
    gateway = world()

    async def no_answer(*args: object, **named: object) -> None:
        await asyncio.Event().wait()

    setattr(gateway, WAITS_FOR[place], no_answer)
    assert picture(gateway, *PLACES[place], size=(80, 24))
