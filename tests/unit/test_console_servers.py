"""Another server without leaving the console: what one can choose, and that nothing of the old one stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from textual.widgets import Button

from wf_tui.app import WfApp
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.servers import ServersDialog
from wf_tui.drafts import Drafts
from wf_tui.gateway import Server, Unreachable
from wf_tui.screens.composer import ComposerScreen
from wf_tui.screens.workflows import WorkflowsScreen
from wf_tui.servers import known_servers
from wf_tui.settings import Profile, Settings
from wf_tui.state.models import Status, Stop, StopBoard
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import (
    FakeGateway,
    FakeServers,
    add_workflow,
    frozen_app,
    press,
    sample_gateway,
    settle,
    type_text,
)

FRA = Server("fra", "wf.fra.example:8080")
AMS = Server("ams", "wf.ams.example:8080", read_only=True)
SMOKE = StopBoard((Stop("*", True, "me", "smoke in Frankfurt"),))
SIZE = (120, 30)


def gateway_of(server: Server, name: str) -> FakeGateway:
    gateway = sample_gateway()
    gateway.address = server.address
    blocks = erase_blocks(0)
    summary = replace(summary_of(0, Status.RUNNING, counts_of(blocks), started=ago(60)), name=name)
    add_workflow(gateway, summary, blocks)
    return gateway


class Two:
    """The console on `fra`, with `ams` beside it."""

    def __init__(self, drafts: Drafts | None = None) -> None:
        self.fra = gateway_of(FRA, "InFrankfurt")
        self.fra.stop_feed.first = SMOKE
        self.down = False
        servers = FakeServers((AMS, FRA), {"fra": lambda: gateway_of(FRA, "InFrankfurt"), "ams": self._ams})
        self.app = frozen_app(self.fra, server=FRA, servers=servers, drafts=drafts)

    def _ams(self) -> FakeGateway:
        gateway = gateway_of(AMS, "InAmsterdam")
        if self.down:
            gateway.errors["server_info"] = Unreachable("it does not answer")
        return gateway


def painted(app: WfApp) -> str:
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in lines)


async def test_nothing_of_the_server_before_stays() -> None:
    two = Two()
    async with two.app.run_test(size=SIZE) as pilot:
        await press(pilot, "enter", "P")
        assert "smoke in Frankfurt" in painted(two.app)
        assert "fra wf.fra.example:8080" in painted(two.app)
        await press(pilot, "V", "home", "enter")
        await settle(pilot)
        assert isinstance(two.app.screen, WorkflowsScreen)
        assert len(two.app.screen_stack) == 1
        shown = painted(two.app)
        assert "InAmsterdam" in shown
        assert "ams wf.ams.example:8080" in shown
        assert "Frankfurt" not in shown
        assert two.fra.closed
        for key in ("S", "R", "P", "B"):
            await press(pilot, key)
            assert "Frankfurt" not in painted(two.app)
        two.fra.stop_feed.send(SMOKE)
        await settle(pilot)
        assert "Frankfurt" not in painted(two.app)


async def test_a_read_only_server_takes_the_dangerous_keys_away_and_another_gives_them_back() -> None:
    two = Two()
    async with two.app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        commands = {command.name: command for command in two.app.commands(two.app.screen)}
        commands["server: connect to ams"].run()
        await settle(pilot)
        assert two.app.read_only
        assert "e" not in two.app.screen.active_bindings
        await press(pilot, "V", "end", "enter")
        await settle(pilot)
        assert not two.app.read_only
        assert "e" in two.app.screen.active_bindings


async def test_what_was_begun_is_left_only_after_a_question_and_its_draft_is_kept(tmp_path: Path) -> None:
    two = Two(Drafts(tmp_path))
    async with two.app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        await press(pilot, "c", "enter")
        await type_text(pilot, "Rescue")
        await press(pilot, "enter")
        commands = {command.name: command for command in two.app.commands(two.app.screen)}
        commands["server: connect to ams"].run()
        await settle(pilot)
        assert isinstance(two.app.screen, ConfirmDialog)
        assert isinstance(two.app.focused, Button)
        assert two.app.focused.id == "cancel"
        await press(pilot, "enter")
        assert isinstance(two.app.screen, ComposerScreen)
        commands["server: connect to ams"].run()
        await settle(pilot)
        await press(pilot, "right", "enter")
        await settle(pilot)
        assert isinstance(two.app.screen, WorkflowsScreen)
        draft = Drafts(tmp_path).left_behind()
        assert draft is not None
        saved = draft.load()
        assert saved is not None
        assert saved.request.name == "Rescue"
        draft.close()


async def test_the_dialog_says_who_answers_and_asks_again() -> None:
    two = Two()
    two.down = True
    async with two.app.run_test(size=SIZE) as pilot:
        await press(pilot, "V")
        assert isinstance(two.app.screen, ServersDialog)
        shown = painted(two.app)
        assert "● answers" in shown
        assert "✗ no answer" in shown
        await press(pilot, "home")
        assert "it does not answer" in painted(two.app)
        assert "read-only" in shown
        two.down = False
        await press(pilot, "ctrl+r")
        assert "✗" not in painted(two.app)
        await press(pilot, "escape")
        assert isinstance(two.app.screen, WorkflowsScreen)


async def test_without_profiles_it_says_where_they_would_be() -> None:
    app = frozen_app(sample_gateway())
    async with app.run_test(size=SIZE) as pilot:
        await press(pilot, "V")
        assert any("[profiles.NAME]" in toast.message for toast in app._notifications)


async def test_an_address_that_is_none_leaves_everything_as_it_is() -> None:
    two = Two()
    two.app.servers = FakeServers((AMS, FRA), {})
    async with two.app.run_test(size=SIZE) as pilot:
        await press(pilot, "V", "home", "enter")
        await settle(pilot)
        assert "InFrankfurt" in painted(two.app)
        assert any("no address" in toast.message for toast in two.app._notifications)


def test_the_server_of_the_command_line_is_known_too() -> None:
    settings = Settings(profiles={"fra": Profile(address=FRA.address), "ams": Profile(address=AMS.address)})
    here = Server("", "127.0.0.1:8080")
    assert [server.title for server in known_servers(settings, here)] == ["127.0.0.1:8080", "ams", "fra"]
    assert [server.title for server in known_servers(settings, FRA)] == ["ams", "fra"]
    everywhere = known_servers(settings.with_options(theme=None, read_only=True), here)
    assert [server.read_only for server in everywhere[1:]] == [True, True]
