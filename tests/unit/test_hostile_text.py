"""Whatever a text from outside holds, it is painted harmlessly, on every screen and dialog."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from textual.app import App

from tests.unit.every_screen import VISITS, Say, Visit, console_classes, go_to, world
from wf_tui import main as entry
from wf_tui.cli import main as cli
from wf_tui.cli.session import Settings
from wf_tui.gateway import Refused, Server, ServerFault
from wf_tui.state.models import Block, Job, Snapshot, Status, WorkReq
from wf_tui.state.text import clean
from wf_tui.testing import frozen_app, press, settle
from wf_tui.workreq_files import dump_json

#: Where markup is read, BOO stands there without what is before it.
EVIL = {
    "markup": "[b]BOO[/b][red]x[@click=app.bell]x[/][link=http://evil]y[/link][$error]z \\[r]",
    "unclosed": "[b]BOO[/",
    "escapes": "[b]BOO\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil\x1b\\x\x1b]52;c;AAAA\x07\x1bc\x1bP1$r\x1b\\",
    "C1": "[b]BOO\x9b31m\x9d0;owned\x9c\x90q\x9c\x85\x8d",
    "bidi": "[b]BOO\u202egpj.exe\u202c\u2066\u2067x\u2069\u200e\u200f\u061c",
    "invisible": "[b]BOO\u200b\u200c\u200d\u2060\ufeff\u00ad\U000e0041\ufe0f",
    "wide": "[b]BOO👩\u200d👩\u200d👧🏳\ufe0f\u200d🌈🇩🇪👍🏽漢字ｶﾞe\u0301\u0301Z" + "\u0336" * 50,
    "breaks": "[b]BOO\nsecond\r\nthird\ttab\x0bx\x0cy\u2028z\u2029\r",
    "long": "[b]BOO" + "long " * 2_000,
    "long word": "[b]BOO" + "漢" * 10_000,
    "halves": "[b]BOO\ud800\udfff\ue000\U0010ffff",
}
#: Something of everything at the front, where narrow columns show it, and the rest behind.
MIXED = "[b]BOO\x1b[2J\x9b1m\u202e\u200d👩\u200d👧\ufe0f\n\te\u0301\ud800[red]" + "".join(
    evil for name, evil in EVIL.items() if not name.startswith("long")
)
_HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_every_screen_is_visited() -> None:
    missing = console_classes() - {visit.screen for visit in VISITS}
    assert not missing, f"a line in VISITS for each of {sorted(kind.__name__ for kind in missing)}"


def assert_harmless_line(text: str) -> None:
    """Looks at every character."""
    for character in text:
        assert unicodedata.category(character) not in _HARMFUL, (hex(ord(character)), text)
        assert not 0xFE00 <= ord(character) < 0xFE10, text
    # What a terminal gives each character, whatever stands beside it.
    assert sum(map(cell_len, text)) == cell_len(text), text


def assert_harmless(app: App[Any]) -> None:
    """Looks at every cell that is painted."""
    for strip in app.screen._compositor.render_strips():
        text = strip.text
        assert_harmless_line(text)
        assert cell_len(text) == app.size.width, text
        assert not re.search(r"(?<!\[b\])BOO", text), f"markup was read: {text}"
        for segment in strip:
            style = segment.style
            assert style is None or style.link is None, text
            assert style is None or style.meta.get("@click") != "app.bell", text
    assert app.title.isprintable()


async def visit_all(visit: Visit, say: Say, size: tuple[int, int]) -> None:
    app = frozen_app(world(say), server=Server(say("profile"), "127.0.0.1:8080"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await go_to(visit, pilot, say)
        assert_harmless(app)
        await press(pilot, "end")
        app.report(ServerFault(say("fault")))
        await settle(pilot)
        assert_harmless(app)


@pytest.mark.parametrize("visit", VISITS, ids=str)
async def test_text_of_every_kind_is_painted_harmlessly(visit: Visit) -> None:
    await visit_all(visit, lambda what: f"{MIXED}{what}", (100, 30))


@pytest.mark.parametrize("visit", VISITS, ids=str)
async def test_text_without_end_is_painted_harmlessly(visit: Visit) -> None:
    endless = cycle((EVIL["long"], EVIL["long word"], EVIL["unclosed"]))
    await visit_all(visit, lambda what: f"{next(endless)}{what}", (80, 24))


@pytest.mark.parametrize("evil", [*EVIL.values(), MIXED], ids=[*EVIL, "mixed"])
def test_what_is_cleaned_has_the_width_that_every_terminal_gives_it(evil: str) -> None:
    cleaned = clean(evil)
    assert_harmless_line(cleaned)
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_the_log_file_holds_no_sequence(evil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "user_state_path", lambda _: tmp_path)
    path = entry._open_log()
    assert path is not None
    logger = logging.getLogger("wf_tui")
    try:
        logger.error("unexpected error", exc_info=ValueError(evil))
    finally:
        for handler in list(logger.handlers):
            handler.close()
            logger.removeHandler(handler)
        logger.propagate = True
    written = path.read_text("utf-8")
    assert "ValueError" in written
    assert all(
        unicodedata.category(character) not in _HARMFUL - {"Cn"} for character in written.replace("\n", "")
    )


@pytest.mark.parametrize(
    "words",
    [
        "approvals", "approvals ID", "list", "stops", "jobs", "policies", "sites", "buckets", "quotas",
        "status ID", "get ID", "watch ID",
        "check FILE", "submit FILE", "run FILE", "exec ID", "erase-satellite SITE",
    ],
)  # fmt: skip
@pytest.mark.parametrize("refusing", [False, True], ids=["answering", "refusing"])
def test_wf_prints_it_harmlessly(words: str, refusing: bool, tmp_path: Path) -> None:
    gateway = world(lambda what: f"{MIXED}{what}")
    if refusing:
        gateway.errors["*"] = Refused(MIXED, gateway.verdict)
    summary = gateway.summaries[0]
    gateway.new_id = summary.id
    running = gateway.feed(summary.id).first
    assert isinstance(running, Snapshot)
    ended = replace(running, summary=replace(summary, status=Status.FAILED, ended=summary.created))
    file = tmp_path / "workreq.json"
    file.write_text(dump_json(WorkReq("T", "d", (Block("b", 1, (Job("sleep", "", {"seconds": "1"}),)),))))
    names = {"ID": summary.id, "FILE": str(file), "SITE": gateway.known_sites[0][0].name}
    arguments = [names.get(word, word) for word in words.split()]
    # A watch ends with the stream of an ended workflow.
    gateway.watch = lambda _: _only(ended)  # type: ignore[method-assign, assignment]
    settings = Settings(submit_log=tmp_path / "log", connect=lambda *_: gateway)
    result = CliRunner().invoke(cli, arguments, obj=settings, color=True)
    assert not result.exception or isinstance(result.exception, SystemExit), result.exception
    # Its own colours are no harm.
    for line in re.sub("\x1b\\[[0-9;]*m", "", result.output).split("\n"):
        assert not {unicodedata.category(character) for character in line} & (_HARMFUL - {"Cn"}), repr(line)


async def _only(snapshot: Snapshot) -> AsyncIterator[Snapshot]:
    yield snapshot
