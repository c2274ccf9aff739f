"""The name of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from wf_tui.dialogs.base import Dialog
from wf_tui.paths import completed, typed_path
from wf_tui.state.text import clean
from wf_tui.widgets.fields import quiet_button, quiet_input

_HINT = "→ takes the name that is offered"


class PathDialog(Dialog[Path]):
    """Answers with the path that was typed. What speaks against it is told here, before it closes."""

    AUTO_FOCUS = "#path"

    def __init__(
        self,
        question: str,
        path: str,
        verb: str,
        trouble_with: Callable[[Path], str],
        hint: str = f"{_HINT}; .json is proto JSON, anything else YAML",
    ) -> None:
        super().__init__()
        self._hint = hint
        self._question = question
        self._path = path
        self._verb = verb
        self._trouble_with = trouble_with

    def compose(self) -> ComposeResult:
        """The question, the name, what is wrong with it, two buttons."""
        with Vertical(classes="box"):
            yield Static(clean(self._question), classes="question", markup=False)
            yield quiet_input("a path, from here or from ~", id="path")
            yield Static(self._hint, id="about-path", classes="hint", markup=False)
            with Horizontal(classes="buttons"):
                yield quiet_button("Cancel  esc", id="cancel")
                yield quiet_button(f"{self._verb}  enter", id="confirm", variant="primary")

    def on_mount(self) -> None:
        """Suggests the name that was used before."""
        field = self.query_one("#path", Input)
        field.suggester = _Completion()
        field.value = clean(self._path)
        field.cursor_position = len(field.value)

    @on(Input.Changed, "#path")
    def _typed(self) -> None:
        self.query_one("#about-path", Static).update(self._hint)

    @on(Input.Submitted, "#path")
    @on(Button.Pressed, "#confirm")
    async def _confirmed(self) -> None:
        text = self.query_one("#path", Input).value.strip()
        if not text:
            return
        path = typed_path(text)
        trouble = await asyncio.to_thread(self._trouble_with, path)
        if trouble:
            words = Content.styled(f"✗ {clean(trouble)}", "$text-error")
            self.query_one("#about-path", Static).update(words)
        elif self.is_current:
            self.dismiss(path)

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.dismiss(None)


class _Completion(Suggester):
    """Goes on with what was typed."""

    def __init__(self) -> None:
        # Files come and go.
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """Asks the file system, off the loop."""
        return await asyncio.to_thread(completed, value) if value else None
