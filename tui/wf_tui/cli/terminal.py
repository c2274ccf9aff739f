"""What `wf` writes: people's text with colours on a terminal, plain elsewhere, or JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import IO, Any

from rich.console import Console, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from wf_tui.cli.jsonout import to_json
from wf_tui.state.marks import GLYPHS, Tone, tone
from wf_tui.state.models import Status, Violation
from wf_tui.state.text import clean

_STYLES = {
    Tone.IDLE: "dim",
    Tone.BUSY: "cyan",
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.HELD: "yellow",
    Tone.HALTED: "magenta",
}
#: Rows in a pipe are for other programs: no line is broken.
_UNBROKEN = 10_000
_WIDE = 130


class _QuietConsole(Console):
    def on_broken_pipe(self) -> None:
        """Leaves it to the command's end, which closes standard output without a word."""
        raise BrokenPipeError


def _console(file: IO[str]) -> Console:
    if isinstance(file, TextIOWrapper):
        # A mark that an old locale does not know becomes a question mark rather than an error.
        file.reconfigure(errors="replace")
    width = None if file.isatty() else _UNBROKEN
    return _QuietConsole(
        file=file, markup=False, highlight=False, emoji=False, width=width, soft_wrap=not file.isatty()
    )


class Terminal:
    """Standard output and standard error. Text from outside is cleaned here, and never read as markup."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.out = _console(sys.stdout)
        self.err = _console(sys.stderr)

    @property
    def is_narrow(self) -> bool:
        """Whether an id, a name, a status and a description do not fit on one line."""
        return self.out.is_terminal and self.out.width < _WIDE

    @property
    def is_live(self) -> bool:
        """Whether a display that changes in place makes sense."""
        return self.out.is_terminal and not self.out.is_dumb_terminal and not self.as_json

    def say(self, *parts: RenderableType) -> None:
        """Writes for people; nothing where JSON is asked for."""
        if not self.as_json:
            self.out.print(*parts)

    def say_on_one_line(self, line: Text) -> None:
        """Writes a line for people; a terminal that is too narrow shows its beginning."""
        if not self.as_json:
            self.out.print(line, no_wrap=True, overflow="ellipsis")

    def note(self, text: str) -> None:
        """Writes a remark that is no result, to standard error."""
        self.err.print(Text(clean(text)))

    def note_below(self, text: str) -> None:
        """Writes a remark below the `^C` or the prompt that a terminal's line still holds."""
        if self.err.is_terminal:
            self.err.print()
        self.note(text)

    def fail(self, text: str, *, cleaned: bool = True) -> None:
        """Writes what went wrong, to standard error."""
        for line in text.splitlines() or [""]:
            self.err.print(Text.assemble(("wf: ", "bold red"), clean(line) if cleaned else line))

    def json(self, value: Any, *, one_line: bool = False) -> None:
        """Writes a value as JSON."""
        self.raw(to_json(value, None if one_line else 2))

    def raw(self, text: str) -> None:
        """Writes text that is already fit for other programs, and a line end, at once."""
        self.out.file.write(text if text.endswith("\n") else text + "\n")
        self.out.file.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str | Text]], empty: str) -> None:
        """Writes a table; `empty` where there are no rows. Heads that start with `#` are of numbers."""
        lines = list(rows)
        if not lines:
            self.say(Text(empty, style="dim"))
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for position, head in enumerate(heads):
            number = head.startswith("#")
            justify: JustifyMethod = "right" if number else "left"
            table.add_column(head.removeprefix("#"), justify=justify, no_wrap=number or position == 0)
        for row in lines:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
        if self.out.is_terminal:
            self.say(table)
        elif not self.as_json:
            self.raw(self._without_padding(table))

    def _without_padding(self, table: Table) -> str:
        with self.out.capture() as captured:
            self.out.print(table)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())

    def violations(self, violations: Sequence[Violation]) -> None:
        """Writes every violation: place, message, found, expected."""
        for violation in violations:
            self.err.print(Text.assemble("  ", (place_of(violation), "bold"), ": ", clean(violation.message)))
            for label, value in (("found", violation.found), ("expected", violation.expected)):
                if value:
                    self.err.print(Text.assemble("      ", (f"{label:9}", "dim"), clean(value)))
            self.err.print(Text(f"      {'rule':9}{clean(violation.rule)}", style="dim"))


def place_of(violation: Violation) -> str:
    """Returns where a violation points, positions as in the file: `block 1, job 0, argument site`."""
    parts = [] if violation.block is None else [f"block {violation.block}"]
    parts += [] if violation.job is None else [f"job {violation.job}"]
    parts += [f"argument {clean(violation.arg)}"] if violation.arg else []
    return ", ".join(parts) or "the WorkReq"


def status_text(status: Status) -> Text:
    """Returns a status as glyph and word in its colour."""
    return Text(f"{GLYPHS[status]} {status.label}", style=_STYLES[tone(status)])
