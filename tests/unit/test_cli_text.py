"""Text from outside cannot reach the terminal's controls."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_tui.state.text import clean


@pytest.mark.parametrize(
    ("text", "painted"),
    [
        ("plain text [bold]x[/]", "plain text [bold]x[/]"),
        ("Zoë 漢字 🚀", "Zoë 漢字 🚀"),
        ("a\nb\r\nc\u2028d", "a⏎b⏎c⏎d"),
        ("a\tb\u00a0c", "a b c"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07x\x1b]8;;http://e\x1b\\link", "xlink"),
        ("\x1b]52;c;never ended", "52;c;never ended"),
        ("\x1bcreset\x1b(0", "reset"),
        ("a\x00\x07\x08b", "ab"),
        ("abc\u202edcb\u2066x\u200f", "abcdcbx"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("❤️", "❤"),
        ("e" + "\u0301" * 40, "e" + "\u0301" * 3),
        ("", ""),
    ],
)
def test_what_is_painted(text: str, painted: str) -> None:
    assert clean(text) == painted


def test_line_breaks_become_what_the_caller_wants() -> None:
    assert clean("a\nb", newline=" ") == "a b"


@given(st.text(st.characters(codec=None)))
def test_nothing_dangerous_survives(text: str) -> None:
    painted = clean(text)
    assert not {unicodedata.category(c) for c in painted} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert clean(painted) == painted
    painted.encode()
