"""Many jobs at once: one for each machine, or site, of a pattern."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, Input, Label, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.state.fanout import BLANK, BadPattern, FanOut, expand
from wf_tui.state.format import count
from wf_tui.state.models import Job
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button, quiet_input


class FanOutDialog(Dialog[FanOut]):
    """Answers with the jobs to make; shows them in a sentence while one types."""

    AUTO_FOCUS = "#pattern"

    def __init__(self, template: Job, arg: str, names: tuple[str, ...], rate_limit: int) -> None:
        super().__init__()
        self._template = template
        self._arg = arg
        self._names = names
        self._rate_limit = rate_limit

    def compose(self) -> ComposeResult:
        """The job, the pattern, how many to a block, what comes of it."""
        given = [f"{clean(n)}={clean(v)}" for n, v in self._template.args.items() if n != self._arg]
        known = f"{count(len(self._names), clean(self._arg))} known"
        with Vertical(classes="box"):
            yield Static(
                Content.assemble(
                    "One ", (clean(self._template.name), "bold"), f" for each {clean(self._arg)}"
                ),
                classes="question",
            )
            yield Static(clean("  ".join((*given, known))), markup=False)
            yield Label("Which: aa00-aa04, ab07, ab*, * for all")
            yield quiet_input("aa00-aa04", id="pattern")
            yield Label("Jobs to a block (empty: all in this block)")
            yield quiet_input("5", id="per-block")
            yield Label("Rate limit of new blocks")
            yield quiet_input(str(self._rate_limit), id="rate")
            yield Label(f"Description of each ({BLANK} is its name)", markup=False)
            yield quiet_input("", id="desc")
            yield Static("", id="outcome", classes="hint")
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button("Add  enter", id="add", variant="primary", disabled=True)

    def on_mount(self) -> None:
        """Begins with the description of the job it is made from."""
        self.query_one("#desc", Input).value = clean(self._template.desc)
        self._show()

    @on(Input.Changed)
    def _show(self) -> None:
        made = self._made()
        problem = isinstance(made, str)
        words = Content.styled(f"✗ {clean(made)}", "$text-error") if isinstance(made, str) else made.words()
        self.query_one("#outcome", Static).update(words if isinstance(words, Content) else clean(words))
        self.query_one("#add", Button).disabled = problem

    def _made(self) -> FanOut | str:
        """What would be added, or why nothing can be."""
        try:
            names = expand(self._value("pattern"), self._names)
        except BadPattern as reason:
            return str(reason)
        size, rate = self._value("per-block") or "0", self._value("rate") or str(self._rate_limit)
        if not (_is_number(size) and _is_number(rate)):
            return "jobs to a block and rate limit are whole numbers"
        desc = self.query_one("#desc", Input).value
        template = replace(self._template, desc=desc)
        return FanOut(template, self._arg, names, int(size), int(rate))

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Submitted)
    @on(Button.Pressed, "#add")
    def _add(self) -> None:
        made = self._made()
        if isinstance(made, FanOut):
            self.dismiss(made)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6
