"""Pictures of the emergency stops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wf_tui.state.samples import ago, sample_board
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]


def stops(*, problem: str = "", everything: bool = False, erase: bool = False) -> FakeGateway:
    gateway = sample_gateway()
    gateway.stop_feed.first = sample_board(problem=problem, everything=everything, erase=erase)
    return gateway


def two_keys(*, key: bool) -> FakeGateway:
    gateway = sample_gateway()
    gateway.board = gateway.stop_feed.first = sample_board(erase=True, two_keys=True, key=key)
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


def test_first_key(picture: Picture) -> None:
    assert picture(two_keys(key=True), "S", "down", size=(80, 24))


def test_first_key_wide(picture: Picture) -> None:
    assert picture(two_keys(key=True), "S", "down", "d", size=(160, 48))


def test_first_key_dialog(picture: Picture) -> None:
    assert picture(two_keys(key=False), "S", "down", "r", size=(80, 24))


def test_second_key_dialog(picture: Picture) -> None:
    assert picture(two_keys(key=True), "S", "down", "r", size=(80, 24))


def test_first_key_turned(picture: Picture) -> None:
    keys = ("S", "down", "r", "text:row 4 is clear", "enter", "text:SatelliteDiskErase", "enter")
    assert picture(two_keys(key=False), *keys, size=(80, 24))


def test_key_taken_back(picture: Picture) -> None:
    assert picture(two_keys(key=True), "S", "down", "u", size=(80, 24))


def test_reminder(picture: Picture) -> None:
    gateway = two_keys(key=False)
    stop = gateway.board.stops[0]
    ended = replace(stop, expires=ago(30), reminded=ago(0))

    def remind() -> None:
        gateway.stop_feed.send(replace(gateway.board, stops=(ended, *gateway.board.stops[1:])))

    assert picture(gateway, "S", "down", remind, size=(80, 24))
