"""A queue as frozen values: what is due, what stands still, and what an entry's workflow is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wf_tui.diskerase import erase_request
from wf_tui.drafts import shelf_of
from wf_tui.state.models import JobCounts, Status, Summary
from wf_tui.state.queue import Entry, Queue, Stage, advice, counts_words, ended, same
from wf_tui.state.samples import NOW, ago

MACHINES = ("aa00", "aa01")


def entry(site: str, stage: Stage = Stage.WAITING, **fields: object) -> Entry:
    made = Entry((site,), erase_request(site, MACHINES), f"k-{site}", stage=stage)
    return replace(made, **fields)  # type: ignore[arg-type]


def queue(*entries: Entry, held: bool = False) -> Queue:
    return Queue("h:1", entries, held)


def summary(one: Entry, status: Status, **fields: object) -> Summary:
    made = Summary("w1", one.request.name, one.request.desc, status, "ada", NOW, jobs=JobCounts(4))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_the_first_that_is_not_over_is_due() -> None:
    some = queue(entry("aap", Stage.DONE), entry("adg"), entry("adv"))
    assert (some.current, some.due, some.trouble) == (1, 1, None)
    assert queue(entry("aap", Stage.DONE), entry("adg", Stage.LEFT_OUT)).current is None


def test_trouble_stands_in_the_way_of_what_waits() -> None:
    some = queue(entry("aap", Stage.TROUBLE, workflow_id="w1"), entry("adg"))
    assert some.due is None
    assert some.trouble is some.entries[0]
    assert some.left_out().due == 1
    assert some.again("k2").entries[0] == replace(entry("aap"), key="k2")


def test_a_held_queue_begins_nothing_but_follows_what_runs() -> None:
    assert queue(entry("aap"), held=True).due is None
    assert queue(entry("aap", workflow_id="w1"), held=True).due is None
    assert queue(entry("aap", Stage.RUNNING, workflow_id="w1"), held=True).due == 0


def test_more_is_added_behind_and_a_queue_that_is_over_begins_anew() -> None:
    begun = queue(entry("aap", Stage.RUNNING), held=True).added([entry("adg")])
    assert [one.title for one in begun.entries] == ["aap", "adg"]
    assert begun.held
    over = queue(entry("aap", Stage.DONE), held=True).added([entry("adg")])
    assert [one.title for one in over.entries] == ["adg"]
    assert not over.held


def test_giving_up_leaves_what_runs_and_what_is_over() -> None:
    some = queue(entry("aap", Stage.DONE), entry("adg", Stage.RUNNING), entry("adv"), entry("aaq")).given_up()
    assert [one.stage for one in some.entries] == [Stage.DONE, Stage.RUNNING, Stage.LEFT_OUT, Stage.LEFT_OUT]


@pytest.mark.parametrize(
    ("status", "stage", "stopped"),
    [
        (Status.COMPLETED, Stage.DONE, False),
        (Status.FAILED, Stage.TROUBLE, False),
        (Status.CANCELLED, Stage.TROUBLE, False),
        (Status.STOPPED, Stage.TROUBLE, True),
    ],
)
def test_only_a_completed_workflow_is_a_good_end(status: Status, stage: Stage, stopped: bool) -> None:
    some = queue(entry("aap", Stage.RUNNING, workflow_id="w1"))
    after = ended(some, 0, summary(some.entries[0], status, reason="why")).entries[0]
    assert (after.stage, after.stopped, after.status) == (stage, stopped, status)


def test_what_somebody_began_already_is_recognised() -> None:
    one = entry("aap")
    assert same(one, [summary(one, Status.RUNNING)])
    assert same(one, [summary(one, Status.PAUSED, created=ago(7200))])
    assert same(one, [summary(one, Status.FAILED), summary(one, Status.NOT_STARTED)]) is None
    assert same(one, [summary(entry("adg"), Status.RUNNING)]) is None
    assert same(one, [replace(summary(one, Status.RUNNING), name="Maintenance")]) is None


def test_advice_says_what_to_do_in_each_trouble() -> None:
    failed = queue(entry("aap", Stage.TROUBLE, workflow_id="w1"), entry("adg"))
    assert "1 more entry waits" in advice(failed)
    assert "r tries aap again, n goes on without it" in advice(failed)
    stopped = queue(entry("aap", Stage.TROUBLE, workflow_id="w1", stopped=True))
    assert "Release it (S)" in advice(stopped)
    assert "not submitted" in advice(queue(entry("aap", Stage.TROUBLE)))
    assert advice(queue(entry("aap"))) == ""


def test_the_counts_tell_every_entry() -> None:
    some = queue(entry("a", Stage.DONE), entry("b", Stage.RUNNING), entry("c", Stage.TOKEN), entry("d"))
    assert counts_words(some) == "1 running, 2 waiting, 1 completed"


def test_a_queue_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path / "queues", Queue)
    some = queue(entry("aap", Stage.TROUBLE, workflow_id="w1", status=Status.FAILED, ended=NOW), entry("adg"))
    kept = shelf.new()
    kept.save(some)
    assert shelf.left_behind() is None, "it is held"
    kept.close()
    found = shelf.left_behind()
    assert found is not None
    assert found.load() == some
    found.close()
    for text in ("", "{}", '{"address": 5}', '{"address": "a", "entries": [{}]}', "[" * 100_000):
        (tmp_path / "queues" / "0.json").write_text(text)
    found = shelf.left_behind()
    assert found is not None, "what cannot be read hides nothing"
    found.close()
