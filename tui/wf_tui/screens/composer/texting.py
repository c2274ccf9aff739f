"""The whole request as a text."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import ContentSwitcher, Static, TextArea

from wf_tui.screens.composer.desk import DESK, TEXT, Desk
from wf_tui.state.format import count
from wf_tui.widgets.request_text import RequestText, editable_yaml
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import BadFile, parse_workreq


class Texting(Desk):
    """The text and the outline are two views of one request."""

    #: What the text was when it was last read.
    _text = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t,ctrl+t", "text", "Text", id="composer.text", tooltip="The whole as text, and back"),
    ]

    def action_text(self) -> None:
        """Goes to the text, or back from it."""
        if self.in_text:
            self.leave_text()
        else:
            self.ask_newest(self._open_text, "text", group="text")

    async def _open_text(self) -> None:
        self._text = await asyncio.to_thread(editable_yaml, self.request)
        area = self.query_one(RequestText)
        area.text = self._text
        self.query_one("#composing", ContentSwitcher).current = TEXT
        area.focus()
        self.refresh_bindings()

    @on(TextArea.Changed)
    def _text_changed(self, event: TextArea.Changed) -> None:
        if self.in_text and event.text_area.text != self._text:
            self.ask_newest(self._read_soon, "text", group="text")

    async def _read_soon(self) -> None:
        await asyncio.sleep(self.context.typing_pause)
        await self._read_text()

    async def _read_text(self) -> bool:
        """Takes the text as the request; False: it is none, and why stands below."""
        text = self.query_one(RequestText).text
        if text == self._text:
            return True
        try:
            request = await asyncio.to_thread(parse_workreq, text, "the text", as_json=False)
        except BadFile as bad:
            self.query_one(VerdictList).show_problems(bad.problems)
            told = f"✗ The text is no WorkReq: {count(len(bad.problems), 'problem')}"
            self.query_one("#verdict-line", Static).update(Content.styled(told, "bold $text-error"))
            return False
        self._text = text
        self.take(self.composition.edited(request, self.composition.place, typing="text"))
        self.call_later(self.show_verdict)
        return True

    def leave_text(self, then: Callable[[], None] | None = None) -> None:
        self.ask_newest(partial(self._back_to_desk, then), "text", group="text")

    async def _back_to_desk(self, then: Callable[[], None] | None) -> None:
        if not await self._read_text():
            self.notify(
                "The text is no WorkReq yet: mend what is named below, or undo it with ctrl+z.",
                severity="warning",
                markup=False,
            )
            return
        self.query_one("#composing", ContentSwitcher).current = DESK
        self.outline.focus()
        self.refresh_bindings()
        if then is not None:
            then()
