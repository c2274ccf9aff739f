"""Questions asked again and again: when they are, when they are not, and what a refusal does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from wf_tui.gateway import GatewayError, Overloaded, Unreachable
from wf_tui.live import Links
from wf_tui.state.samples import NOW, sample_board
from wf_tui.state.situation import Link
from wf_tui.testing import frozen_app, press, sample_gateway, settle


class Server:
    """Answers with how often it was asked, or with the next error."""

    def __init__(self) -> None:
        self.asked = 0
        self.errors: list[GatewayError] = []

    async def ask(self) -> int:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.asked


class Poll:
    """A poller on a server, whose pauses end at once as long as there are turns."""

    def __init__(self, server: Server, turns: int) -> None:
        self.answers: list[int] = []
        self.refusals: list[GatewayError] = []
        self.pauses: list[float] = []
        self.pictures: list[Mapping[str, Link]] = []
        self.idle = asyncio.Event()
        self._turns = turns
        links = Links(self.pictures.append, lambda: NOW, wait=self._wait, jitter=lambda: 1.0)
        self.poller = links.poller(
            "poll", server.ask, self.answers.append, self.refusals.append, self._failed, every=3.0
        )

    def _failed(self, error: Exception) -> None:
        raise AssertionError(error)

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) > self._turns:
            self.idle.set()
            await event.wait()


async def play(server: Server, turns: int) -> Poll:
    poll = Poll(server, turns)
    poll.poller.start()
    await asyncio.wait_for(poll.idle.wait(), 5)
    await poll.poller.stop()
    return poll


async def test_it_asks_again_after_each_answer_and_shows_no_stream() -> None:
    poll = await play(Server(), turns=2)
    assert poll.answers == [1, 2, 3]
    assert poll.pauses == [3.0, 3.0, 3.0]
    assert poll.pictures == []


async def test_a_refusal_is_told_and_asking_goes_on() -> None:
    server = Server()
    server.errors = [Overloaded("busy")]
    poll = await play(server, turns=1)
    assert [str(error) for error in poll.refusals] == ["busy"]
    assert poll.answers == [2]
    assert poll.pictures == []


async def test_a_server_that_does_not_answer_is_a_lost_connection_until_it_does() -> None:
    server = Server()
    server.errors = [Unreachable("gone")]
    poll = await play(server, turns=1)
    assert [dict(picture) for picture in poll.pictures] == [
        {"poll": Link(False, "gone", poll.pictures[0]["poll"].retry_at)},
        {},
    ]
    assert poll.answers == [2]
    assert poll.pauses == [0.5, 3.0]


async def test_what_ails_the_server_is_on_every_screen_until_it_is_mended() -> None:
    gateway = sample_gateway()
    gateway.problems = ("policies.json:3: there is no policy sameArg",)
    app = frozen_app(gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        for keys in ([], ["S"], ["escape", "e"]):
            await press(pilot, *keys)
            assert app.screen.query_one("#trouble").display
        gateway.problems = ()
        await press(pilot, "ctrl+r")
        assert not app.screen.query_one("#trouble").display


async def test_a_broken_es_json_is_told_by_one_line() -> None:
    gateway = sample_gateway()
    gateway.stop_feed.first = sample_board(problem="es.json:3: a comma is missing")
    gateway.problems = ("es.json:3: a comma is missing",)
    app = frozen_app(gateway)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert app.screen.query_one("#alarm").display
        assert not app.screen.query_one("#trouble").display
