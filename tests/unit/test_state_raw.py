"""Raw text: the views, what is safe to paint of them, and what goes to the clipboard."""

from __future__ import annotations

from wf_tui.state.models import Block, Job, WorkReq
from wf_tui.state.raw import CLIPBOARD_BYTES, copied_words, request_texts, shifted, status_texts
from wf_tui.workreq_files import parse_workreq

REQUEST = WorkReq("T", "a\u202eb\x1b[2J", (Block("b", 1, (Job("sleep", "", {"seconds": "5"}),)),))


def test_every_view_reads_back() -> None:
    as_yaml, as_json = request_texts(REQUEST)
    status_yaml, status_json = status_texts('{"status": "RUNNING"}')
    assert parse_workreq(as_yaml.text, "it", as_json=False) == REQUEST
    assert parse_workreq(as_json.text, "it", as_json=True) == REQUEST
    assert status_yaml.text == "status: RUNNING\n"
    assert status_json.lines == ("{", '  "status": "RUNNING"', "}")


def test_lines_are_painted_harmlessly() -> None:
    for view in request_texts(REQUEST) + status_texts('{"desc": "\u202e"}'):
        assert not {"\u202e", "\x1b"} & set("".join(view.lines))


def test_what_the_terminal_may_refuse_is_said() -> None:
    assert copied_words("a\nb\n") == "Copied 2 lines."
    assert copied_words("a") == "Copied 1 line."
    assert "many terminals take less" in copied_words("x" * (CLIPBOARD_BYTES + 1))


def test_a_line_is_shifted_sideways() -> None:
    assert shifted("abcdef", 0) == "abcdef"
    assert shifted("abcdef", 2) == "…def"
    assert shifted("ab", 2) == ""
