"""WorkReqs opened and saved by the composer; what a name can be wrong in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from tests.unit.composing import REQUEST, Composer, composer, gateway_with_types
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.path import PathDialog
from wf_tui.paths import completed
from wf_tui.screens.composer import ComposerScreen
from wf_tui.widgets.request_text import RequestText
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import load_workreq


async def name(it: Composer, path: object) -> None:
    it.app.screen.query_one("#path", Input).value = str(path)
    await it.press("enter")


async def test_files_are_saved_and_opened(tmp_path: Path) -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        for file in ("request.yaml", "request.json"):
            await it.press("s")
            await name(it, tmp_path / file)
            assert load_workreq(str(tmp_path / file)) == REQUEST
        await it.press("D", "down", "D")
        await it.press("o")
        await name(it, tmp_path / "request.yaml")
        assert it.request == REQUEST
        await it.press("u")
        assert len(it.request.blocks) == 1
        await it.press("s")
        await name(it, tmp_path / "request.json")
        assert isinstance(it.app.screen, ConfirmDialog), "another file is not overwritten without a word"
        await it.press("enter")
        assert load_workreq(str(tmp_path / "request.json")) == REQUEST
        await it.press("s")
        await name(it, tmp_path / "request.json")
        await it.press("right", "enter")
        assert load_workreq(str(tmp_path / "request.json")) == it.request


async def test_a_file_that_is_no_request_is_mended_as_a_text(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: [1]\ndesc: x\n")
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("o")
        await name(it, tmp_path / "bad.yaml")
        assert it.request == REQUEST
        assert it.screen.query_one(RequestText).text == "name: [1]\ndesc: x\n"
        problem = it.screen.query_one(VerdictList).current_problem
        assert str(problem) == "line 1, column 1: name: a string is expected, found a list"


@pytest.mark.parametrize("key", ["o", "s"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "it is a directory"),
        ("none/none.yaml", "directory"),
        ("pipe", "no ordinary file"),
        ("a\0b", "embedded null"),
        ("x" * 300, "too long"),
        ("file/below", "ot a directory"),
    ],
)
async def test_a_name_that_is_none_is_told_where_it_was_typed(
    tmp_path: Path, key: str, path: str, told: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("name: x")
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press(key)
        await name(it, f"{tmp_path}/{path}")
        assert isinstance(it.app.screen, PathDialog)
        assert told in str(it.app.screen.query_one("#about-path", Static).render())
        await name(it, "~nobody-of-this-name/x")
        assert isinstance(it.app.screen, PathDialog)
        await it.press("escape")
        assert isinstance(it.app.screen, ComposerScreen)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "pipe"]


async def test_a_text_that_is_no_request_is_not_saved_as_what_it_was(tmp_path: Path) -> None:
    async with composer(gateway_with_types(), REQUEST) as it:
        await it.press("t")
        it.screen.query_one(RequestText).text = "name: ["
        it.screen.action_save()
        await it.press("end")
        assert isinstance(it.app.screen, ComposerScreen)
        assert "no WorkReq yet" in it.toasts()[-1]


def test_a_name_is_completed(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "work.yaml").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "dis\x1b[2J").touch()
    assert completed(f"{tmp_path}/d") == f"{tmp_path}/dir/"
    assert completed(f"{tmp_path}/dir/") == f"{tmp_path}/dir/work.yaml"
    assert completed(f"{tmp_path}/.") == f"{tmp_path}/.hidden"
    assert completed(f"{tmp_path}/dis") is None
    assert completed(f"{tmp_path}/none/") is None
    assert completed("~nobody-of-this-name/x") is None
    assert completed("a\0/b") is None
