"""Pictures of the queue, and of a wizard with several sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from wf_tui.gateway import EmergencyStopped, Refused
from wf_tui.state.models import JobCounts, SiteStatus, Status, Violation
from wf_tui.state.samples import ago, sample_board, sample_buckets, sample_sites
from wf_tui.testing_server import WorkingGateway, working_gateway

Picture = Callable[..., bool]

WIDE, SMALL, NARROW = (120, 34), (80, 24), (64, 20)
THEMES = ("wf-night", "wf-day", "wf-contrast")

MARKED = ("e", "a")
TO_CONFIRM = (*MARKED, "enter", "enter", "enter", "enter")
CONFIRMED = (*TO_CONFIRM, "text:3 aap adg adv", "enter")


def three_sites(tokens: int = 3) -> WorkingGateway:
    site, machines = sample_sites()[2]
    gateway = working_gateway(tokens=tokens)
    gateway.known_sites = (*gateway.known_sites, (replace(site, name="adv"), machines))
    gateway.known_buckets = tuple(replace(bucket, size=3) for bucket in gateway.known_buckets)
    return gateway


def running(gateway: WorkingGateway) -> Callable[[], None]:
    """The second of three, some blocks in."""

    def go() -> None:
        gateway.finish("w1")

    return go


def half_way(gateway: WorkingGateway) -> Callable[[], None]:
    return lambda: gateway.move(
        "w2", jobs=JobCounts(total=61, completed=24, running=5, not_started=32), started=ago(431)
    )


@pytest.mark.parametrize("size", [SMALL, NARROW])
def test_sites_marked(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(three_sites(), "e", "space", "space", size=size)


@pytest.mark.parametrize("size", [SMALL, NARROW])
def test_pre_checks_of_several(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(three_sites(), *MARKED, "enter", size=size)


def test_pre_checks_of_several_that_fail(picture: Picture) -> None:
    gateway = three_sites(tokens=0)
    gateway.board = sample_board(erase=True)
    gateway.stop_feed.first = gateway.board
    later = gateway.known_sites

    def back_in_service() -> None:
        site, machines = later[4]
        gateway.known_sites = (
            *later[:4],
            (replace(site, status=SiteStatus.IN_SERVICE), machines),
            *later[5:],
        )

    assert picture(gateway, *MARKED, back_in_service, "enter", size=SMALL)


def test_plan_of_several(picture: Picture) -> None:
    assert picture(three_sites(), *MARKED, "enter", "enter", size=SMALL)


def test_verdict_on_several(picture: Picture) -> None:
    gateway = three_sites()
    assert picture(gateway, *MARKED, "enter", "enter", "enter", size=SMALL)


def test_refused_verdict_on_several(picture: Picture) -> None:
    gateway = three_sites()
    gateway.verdict = (
        Violation("sameArgs", "the site is not the same everywhere", 3, 2, "site", "aaq", "aap"),
    )
    assert picture(gateway, *MARKED, "enter", "enter", "enter", size=SMALL)


@pytest.mark.parametrize("theme", THEMES)
def test_confirmation_of_several(picture: Picture, theme: str) -> None:
    assert picture(three_sites(), *TO_CONFIRM, "text:3 aap", size=SMALL, theme=theme)


def test_confirmation_of_several_narrow(picture: Picture) -> None:
    assert picture(three_sites(), *TO_CONFIRM, size=NARROW)


@pytest.mark.parametrize("size", [SMALL, NARROW])
def test_dry_run(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(three_sites(), "e", "d", "a", "enter", "enter", "enter", "enter", size=size)


def test_dry_run_that_would_fail(picture: Picture) -> None:
    gateway = three_sites()
    gateway.verdict = (Violation("emergencyStop", "the stop is engaged"),)
    gateway.board = sample_board(erase=True)
    assert picture(gateway, "e", "d", "enter", "enter", "enter", "enter", size=SMALL)


def test_stop_engaged_meanwhile(picture: Picture) -> None:
    gateway = three_sites()
    board = sample_board(erase=True)
    assert picture(gateway, *TO_CONFIRM, lambda: gateway.stop_feed.send(board), size=SMALL)


def test_decom_check(picture: Picture) -> None:
    gateway = three_sites()
    stop, kind = gateway.board.stops[0], gateway.book.workflow_types[0]
    name = "SatelliteDecomCheck"
    gateway.board = replace(gateway.board, stops=(*gateway.board.stops, replace(stop, name=name)))
    gateway.stop_feed.first = gateway.board
    gateway.book = replace(gateway.book, workflow_types=(kind, replace(kind, name=name)))
    assert picture(gateway, "D", "a", "enter", "enter", "enter", "enter", size=SMALL)


def test_queue_empty(picture: Picture) -> None:
    assert picture(three_sites(), "Q", size=SMALL)


@pytest.mark.parametrize("theme", THEMES)
def test_queue_running(picture: Picture, theme: str) -> None:
    gateway = three_sites()
    assert picture(gateway, *CONFIRMED, running(gateway), half_way(gateway), size=SMALL, theme=theme)


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_queue_running_in_other_sizes(picture: Picture, size: tuple[int, int]) -> None:
    gateway = three_sites()
    assert picture(gateway, *CONFIRMED, running(gateway), half_way(gateway), size=size)


def test_queue_held(picture: Picture) -> None:
    gateway = three_sites()
    assert picture(gateway, *CONFIRMED, "p", size=SMALL)


def test_queue_waiting_for_a_token(picture: Picture) -> None:
    gateway = three_sites()

    def taken() -> None:
        gateway.known_buckets = sample_buckets(tokens=0)
        gateway.finish("w1")

    assert picture(gateway, *CONFIRMED, taken, "down", size=SMALL)


@pytest.mark.parametrize("theme", THEMES)
def test_queue_failed(picture: Picture, theme: str) -> None:
    gateway = three_sites()

    def fail() -> None:
        gateway.finish("w2", Status.FAILED, "1 job failed: aa07 does not answer")

    assert picture(gateway, *CONFIRMED, running(gateway), fail, "down", size=SMALL, theme=theme)


def test_queue_failed_narrow(picture: Picture) -> None:
    gateway = three_sites()

    def fail() -> None:
        gateway.finish("w1", Status.FAILED, "1 job failed: aa07 does not answer")

    assert picture(gateway, *CONFIRMED, fail, size=NARROW)


def test_queue_stopped(picture: Picture) -> None:
    gateway = three_sites()

    def stop() -> None:
        gateway.finish("w1", Status.STOPPED, "stopped by grace@ops-2: smoke in row 4")

    assert picture(gateway, *CONFIRMED, stop, size=SMALL)


@pytest.mark.parametrize(
    "error",
    [
        Refused("2 violations: the site is not the same everywhere, and 1 more", ()),
        EmergencyStopped("an emergency stop is engaged for SatelliteDiskErase: smoke in row 4", ()),
    ],
    ids=["policy", "stop"],
)
def test_queue_refused(picture: Picture, error: Refused) -> None:
    gateway = three_sites()
    gateway.errors["submit"] = error
    assert picture(gateway, *CONFIRMED, size=SMALL)


def test_queue_try_again(picture: Picture) -> None:
    gateway = three_sites()

    def fail() -> None:
        gateway.finish("w1", Status.FAILED, "1 job failed: aa07 does not answer")

    assert picture(gateway, *CONFIRMED, fail, "r", size=SMALL)


def test_queue_over(picture: Picture) -> None:
    gateway = three_sites()
    deeds = [lambda at=at: gateway.finish(f"w{at}") for at in (1, 2, 3)]
    assert picture(gateway, *CONFIRMED, *deeds, size=SMALL)


def test_queue_disconnected(picture: Picture) -> None:
    gateway = three_sites()
    assert picture(gateway, *CONFIRMED, gateway.disconnect, size=SMALL)


def test_queue_help(picture: Picture) -> None:
    assert picture(three_sites(), *CONFIRMED, "question_mark", size=(80, 34))
