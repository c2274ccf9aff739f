"""Reading configuration objects and replacing files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.errors import ConfigError
from wf_server.files import read_objects, write_atomically


def test_objects_come_with_the_line_they_start_on(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('\n{"a": 1}{"b":\n 2}\n\n  {"c": {"d": [1, 2]}}\n')
    assert read_objects(path) == [(2, {"a": 1}), (2, {"b": 2}), (5, {"c": {"d": [1, 2]}})]


def test_an_empty_file_holds_no_objects_and_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b" \n")
    assert read_objects(path) == []
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_objects(path) == [(1, {"a": 1})]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ('{"a": 1}\n{"a": 2,}', ":2:", "comma"),
        ('{"a": 1}\n{"b": ', ":2:", "closing }"),
        ("{\n", ":2:1:", "closing }"),
        ('[{"a": 1}]', ":1:1:", "not in an array"),
        ('{"a": 1},\n{"b": 1}', ":1:9:", "without commas"),
        ('{"a": 1}\n  "text"', ":2:3:", "an object {...} is expected"),
        ('{"a": 1, "b": 2,\n "a": 3}', ":1:1:", '"a" stands twice'),
        ('\n{"x": {"a": 1, "a": 1}}', ":2:1:", '"a" stands twice'),
        ('{"a": NaN}', ":1:1:", "NaN is not JSON"),
        ('{"a": ' + "[" * 100_000, ":1:", "nested too deeply"),
        ('{"a": ' + "1" * 5_000 + "}", ":1:", "digits"),
        ('{"a": \x01}', ":1:7:", "not JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, place: str, words: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_objects(path)
    message = str(refused.value)
    assert message.startswith(f"{path}{place}")
    assert words in message
    assert "\n" not in message


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.json: cannot be read: No such file"):
        read_objects(tmp_path / "absent.json")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_objects(tmp_path)
    (tmp_path / "latin.json").write_bytes(b'{}\n{"a": "\xe9"}')
    with pytest.raises(ConfigError, match=r"latin\.json:2: not UTF-8"):
        read_objects(tmp_path / "latin.json")


def test_a_file_is_replaced_with_its_mode_kept(tmp_path: Path) -> None:
    path = tmp_path / "es.json"
    path.write_text("old")
    path.chmod(0o640)
    before = path.stat().st_ino
    write_atomically(path, "néw\n")
    assert path.read_text(encoding="utf-8") == "néw\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["es.json"]


def test_a_new_file_is_private_unless_told_otherwise(tmp_path: Path) -> None:
    write_atomically(tmp_path / "private", "")
    write_atomically(tmp_path / "public", "", 0o644)
    assert stat.S_IMODE((tmp_path / "private").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o644


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "es.json", tmp_path / "es.json"
    target.write_text("old")
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_failure_leaves_the_old_text_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "es.json"
    path.write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["es.json"]


def objects_or_refusal(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        found = read_objects(path)
    except ConfigError as refused:
        message = str(refused)
        assert message.startswith(str(path))
        assert message.isprintable()
    else:
        assert all(isinstance(one, dict) and line >= 1 for line, one in found)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_objects_or_refused_in_one_line(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    objects_or_refusal(tmp_path_factory.getbasetemp() / "any.json", content)


@given(text=st.text(alphabet='{}[]",: \n\\ua1e-.\x1b\u202e', max_size=60))
def test_what_looks_like_json_is_objects_or_refused_in_one_line(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    objects_or_refusal(tmp_path_factory.getbasetemp() / "almost.json", text.encode())


def test_a_pipe_is_no_configuration_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "es.json")
    with pytest.raises(ConfigError, match="is not a regular file"):
        read_objects(tmp_path / "es.json")
