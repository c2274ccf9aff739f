"""How `wf-tui` starts, and how it says that it cannot."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner

from wf_tui import main as entry
from wf_tui.gateway import Server
from wf_tui.settings import Settings
from wf_tui.web.place import Place


def test_the_version() -> None:
    result = CliRunner().invoke(entry.main, ["--version"])
    assert result.exit_code == 0
    assert version("wf") in result.output


def test_help_names_the_address_and_the_exit_codes() -> None:
    result = CliRunner().invoke(entry.main, ["-h"])
    assert result.exit_code == 0
    for words in ("127.0.0.1:8080", "WF_ADDRESS", "--demo", "Exit codes"):
        assert words in result.output


def test_without_a_terminal_it_says_what_to_use() -> None:
    result = CliRunner().invoke(entry.main, [])
    assert result.exit_code == 2
    assert "needs a terminal" in result.output
    assert len(result.output.splitlines()) == 1


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(entry.main, ["--config", str(_empty(tmp_path)), "--serve"])
    assert result.exit_code == 2
    assert "pip install 'wf[web]'" in result.output
    assert len(result.output.splitlines()) == 1


def _empty(directory: Path) -> Path:
    path = directory / "console.toml"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:8000", Place("127.0.0.1", 8000)),
        ("9000", Place("127.0.0.1", 9000)),
        (":9000", Place("127.0.0.1", 9000)),
        ("[::1]:0", Place("::1", 0)),
        ("wf.example:80", Place("wf.example", 80)),
    ],
)
def test_a_place_to_serve_at(text: str, place: Place) -> None:
    assert Place.parse(text) == place
    assert place.is_loopback == (place.host != "wf.example")


async def test_a_bad_address_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        await entry._connect(Server("", "nowhere"), None, Settings())
    assert exit_info.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("wf-tui: ")
    assert "nowhere" in told
    assert len(told.splitlines()) == 1


def test_a_ctrl_c_while_it_starts_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(entry, "_settings", interrupted)
    result = CliRunner().invoke(entry.main, ["--serve"])
    assert result.exit_code == 130
    assert result.output == ""
