"""The same key means the same everywhere: every screen against one table, every binding remappable."""

from __future__ import annotations

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

import wf_tui.app
from wf_tui.dialogs.base import Dialog
from wf_tui.preferences import binding_ids
from wf_tui.screens.base import WfScreen
from wf_tui.settings import Settings
from wf_tui.state.models import Status
from wf_tui.state.samples import ago, counts_of, erase_blocks, summary_of
from wf_tui.testing import FakeGateway, add_workflow, frozen_app, press, sample_gateway

S = Status
#: What a key of the table is for, on every screen that has it.
KEYS = {"d": "describe", "y": "raw", "l": "log", "space": "mark", "slash": "filter"}
EVERYWHERE = {"escape": "back", "ctrl+r": "retry"}
#: Which of them each screen has. What is left out is left out on purpose: nothing there can be
#: marked for several things at once but workflows, and only jobs have logs.
HAS = {
    "AuditScreen": "d y slash",
    "BucketsScreen": "d y slash",
    "CatalogueScreen": "d y slash",
    "CompareScreen": "d l slash",
    "ApprovalScreen": "d y",
    "HistoryScreen": "d y l slash",
    "InboxScreen": "d y slash",
    "LogScreen": "d slash",
    "PulseScreen": "",
    "QueueScreen": "",
    "QuotasScreen": "d y slash",
    "RawScreen": "",
    "ReceiptScreen": "",
    "RejectionScreen": "d y",
    "RejectionsScreen": "d y slash",
    "SitesScreen": "d y slash",
    "StopsScreen": "d y slash",
    "TimelineScreen": "l",
    "WorkbenchScreen": "d y",
    "WorkflowScreen": "d y l slash",
    "WorkflowsScreen": "d y space slash",
}
#: These are for typing in, or are no list; other keys are theirs.
OTHERS = {
    *("ComposerScreen", "WizardScreen", "Choosing", "Confirming"),
    *("FilteredScreen", "GaugesScreen", "InspectingScreen", "OrderingScreen"),
}


def kinds(root: type[DOMNode]) -> list[type[DOMNode]]:
    """All classes of the console below one."""
    found = []
    for kind in root.__subclasses__():
        found += [kind, *kinds(kind)]
    return sorted({kind for kind in found if kind.__module__.startswith("wf_tui.")}, key=lambda k: k.__name__)


def own(kind: type[DOMNode]) -> list[Binding]:
    return list(Binding.make_bindings(vars(kind).get("BINDINGS", [])))


def actions(kind: type[DOMNode]) -> dict[str, str]:
    """What each key does on a screen, those of its bases included."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, DOMNode) and base.__module__.startswith("wf_tui."):
            found |= {binding.key: binding.action for binding in own(base)}
    return found


SCREENS = {kind.__name__: kind for kind in kinds(WfScreen)}


@pytest.mark.parametrize("name", sorted(HAS))
def test_a_screen_has_the_keys_of_the_table_and_no_key_means_something_else(name: str) -> None:
    does = actions(SCREENS[name])
    has = {key: does[key] for key in KEYS if key in does}
    assert has == {key: KEYS[key] for key in HAS[name].split()}
    assert {key: does.get(key) for key in EVERYWHERE} == EVERYWHERE


def test_a_new_screen_has_to_be_put_into_the_table() -> None:
    lists = {name for name, kind in SCREENS.items() if kind.__module__.startswith("wf_tui.screens")}
    unknown = {name for name in lists - set(HAS) - OTHERS if "slash" in actions(SCREENS[name])}
    assert not unknown


def test_every_binding_has_an_id_and_a_tooltip_and_ids_are_told_apart() -> None:
    assert wf_tui.app.WfApp in kinds(DOMNode)
    where: dict[str, tuple[str, str]] = {}
    for kind in kinds(DOMNode):
        for binding in own(kind):
            place = f"{kind.__name__}: {binding.key}"
            assert binding.id, place
            assert binding.tooltip, place
            before = where.setdefault(binding.id, (kind.__name__, binding.action))
            assert before == (kind.__name__, binding.action), place


def test_every_binding_can_be_remapped() -> None:
    settings = Settings(keys=dict.fromkeys(binding_ids(), "f9"))
    settings.check_names({settings.theme}, binding_ids())
    own_ids = {binding.id for kind in kinds(DOMNode) for binding in own(kind)}
    assert own_ids == binding_ids()


def test_dialogs_are_left_by_esc() -> None:
    assert all(actions(kind).get("escape") for kind in kinds(Dialog))


@pytest.mark.parametrize(
    ("keys", "call"),
    [
        (["A"], "approvals"),
        (["B"], "buckets"),
        (["U"], "quotas"),
        (["I"], "sites"),
        (["K"], "policies"),
        (["R"], "rejections"),
        (["W"], "audit"),
        (["P"], "list"),
        (["S"], "stops"),
        (["enter", "y"], "status_json"),
        (["enter", "H"], "history"),
        (["enter", "T"], "history"),
        (["enter", "l"], "list_jobs"),
    ],
)
async def test_ctrl_r_asks_anew(keys: list[str], call: str) -> None:
    gateway = erasure()
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, *keys)
        asked = len(gateway.called(call))
        await press(pilot, "ctrl+r")
        assert len(gateway.called(call)) > asked


async def test_ctrl_r_opens_streams_anew() -> None:
    gateway = erasure()
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot)
        opened = gateway.list_feed.opened
        await press(pilot, "ctrl+r")
        assert gateway.list_feed.opened == opened + 1
        assert gateway.list_feed.listeners == 1
        feed = gateway.feed(gateway.summaries[0].id)
        await press(pilot, "enter")
        opened = feed.opened
        await press(pilot, "ctrl+r")
        assert (feed.opened, feed.listeners) == (opened + 1, 1)


def erasure() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(1)
    blocks[1] = [S.RUNNING] * 6
    add_workflow(gateway, summary_of(0, S.RUNNING, counts_of(blocks), started=ago(60)), blocks)
    return gateway
