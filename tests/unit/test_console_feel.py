"""The console's manners: settings, read-only, toasts, and what it says where there is no room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from wf_tui import main as entry
from wf_tui.app import WfApp
from wf_tui.gateway import FailedPrecondition, Server
from wf_tui.preferences import binding_ids, theme_names
from wf_tui.readonly import DANGEROUS_BINDINGS
from wf_tui.readonly_gateway import ReadOnlyGateway
from wf_tui.screens.workflow import WorkflowScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.settings import BadSettings, Profile, Settings
from wf_tui.state.models import Resolution, Status, Summary, WorkReq
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway, settle
from wf_tui.widgets.too_small import TooSmall

S = Status


@asynccontextmanager
async def console(
    gateway: FakeGateway, settings: Settings | None = None, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[WfApp, Pilot[None]]]:
    app = frozen_app(gateway, settings=settings)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot


def erasure(gateway: FakeGateway, number: int, status: Status) -> Summary:
    blocks = erase_blocks(0)
    return add_workflow(gateway, summary_of(number, status, counts_of(blocks), started=ago(60)), blocks)


def toasts(app: WfApp) -> list[str]:
    return [toast.message for toast in app._notifications]


async def test_what_is_dangerous_vanishes_from_keys_and_palette() -> None:
    gateway = sample_gateway()
    erasure(gateway, 0, S.NOT_STARTED)
    async with console(gateway, Settings(read_only=True)) as (app, pilot):
        await press(pilot, "s", "e", "enter", "x", "s")
        assert isinstance(app.screen, WorkflowScreen)
        await press(pilot, "S", "s", "r")
        assert not {"set_stop", "execute", "submit"} & {call.name for call in gateway.calls}
        bound = {active.binding.id for active in app.screen.active_bindings.values()}
        assert not bound & DANGEROUS_BINDINGS
        assert "read-only" in app.export_screenshot()


async def test_the_read_only_gateway_refuses_every_change_before_it_leaves() -> None:
    gateway = ReadOnlyGateway("127.0.0.1:1")
    with pytest.raises(FailedPrecondition, match="read-only"):
        await gateway.submit(WorkReq("T", "", ()))
    with pytest.raises(FailedPrecondition, match="read-only"):
        await gateway.execute("7")
    with pytest.raises(FailedPrecondition, match="read-only"):
        await gateway.set_stop("*", engaged=True, reason="")
    orders = (
        gateway.pause("7", "why"),
        gateway.resume("7"),
        gateway.cancel("7", "why"),
        gateway.release("7", 0),
        gateway.resolve("7", 0, 0, Resolution.DONE, "why"),
    )
    for order in orders:
        with pytest.raises(FailedPrecondition, match="read-only"):
            await order
    await gateway.close()


async def test_every_dangerous_binding_is_one() -> None:
    changing = {"app.erase", "stops.engage", "stops.release", "workflow.execute", "workflow.stop"}
    assert changing <= DANGEROUS_BINDINGS & binding_ids()


async def test_keys_can_be_others() -> None:
    gateway = sample_gateway()
    erasure(gateway, 0, S.RUNNING)
    async with console(gateway, Settings(keys={"app.stops": "ctrl+t"})) as (app, pilot):
        before = app.screen
        await press(pilot, "ctrl+t")
        assert app.screen is not before


@pytest.mark.parametrize("theme", ["wf-day", "wf-contrast", "wf-safe"])
async def test_themes_are_chosen(theme: str) -> None:
    async with console(sample_gateway(), Settings(theme=theme)) as (app, _):
        assert app.theme == theme
    assert theme in theme_names()


async def test_what_ends_while_one_looks_elsewhere_is_told_once() -> None:
    gateway = sample_gateway()
    summary = erasure(gateway, 0, S.RUNNING)
    erasure(gateway, 1, S.FAILED)
    rung: list[bool] = []
    async with console(gateway, Settings(bell=True)) as (app, pilot):
        app.bell = lambda: rung.append(True)  # type: ignore[method-assign]
        await press(pilot, "S")
        ended = replace(summary, status=S.STOPPED, reason="smoke in row 4")
        gateway.list_feed.send((False, (ended,)))
        gateway.list_feed.send((False, (ended,)))
        await settle(pilot)
        assert toasts(app) == ["■ stopped  SatelliteDiskErase 0000beef: smoke in row 4"]
        assert rung == [True]


@pytest.mark.parametrize("keys", [[], ["enter"]])
async def test_what_one_looks_at_needs_no_toast(keys: list[str]) -> None:
    gateway = sample_gateway()
    summary = erasure(gateway, 0, S.RUNNING)
    async with console(gateway) as (app, pilot):
        await press(pilot, *keys)
        gateway.list_feed.send((False, (replace(summary, status=S.COMPLETED),)))
        await settle(pilot)
        assert toasts(app) == []


async def test_too_small_says_so_and_keeps_everything() -> None:
    gateway = sample_gateway()
    erasure(gateway, 0, S.RUNNING)
    async with console(gateway) as (app, pilot):
        await press(pilot, "slash")
        await pilot.resize_terminal(59, 15)
        await settle(pilot)
        assert app.screen.query_one(TooSmall).display
        await pilot.resize_terminal(60, 16)
        await settle(pilot)
        assert not app.screen.query_one(TooSmall).display
        assert isinstance(app.screen, WorkflowsScreen)
        assert app.focused is not None
        assert app.focused.id == "text"


def test_the_command_line_outranks_the_file() -> None:
    settings = Settings(theme="wf-day", profiles={"fra": Profile(address="h:1", read_only=True)})
    chosen = settings.with_options(theme="wf-safe", read_only=False)
    assert (chosen.theme, chosen.read_only) == ("wf-safe", False)
    assert settings.with_options(theme=None, read_only=True).read_only
    assert entry._started(settings, "fra", "") == Server("fra", "h:1", read_only=True)
    with pytest.raises(BadSettings, match="there are fra"):
        settings.profile("ams")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("them = 1", {}, "console.toml: them: there is no such key"),
        ("theme = 'pink'", {}, "console.toml: theme: there is no 'pink'"),
        ("[keys]\n'tree.nex' = 'n'", {}, "console.toml: keys: there is no binding 'tree.nex'"),
        ("", {"theme": "pink"}, "theme: there is no 'pink'"),
        ("", {"profile": "fra"}, "there is no profile 'fra'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, options: dict[str, str], words: str
) -> None:
    path = tmp_path / "console.toml"
    path.write_text(text)
    arguments = ["--serve", "127.0.0.1:0", "--config", str(path)]
    arguments += [word for name, value in options.items() for word in (f"--{name}", value)]
    with pytest.raises(SystemExit) as raised:
        entry.main(arguments)
    told = capsys.readouterr().err
    assert raised.value.code == 2
    assert told.startswith("wf-tui: ")
    assert words in told
    assert len(told.splitlines()) == 1
