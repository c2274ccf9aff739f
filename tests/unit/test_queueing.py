"""The queue at work: one after another, once each, over lost answers, breaks and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wf_tui.diskerase import erase_request
from wf_tui.drafts import Kept, Shelf, shelf_of
from wf_tui.gateway import EmergencyStopped, Overloaded, Refused, Unreachable
from wf_tui.queueing import QueueRunner
from wf_tui.state.models import Status, Summary, Violation
from wf_tui.state.queue import Entry, Queue, Stage
from wf_tui.state.samples import NOW, ago, sample_buckets, sample_sites
from wf_tui.testing_server import WorkingGateway, working_gateway

PATIENCE = 30
MACHINES = sample_sites()[2][1]


class Work:
    """A runner on a fake server; its pauses end when the test says so."""

    def __init__(self, gateway: WorkingGateway, directory: Path) -> None:
        self.gateway = gateway
        self.shelf: Shelf[Kept[Queue]] = shelf_of(directory, Queue)
        self.errors: list[BaseException] = []
        self.naps: list[float] = []
        self.runner = self.another()

    def another(self) -> QueueRunner:
        return QueueRunner(self.gateway, lambda: NOW, self.errors.append, shelf=self.shelf, wait=self._nap)

    async def _nap(self, event: asyncio.Event, seconds: float) -> None:
        self.naps.append(seconds)
        await event.wait()

    async def queue(self, *sites: str) -> None:
        await self.runner.add([entry(site) for site in sites])

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.001)

    async def until_stages(self, *stages: Stage) -> None:
        await self.until(lambda: self.stages() == list(stages))

    def stages(self) -> list[Stage]:
        return [one.stage for one in self.runner.queue.entries]

    async def until_runs(self, workflow_id: str) -> None:
        await self.until(lambda: bool(self.gateway.feed(workflow_id).listeners))

    def submitted(self) -> list[str]:
        return [request.desc.split()[5] for (request,) in self.gateway.called("submit")]  # type: ignore[attr-defined]


def entry(site: str) -> Entry:
    return Entry((site,), erase_request(site, MACHINES), f"k-{site}")


@pytest.fixture
async def work(tmp_path: Path) -> AsyncIterator[Work]:
    made = Work(working_gateway(), tmp_path / "queues")
    yield made
    await made.runner.stop()
    assert made.errors == []


async def test_each_begins_when_the_one_before_has_ended(work: Work) -> None:
    await work.queue("aap", "adg")
    await work.until_runs("w1")
    assert work.submitted() == ["aap"]
    work.gateway.finish("w1")
    await work.until_runs("w2")
    assert work.submitted() == ["aap", "adg"]
    assert work.gateway.called("execute") == [("w1",), ("w2",)]
    work.gateway.finish("w2")
    await work.runner.done()
    assert work.stages() == [Stage.DONE, Stage.DONE]
    assert work.shelf.left_behind() is None, "nothing is left to go on with"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.STOPPED])
async def test_the_first_unhappy_end_stops_it(work: Work, status: Status) -> None:
    await work.queue("aap", "adg")
    await work.until_runs("w1")
    work.gateway.finish("w1", status, "no token")
    await work.runner.done()
    assert work.stages() == [Stage.TROUBLE, Stage.WAITING]
    assert work.runner.queue.entries[0].words == "no token"
    assert work.submitted() == ["aap"]


async def test_a_second_try_is_submitted_anew_and_goes_on(work: Work) -> None:
    await work.queue("aap", "adg")
    await work.until_runs("w1")
    work.gateway.finish("w1", Status.FAILED)
    await work.runner.done()
    await work.runner.again()
    await work.until_runs("w2")
    work.gateway.finish("w2")
    await work.until_runs("w3")
    assert work.submitted() == ["aap", "aap", "adg"]


async def test_what_is_left_out_is_never_submitted(work: Work) -> None:
    work.gateway.errors["submit"] = Refused("refused", [Violation("sameArgs", "no")])
    await work.queue("aap", "adg")
    await work.runner.done()
    assert (work.stages(), work.runner.queue.entries[0].words) == ([Stage.TROUBLE, Stage.WAITING], "refused")
    del work.gateway.errors["submit"]
    await work.runner.leave_out()
    await work.until_runs("w1")
    assert work.submitted() == ["aap", "adg"]
    assert work.stages() == [Stage.LEFT_OUT, Stage.RUNNING]


async def test_an_engaged_stop_is_told_as_one(work: Work) -> None:
    work.gateway.errors["submit"] = EmergencyStopped("smoke", ())
    await work.queue("aap")
    await work.runner.done()
    assert work.runner.queue.entries[0].stopped


async def test_an_empty_bucket_is_waited_for(work: Work) -> None:
    work.gateway.known_buckets = sample_buckets(tokens=0)
    await work.queue("aap")
    await work.until_stages(Stage.TOKEN)
    assert "no token in diskEraseSatellite; the next is due at" in work.runner.queue.entries[0].words
    assert "in 12 m 30 s" in work.runner.queue.entries[0].words
    assert work.naps == [30.0]
    assert work.submitted() == []
    work.gateway.known_buckets = sample_buckets(tokens=1)
    work.runner.hurry()
    await work.until_runs("w1")


async def test_a_lost_answer_submits_nothing_twice(work: Work) -> None:
    work.gateway.lost_answers = [Unreachable("h:1 did not answer in time")]
    await work.queue("aap")
    await work.until(lambda: bool(work.naps))
    assert "did not answer in time; trying again" in work.runner.queue.entries[0].words
    work.runner.hurry()
    await work.until_runs("w1")
    assert work.submitted() == ["aap"]
    assert work.gateway.called("execute") == [("w1",)]


async def test_pauses_grow_while_the_server_is_away(work: Work) -> None:
    work.gateway.errors["*"] = Overloaded("busy")
    await work.queue("aap")
    for tries in range(1, 8):
        await work.until(lambda tries=tries: len(work.naps) == tries)  # type: ignore[misc]
        await asyncio.sleep(0)
        work.runner.hurry()
    assert work.naps[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0]
    assert work.submitted() == []
    del work.gateway.errors["*"]
    work.runner.hurry()
    await work.until_runs("w1")


async def test_a_break_of_the_watch_is_none_of_the_workflow(work: Work) -> None:
    await work.queue("aap")
    await work.until_runs("w1")
    work.gateway.feed("w1").fail(Unreachable("gone"))
    await work.until(lambda: bool(work.naps))
    work.gateway.finish("w1")
    work.runner.hurry()
    await work.runner.done()
    assert work.stages() == [Stage.DONE]
    assert work.gateway.called("execute") == [("w1",)]


async def test_what_somebody_else_began_is_waited_for_and_not_begun_again(work: Work) -> None:
    request = entry("aap").request
    work.gateway.summaries = (Summary("other", request.name, request.desc, Status.RUNNING, "ada", ago(7200)),)
    work.gateway.requests["other"] = request
    await work.queue("aap")
    await work.until_runs("other")
    assert work.submitted() == []


@pytest.mark.parametrize("moment", ["waiting for a token", "submitted", "running", "between two"])
async def test_after_a_crash_it_goes_on_where_it_was(work: Work, moment: str) -> None:
    if moment == "waiting for a token":
        work.gateway.known_buckets = sample_buckets(tokens=0)
    if moment == "submitted":
        work.gateway.errors["execute"] = Unreachable("gone")
    await work.queue("aap", "adg")
    if moment in ("running", "between two"):
        await work.until_runs("w1")
    else:
        await work.until(lambda: bool(work.naps))
    if moment == "between two":
        work.gateway.finish("w1")
        await work.until_runs("w2")
    await crash(work)
    work.gateway.known_buckets = sample_buckets(tokens=1)
    work.gateway.errors.clear()
    queue = await work.runner.left_behind()
    assert queue is not None
    work.runner.adopt(queue)
    if moment != "between two":
        await work.until_runs("w1")
        work.gateway.finish("w1")
    await work.until_runs("w2")
    work.gateway.finish("w2")
    await work.runner.done()
    assert work.submitted() == ["aap", "adg"]
    assert work.stages() == [Stage.DONE, Stage.DONE]


async def crash(work: Work) -> None:
    """Ends the runner as a kill does: what is not in the file is lost."""
    task = work.runner._task
    assert task is not None
    task.cancel()
    await asyncio.wait({task})
    kept = work.runner._kept
    assert kept is not None
    kept._lock.close()
    work.runner = work.another()


async def test_a_crash_between_the_submission_and_its_record_submits_nothing_twice(work: Work) -> None:
    await work.queue("aap")
    await work.until_runs("w1")
    work.gateway.finish("w1", Status.FAILED)
    await crash(work)
    queue = await work.runner.left_behind()
    assert queue is not None
    work.runner.adopt(queue.changed(0, workflow_id="", stage=Stage.WAITING))
    await work.runner.done()
    assert work.stages() == [Stage.TROUBLE]
    assert work.submitted() == ["aap"]
    assert work.gateway.called("execute") == [("w1",)]


async def test_another_servers_queue_is_left_alone(work: Work, tmp_path: Path) -> None:
    elsewhere = Work(replace(working_gateway(), address="other:1"), tmp_path / "queues")
    elsewhere.gateway.known_buckets = sample_buckets(tokens=0)
    await elsewhere.queue("aap")
    await elsewhere.runner.stop()
    assert await work.runner.left_behind() is None
    again = elsewhere.another()
    assert await again.left_behind() is not None
    await again.let_go()
    assert await again.left_behind() is not None, "not now is not never"
    await again.stop()


async def test_a_held_queue_lets_the_running_one_end_and_begins_no_other(work: Work) -> None:
    await work.queue("aap", "adg")
    await work.until_runs("w1")
    await work.runner.hold(True)
    work.gateway.finish("w1")
    await work.runner.done()
    assert work.stages() == [Stage.DONE, Stage.WAITING]
    await work.runner.hold(False)
    await work.until_runs("w2")


async def test_a_queue_that_cannot_be_kept_is_told_and_goes_on(work: Work, tmp_path: Path) -> None:
    (tmp_path / "queues").write_text("a file where the directory should be")
    await work.queue("aap")
    await work.until_runs("w1")
    assert "cannot be kept" in str(work.errors[0])
    work.errors.clear()
    (tmp_path / "queues").unlink()


async def test_a_bug_is_told_and_the_queue_stands_still(work: Work) -> None:
    async def broken(workflow_id: str) -> Summary:
        raise ZeroDivisionError

    work.runner._follow = broken
    await work.queue("aap")
    await work.runner.done()
    assert [type(error) for error in work.errors] == [ZeroDivisionError]
    assert work.stages() == [Stage.TROUBLE]
    work.errors.clear()
