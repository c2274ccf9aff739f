"""Pictures of the pulse and of the buckets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.gateway import Overloaded
from wf_tui.state.models import Bucket, JobCounts, Status, StopBoard
from wf_tui.state.samples import NOW, ago, sample_board, sample_buckets, summary_of
from wf_tui.testing import FakeGateway, sample_gateway

S = Status
Picture = Callable[..., bool]


def well() -> FakeGateway:
    """Two run, and nothing is wrong."""
    gateway = sample_gateway()
    gateway.stop_feed.first = StopBoard(tuple(stop for stop in sample_board().stops if stop.listed))
    gateway.summaries = tuple(
        summary_of(n, status, JobCounts(total=50, completed=9), ended=ago(60 * n))
        for n, status in enumerate((S.RUNNING, S.RUNNING, S.NOT_STARTED, S.COMPLETED, S.STOPPED))
    )
    gateway.list_feed.first = (True, gateway.summaries)
    return gateway


def trouble() -> FakeGateway:
    """Whatever can go wrong, but not the connection."""
    gateway = well()
    more = (
        summary_of(6, S.NEEDS_OPERATOR, JobCounts(), reason="what job 3 of block 1 did is not known"),
        summary_of(
            7, S.FAILED, JobCounts(), ended=ago(600), reason="no token was left in diskEraseSatellite"
        ),
    )
    gateway.summaries += more
    gateway.stop_feed.first = sample_board(erase=True)
    gateway.known_buckets = (*sample_buckets(0), Bucket("reboots", 20, 7, 1, 60.0, ago(-31)))
    gateway.problems = (
        "policies.json line 12: there is no policy sameArg; the former policies stay in force",
        "machines.json cannot be read: permission denied; the former inventory stays in force",
    )
    gateway.now = ago(-95)
    return gateway


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])
def test_well(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(well(), "P", size=size)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["narrow", "wide"])
def test_trouble(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(trouble(), "P", size=size)


def test_everything_stopped(picture: Picture) -> None:
    gateway = well()
    gateway.stop_feed.first = sample_board(everything=True)
    assert picture(gateway, "P", size=(80, 24))


def test_empty(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.known_buckets = ()
    gateway.stop_feed.first = StopBoard(())
    assert picture(gateway, "P", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = well()
    assert picture(gateway, "P", gateway.disconnect, "ctrl+r", size=(80, 24))


def test_never_connected(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.disconnect()
    assert picture(gateway, "P", size=(80, 24))


def test_error(picture: Picture) -> None:
    gateway = well()
    gateway.errors["list"] = Overloaded("the server is busy: try again in a moment")
    assert picture(gateway, "P", size=(80, 24))


def test_light(picture: Picture) -> None:
    assert picture(trouble(), "P", theme="textual-light")


def buckets() -> FakeGateway:
    gateway = sample_gateway()
    gateway.known_buckets = (
        *sample_buckets(0),
        Bucket("firmware", 100, 100, 10, 3600.0),
        Bucket("reboots", 20, 7, 1, 60.0, ago(-31)),
    )
    return gateway


@pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])
def test_buckets(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(buckets(), "B", size=size)


def test_buckets_none(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.known_buckets = ()
    assert picture(gateway, "B", size=(80, 24))


def test_buckets_many(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.known_buckets = tuple(
        Bucket(f"bucket{n:03}", 40, n % 41, 1, 60.0, None if n % 41 == 40 else NOW) for n in range(300)
    )
    assert picture(gateway, "B", "pagedown", "end")


def test_buckets_error(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["buckets"] = Overloaded("the server is busy: try again in a moment")
    assert picture(gateway, "B", size=(80, 24))


def test_buckets_disconnected(picture: Picture) -> None:
    gateway = buckets()
    assert picture(gateway, "B", gateway.disconnect, "ctrl+r", size=(80, 24))
