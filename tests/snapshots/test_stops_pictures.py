"""Pictures of the emergency stops."""

from __future__ import annotations

from collections.abc import Callable

from wf_tui.state.samples import sample_board
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]


def stops(*, problem: str = "", everything: bool = False, erase: bool = False) -> FakeGateway:
    gateway = sample_gateway()
    gateway.stop_feed.first = sample_board(problem=problem, everything=everything, erase=erase)
    return gateway


def test_go(picture: Picture) -> None:
    assert picture(stops(), "S", size=(80, 24))


def test_wide(picture: Picture) -> None:
    assert picture(stops(erase=True), "S", "down", size=(160, 24))


def test_engaged(picture: Picture) -> None:
    assert picture(stops(erase=True), "S", "down", size=(80, 24))


def test_everything(picture: Picture) -> None:
    assert picture(stops(everything=True), "S", size=(80, 24))


def test_unlisted(picture: Picture) -> None:
    assert picture(stops(), "S", "end", size=(80, 24))


def test_broken(picture: Picture) -> None:
    problem = "configs/es.json line 3 column 18: a comma is missing"
    assert picture(stops(problem=problem, erase=True), "S", size=(80, 24))


def test_loading(picture: Picture) -> None:
    gateway = stops()
    gateway.stop_feed.first = None
    assert picture(gateway, "S", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = stops()
    assert picture(gateway, "S", gateway.disconnect, size=(80, 24))


def test_engage_dialog(picture: Picture) -> None:
    assert picture(stops(), "S", "s", size=(80, 24))


def test_release_dialog(picture: Picture) -> None:
    assert picture(
        stops(erase=True), "S", "down", "r", "text:row 4 is clear", "enter", "text:Sat", size=(80, 24)
    )


def test_release_dialog_complete(picture: Picture) -> None:
    keys = ("S", "down", "r", "text:row 4 is clear", "enter", "text:SatelliteDiskErase")
    assert picture(stops(erase=True), *keys, size=(80, 24))
