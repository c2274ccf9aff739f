"""The whole request as a text, in YAML or JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, TextArea

from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.screens.composer.desk import DESK, TEXT, Desk
from wf_tui.state.format import count
from wf_tui.state.models import WorkReq
from wf_tui.state.text_places import place_at, position_of, position_of_violation
from wf_tui.strict_yaml import positions
from wf_tui.widgets.request_text import Notation, RequestText, editable_text
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import BadFile, is_json, parse_workreq


class Texting(Desk):
    """The text and the outline are two views of one request."""

    #: What the text was when it was last read, or written.
    _text = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t,ctrl+t", "text", "Text", id="composer.text", tooltip="The whole as text, and back"),
        Binding(
            "ctrl+n", "notation", "YAML/JSON", id="composer.notation", tooltip="The text as JSON, or as YAML"
        ),
        Binding(
            "f8",
            "text_offence(1)",
            "Next ✗",
            id="composer.text_next",
            tooltip="To what is wrong with the text next",
        ),
        Binding(
            "shift+f8",
            "text_offence(-1)",
            "Last ✗",
            show=False,
            id="composer.text_previous",
            tooltip="To what is wrong with the text before",
        ),
    ]

    @property
    def _area(self) -> RequestText:
        return self.query_one(RequestText)

    def action_text(self) -> None:
        """Goes to the text, or back from it."""
        if self.in_text:
            self.leave_text()
        else:
            self.ask_newest(self._open_text, "text", group="text view")

    def action_notation(self) -> None:
        """Writes the text in the other notation."""
        self.ask_newest(self._turn_text, "text", group="text view")

    async def _turn_text(self) -> None:
        if await self._read_or_say():
            self._area.notation = self._area.notation.other
            await self._open_text()

    async def _open_text(self) -> None:
        """Writes the request down, with the cursor where it is in the outline."""
        place, text, request = self.composition.place, "", None
        while request != self.request:
            request = self.request
            text = await asyncio.to_thread(editable_text, request, self._area.notation)
        self.show_text(text)
        self._text = text
        if not place.is_request:
            at = position_of(place, await asyncio.to_thread(positions, text))
            if at is not None and self._area.text == text:
                self._area.show_place(*at)

    def show_text(self, text: str) -> None:
        """Goes to the text view with this in it; it is read like something that was typed."""
        # An empty one is no WorkReq, so that it is read too.
        self._text = ""
        self._area.text = text
        self.query_one("#composing", ContentSwitcher).current = TEXT
        self._area.focus()
        self.refresh_bindings()
        self.call_later(self.show_verdict)

    @on(TextArea.Changed)
    def _text_changed(self, event: TextArea.Changed) -> None:
        if self.in_text and event.text_area.text != self._text:
            self.unread = event.text_area.text
            self.keep_soon()
            self.ask_newest(self._read_soon, "text", group="text")

    async def _read_soon(self) -> None:
        await asyncio.sleep(self.context.typing_pause)
        await self.read_text()

    async def read_text(self) -> bool:
        """Takes the text as the request; False: it is none, and why stands below."""
        text = self._area.text
        if text == self._text:
            self._readable()
            return True
        try:
            request = await asyncio.to_thread(self._parsed, text, self._area.notation)
        except BadFile as bad:
            self.problems = bad.problems
            self.call_later(self.show_verdict)
            return False
        self._text = text
        self._readable()
        self.take(self.composition.edited(request, self.composition.place, typing="text"))
        return True

    def _readable(self) -> None:
        self.unread, self.problems = "", ()
        self.call_later(self.show_verdict)

    @staticmethod
    def _parsed(text: str, notation: Notation) -> WorkReq:
        # What is pasted may be in the other notation; JSON is told by how it begins.
        as_json = notation is Notation.JSON and is_json(text, "")
        return parse_workreq(text, "the text", as_json=as_json)

    async def _read_or_say(self) -> bool:
        if await self.read_text():
            return True
        self.notify(
            "The text is no WorkReq yet: mend what is named below, or undo it with ctrl+z.",
            severity="warning",
            markup=False,
        )
        return False

    def with_text_read(self, then: Callable[[], None]) -> None:
        """Does something once the text has been taken as the request; at the desk at once."""

        async def read_then() -> None:
            if await self._read_or_say():
                then()

        if self.in_text:
            self.ask_newest(read_then, "text", group="text view")
        else:
            then()

    def leave_text(self) -> None:
        """Goes back to the outline, to the place of the cursor, if the text is a WorkReq."""
        self.ask_newest(self._back_to_desk, "text", group="text view")

    async def _back_to_desk(self) -> None:
        if not await self.read_text():
            self._ask_to_discard()
            return
        line = self._area.line
        place = place_at(line, await asyncio.to_thread(positions, self._text)) if line > 1 else None
        self._show_desk()
        if place is not None:
            self.take(self.composition.at(place))

    def _show_desk(self) -> None:
        self.query_one("#composing", ContentSwitcher).current = DESK
        self.outline.focus()
        self.refresh_bindings()
        self.call_later(self.show_verdict)

    def _ask_to_discard(self) -> None:
        """A text that is no WorkReq goes only if that is wanted."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.unread, self.problems = "", ()
                self.keep_soon()
                self._show_desk()

        facts = [
            ("Text", f"is no WorkReq: {count(len(self.problems), 'problem')}"),
            ("Request", "stays as it was when the text last was one"),
        ]
        self.app.push_screen(ConfirmDialog("Discard what was typed?", facts, "Discard"), answered)

    # -- what is wrong, in the text

    def action_text_offence(self, step: int) -> None:
        """Goes to where the next problem or violation stands in the text."""
        wrong = self.query_one(VerdictList)
        if not wrong.line_count():
            self.say("Nothing is wrong with it." if self.is_checked else "There is no verdict yet.")
            return
        if self._told_line == self._area.line:
            wrong.move_to((wrong.cursor + step) % wrong.line_count())
        self._go_to_text()

    #: The line that one was brought to last.
    _told_line = 0

    @on(RowsView.Opened, "#verdict-list")
    def _opened_in_text(self) -> None:
        if self.in_text:
            self._go_to_text()

    def _go_to_text(self) -> None:
        self.ask_newest(partial(self._show_in_text, self._area.text), "place", group="place")

    async def _show_in_text(self, text: str) -> None:
        wrong = self.query_one(VerdictList)
        at = None
        if wrong.current_problem is not None:
            at = wrong.current_problem.at
        elif wrong.current is not None:
            at = position_of_violation(wrong.current, await asyncio.to_thread(positions, text))
        if at is None:
            # It is about the whole.
            at = (1, 1)
        self._area.show_place(*at)
        self._told_line = self._area.line
        self._area.focus()
