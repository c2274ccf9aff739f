"""A WorkReq as text that is typed into, in the colours of YAML and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum

from rich.style import Style
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from wf_tui.state.models import WorkReq
from wf_tui.workreq_files import dump_json, dump_yaml

#: What a line is made of, in the order in which it is looked for.
_PARTS = re.compile(
    r"(?P<comment>(?:^|(?<=\s))#.*)"
    r"|(?P<key>(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\w.$/-]+)(?=:(?:\s|$)))"
    r"|(?P<string>\"(?:[^\"\\]|\\.)*\"|'[^']*')"
    r"|(?P<number>(?<![\w.-])(?:-?\d+|true|false|null)(?![\w.-]))"
    r"|(?P<mark>^\s*-(?=\s)|[{}\[\],])"
)
#: Longer lines than this are not read for colours.
_LONGEST = 2_000


class Notation(Enum):
    """How a WorkReq is written down."""

    YAML = "YAML"
    JSON = "JSON"

    @property
    def other(self) -> Notation:
        """The one that it is not."""
        return Notation.JSON if self is Notation.YAML else Notation.YAML


def editable_text(request: WorkReq, notation: Notation) -> str:
    """Returns a WorkReq as text in which every character can be seen: odd ones stand as escapes.

    They stand in double quotes only, where the escape means the same.
    """
    text = dump_yaml(request) if notation is Notation.YAML else dump_json(request)
    if text.isascii():
        return text
    escaped = _yaml_escape if notation is Notation.YAML else _json_escape
    return "".join(each if each == "\n" or each.isprintable() else escaped(each) for each in text)


def _yaml_escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _json_escape(character: str) -> str:
    return json.dumps(character).strip('"')


def text_parts(line: str) -> Iterator[tuple[int, int, str]]:
    """Yields (start, end, kind) of what has a colour in a line; positions in bytes of its UTF-8."""
    if len(line) > _LONGEST:
        return
    for found in _PARTS.finditer(line):
        start = len(line[: found.start()].encode("utf-8", "replace"))
        end = start + len(found.group().encode("utf-8", "replace"))
        yield start, end, str(found.lastgroup)


class _Parts(dict[int, list[tuple[int, int | None, str]]]):
    """The colours of lines, looked for when a line is painted: a text may have a million of them."""

    def __init__(self, area: TextArea) -> None:
        super().__init__()
        self._area = area

    def __missing__(self, line: int) -> list[tuple[int, int | None, str]]:
        parts: list[tuple[int, int | None, str]] = list(text_parts(self._area.document.get_line(line)))
        self[line] = parts
        return parts

    def __bool__(self) -> bool:
        return True


class RequestText(TextArea):
    """Line numbers, no blinking, and colours without a parser of its own."""

    def __init__(self) -> None:
        super().__init__(id="request-text", soft_wrap=False, show_line_numbers=True)
        self.cursor_blink = False
        #: What it is written in; a text that begins like JSON is read as JSON in either.
        self.notation = Notation.YAML
        self._highlights = _Parts(self)

    def show_place(self, line: int, column: int) -> None:
        """Puts the cursor on a place, counted from 1, with what comes before it in view."""
        self.move_cursor((line - 1, column - 1), center=True)

    @property
    def line(self) -> int:
        """The cursor's line, from 1."""
        return self.cursor_location[0] + 1

    def _build_highlight_map(self) -> None:
        """Forgets the colours of what was there before."""
        self._line_cache.clear()
        self._highlights.clear()

    def on_mount(self) -> None:
        """Wears the console's colours, whichever they are now."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._dress())
        self._dress()

    def _dress(self) -> None:
        theme = self.app.current_theme
        styles = {
            "comment": Style(color=theme.secondary, italic=True),
            "key": Style(color=theme.primary),
            "string": Style(color=theme.success),
            "number": Style(color=theme.accent),
            "mark": Style(color=theme.secondary),
        }
        self.register_theme(TextAreaTheme(f"wf-{theme.name}", syntax_styles=styles))
        self.theme = f"wf-{theme.name}"
