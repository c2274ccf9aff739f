"""console.toml: what it may hold, and how a mistake in it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from wf_tui.settings import BadSettings, Settings, load_settings

WHOLE = """
theme = "wf-day"
read_only = true
bell = true
[keys]
"tree.next" = "n,ctrl+n"
[profiles.fra]
address = "wf.fra.example:8080"
read_only = true
"""


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "console.toml"
    path.write_text(text)
    return load_settings(path)


def test_a_whole_file(tmp_path: Path) -> None:
    settings = load(tmp_path, WHOLE)
    assert (settings.theme, settings.read_only, settings.bell) == ("wf-day", True, True)
    assert settings.keys == {"tree.next": "n,ctrl+n"}
    assert settings.profile("fra").address == "wf.fra.example:8080"
    assert settings.profile("fra").read_only


def test_no_file_means_defaults_unless_it_was_named(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml") == Settings()
    with pytest.raises(BadSettings, match="there is no such file"):
        load_settings(tmp_path / "none.toml", required=True)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().__setattr__("theme", "other")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "them = 1",
            "them: there is no such key; the keys are theme, read_only, bell, title, keys, profiles",
        ),
        ("read_only = 'yes'", "read_only: input should be a valid boolean, found 'yes'"),
        ("theme = ''", "theme: string should have at least 1 character, found ''"),
        ("[profiles.a]\nport = 1", "profiles.a.address: is missing"),
        ("[profiles.a]\naddress = 'h:1'\nport = 1", "profiles.a.port: there is no such key"),
        ("[keys]\n'tree.next' = 5", "keys.tree.next: input should be a valid string, found 5"),
        ("theme = ", "this is no TOML: Invalid value"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(BadSettings, match=words) as raised:
        load(tmp_path, text)
    assert str(raised.value).startswith(str(tmp_path / "console.toml"))
    assert "\n" not in str(raised.value)


def test_text_that_is_none_is_said(tmp_path: Path) -> None:
    path = tmp_path / "console.toml"
    path.write_bytes(b"theme = '\xff'")
    with pytest.raises(BadSettings, match="not UTF-8"):
        load_settings(path)
    with pytest.raises(BadSettings, match="cannot be read"):
        load_settings(tmp_path)


def test_unknown_profiles_themes_and_bindings_are_said_with_those_there_are() -> None:
    settings = Settings(theme="pink", keys={"tree.nex": "n"})
    with pytest.raises(BadSettings, match=r"console.toml has no \[profiles.NAME\] yet"):
        settings.profile("fra")
    with pytest.raises(BadSettings, match="theme: there is no 'pink'; there are wf-day, wf-night and"):
        settings.check_names(["wf-night", "wf-day"], ["tree.next"])
    with pytest.raises(BadSettings, match=r"no binding 'tree\.nex'; near it are tree\.next"):
        settings.check_names(["pink"], ["tree.next", "app.quit"])
