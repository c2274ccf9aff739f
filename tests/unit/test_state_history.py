"""Scrubbing: the workflow as of any change, whichever way one came there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wf_tui.screens.past import load_history
from wf_tui.state import history as history_module
from wf_tui.state.history import History, Scrubber, along
from wf_tui.state.models import ChangeBatch, Status
from wf_tui.state.samples import NOW, counts_of, erase_blocks, sample_history, snapshot_of, summary_of
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.testing import FakeGateway

S = Status
BLOCKS = erase_blocks(11)
SUMMARY = summary_of(0, S.FAILED, counts_of(BLOCKS), seq=1)


def loaded(failing: tuple[int, int] = (2, 3)) -> History:
    history = History(LiveWorkflow(snapshot_of(SUMMARY, BLOCKS)))
    history.take(sample_history(BLOCKS, {failing: "no answer"}))
    return history


def standing(workflow: LiveWorkflow) -> object:
    blocks = [(b.status, bytes(b.statuses), b.started, b.ended, tuple(b.counts)) for b in workflow.blocks]
    return workflow.summary, blocks, workflow.errors, workflow.started, workflow.seq


def test_the_beginning_is_as_submitted_and_the_end_as_it_ended() -> None:
    scrubber = Scrubber(loaded())
    first = scrubber.workflow
    assert (first.summary.status, first.summary.jobs.not_started) == (S.NOT_STARTED, 61)
    assert scrubber.line(NOW, UTC).endswith("as submitted")
    last = scrubber.go(10**9)
    assert last.summary.status is S.FAILED
    assert last.summary.jobs.completed == 60
    assert last.errors == {(2, 3): "no answer"}
    assert last.summary.reason == "1 job failed"


def test_a_change_is_told_in_words() -> None:
    history = loaded()
    scrubber = Scrubber(history)
    scrubber.go(3)
    assert scrubber.line(NOW, UTC) == f"seq 3/{len(history)}  02:00:03  job 0 of block 0: ● running"
    assert history.words(1) == "workflow: ● running"
    assert history.words(2) == "block 0: ● running"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-3, 200), min_size=1, max_size=12))
def test_every_way_leads_to_the_same_state(stops: list[int]) -> None:
    history = loaded()
    wandering = Scrubber(history)
    for seq in stops:
        wandering.go(seq)
    straight = Scrubber(history)
    straight.go(wandering.seq)
    assert standing(wandering.workflow) == standing(straight.workflow)


def test_checkpoints_are_the_same_as_going_through(monkeypatch: pytest.MonkeyPatch) -> None:
    history = loaded()
    plain = Scrubber(history)
    monkeypatch.setattr(history_module, "_CHECKPOINT", 7)
    marked = Scrubber(history)
    marked.go(len(history))
    for seq in (100, 50, 49, 48, 7, 6, 0):
        marked.go(seq)
        plain = Scrubber(history)
        plain.go(seq)
        assert standing(marked.workflow) == standing(plain.workflow)


def test_checkpoints_are_made_one_at_a_time_and_change_nothing_that_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history = loaded()
    monkeypatch.setattr(history_module, "_CHECKPOINT", 7)
    scrubber = Scrubber(history)
    scrubber.go(3)
    shown = standing(scrubber.workflow)
    assert list(scrubber.checkpoints()) == list(range(7, len(history) + 1, 7))
    assert standing(scrubber.workflow) == shown
    assert list(scrubber.checkpoints()) == []
    plain = Scrubber(history)
    assert standing(scrubber.go(len(history))) == standing(plain.go(len(history)))


def test_going_far_forward_begins_at_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    history = loaded()
    monkeypatch.setattr(history_module, "_CHECKPOINT", 7)
    scrubber = Scrubber(history)
    list(scrubber.checkpoints())
    applied: list[int] = []
    real = LiveWorkflow.apply

    def apply(self: LiveWorkflow, batch: ChangeBatch) -> set[tuple[int, int]]:
        applied.append(len(batch.statuses))
        return real(self, batch)

    monkeypatch.setattr(LiveWorkflow, "apply", apply)
    scrubber.go(len(history))
    assert sum(applied) < 7


def test_stretches_that_overlap_are_taken_once() -> None:
    whole = sample_history(BLOCKS, {})
    history = History(LiveWorkflow(snapshot_of(SUMMARY, BLOCKS)))
    history.take(replace(whole, statuses=whole.statuses[:10], blocks=whole.blocks[:10],
                         jobs=whole.jobs[:10], times_us=whole.times_us[:10]))  # fmt: skip
    assert not history.complete
    history.take(whole)
    assert bytes(history.statuses) == whole.statuses
    assert history.complete


async def test_pages_are_asked_for_until_all_is_there() -> None:
    gateway = FakeGateway(histories={SUMMARY.id: sample_history(BLOCKS, {})})
    history = History(LiveWorkflow(snapshot_of(SUMMARY, BLOCKS)))
    told: list[int] = []
    await load_history(gateway, history, lambda: told.append(len(history)), page=50)
    assert told == [50, 100, len(history)]
    assert history.complete


@pytest.mark.parametrize(
    ("seq", "steps", "expected"),
    [
        (0, 1, 3),
        (3, 1, 5),
        (4, 1, 5),
        (9, 1, None),
        (9, -1, 5),
        (3, -1, None),
        (0, 2, 5),
        (0, 9, 9),
        (9, -9, 3),
    ],
)
def test_along_places(seq: int, steps: int, expected: int | None) -> None:
    assert along([3, 5, 9], seq, steps) == expected
    assert along([], seq, steps) is None
