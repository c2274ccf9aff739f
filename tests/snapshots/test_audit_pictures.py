"""Pictures of the audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime

import pytest

from wf_tui.gateway import ServerFault
from wf_tui.state.audit import AuditEntry, read_entry
from wf_tui.state.samples import ERASE, ago, sample_id
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])


def entry(seq: int, time: datetime, who: str, what: str, outcome: str = "done", **told: object) -> AuditEntry:
    """An entry as a server tells it."""
    fields = {
        "source": "token 10.0.0.7:41000", "workflow_type": ERASE, "target": sample_id(seq), "why": "",
        "told": "", "digest": hashlib.sha256(str(seq).encode()).hexdigest(), "times": 1,
    }  # fmt: skip
    fields |= {"seq": seq, "time_us": round(time.timestamp() * 1e6), "who": who, "what": what}
    text = json.dumps({**fields, "outcome": outcome, **told})
    return read_entry(text, hashlib.sha256(text.encode()).digest(), bytes(32))


def some() -> FakeGateway:
    gateway = sample_gateway()
    server = {"source": "server", "workflow_type": "", "target": ""}
    gateway.entries = (
        entry(1, ago(90_000), "wf-server", "audit began", **server),
        entry(2, ago(90_000), "wf-server", "server started", **server, told="version 1, 0 workflows resumed"),
        entry(3, ago(7_300), "ada@ops-1", "submit"),
        entry(4, ago(7_200), "ada@ops-1", "execute"),
        entry(5, ago(3_700), "ada@ops-1", "cancel", why="the site is needed again"),
        entry(6, ago(3_698), "ada@ops-1", "workflow ended", "cancelled", why="the site is needed again"),
        entry(
            7, ago(600), "vera", "stop released", "refused", target=ERASE, why="all is well",
            told="PERMISSION_DENIED: vera lacks the role operator",
        ),
        entry(
            8, ago(300), "", "workflow.v1.WorkflowService/List", "refused", **server, times=12_345,
            told="so many more within 60 s, which were only counted",
        ),
        entry(9, ago(120), "es.json", "stop engaged", target="*", workflow_type="*", source="file"),
        entry(10, ago(60), "bob", "execute", "failed", told="UNAVAILABLE: the database cannot be written"),
        entry(11, ago(5), "root", "operator revoked", source="command line", workflow_type="", target="eve"),
    )  # fmt: skip
    return gateway


def test_empty(picture: Picture) -> None:
    assert picture(sample_gateway(), "W", size=(80, 24))


@SIZES
def test_list(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(some(), "W", "down", "down", "down", "down", size=size)


@SIZES
def test_filter(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(some(), "W", "slash", "text:outcome:refused !who:vera", "enter", size=size)


def test_filter_without_a_match(picture: Picture) -> None:
    assert picture(some(), "W", "slash", "text:zebra", size=(80, 24))


@SIZES
def test_one(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(some(), "W", "down", "down", "down", "down", "enter", size=size)


def test_error(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["audit"] = ServerFault("the server failed; its log says more")
    assert picture(gateway, "W", size=(80, 24))


def test_disconnected(picture: Picture) -> None:
    gateway = some()
    assert picture(gateway, "W", gateway.disconnect, "ctrl+r", size=(80, 24))
