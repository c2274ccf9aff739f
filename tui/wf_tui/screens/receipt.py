"""What a stop or a cancel did to every job: live while it settles, to be kept as a file."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wf_tui.commands import Command
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.path import PathDialog
from wf_tui.drafts import write_whole
from wf_tui.gateway import GatewayError
from wf_tui.paths import told, trouble_with_saving
from wf_tui.screens.base import Context, WfScreen
from wf_tui.state.format import short_id
from wf_tui.state.marks import GLYPHS
from wf_tui.state.models import Receipt
from wf_tui.state.pages import PAGE, JobPages, Page
from wf_tui.state.raw import copied_words
from wf_tui.state.receipt import FATES, order_words, receipt_document, receipt_text, settling_words
from wf_tui.state.text import clean
from wf_tui.widgets.detail import status_style
from wf_tui.widgets.receipt_rows import ReceiptRows
from wf_tui.widgets.rows import Piece, RowsView

_EVERY_SECONDS = 1.0


class ReceiptScreen(WfScreen):
    """Asks every second until the last job has ended or was given up."""

    AUTO_FOCUS = "#receipt"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", "Save", id="receipt.save", tooltip="Export it as a JSON file"),
        Binding("Y", "copy", "Copy", id="receipt.copy", tooltip="Copy it as text"),
    ]

    def __init__(self, context: Context, workflow_id: str, name: str) -> None:
        super().__init__(context)
        self.workflow_id = workflow_id
        self._name = name
        self._pages = JobPages()
        self._path = f"receipt-{short_id(workflow_id)}.json"
        self.receipt: Receipt | None = None

    def crumbs(self) -> tuple[str, ...]:
        """Below its workflow."""
        return "Workflows", f"{self._name} {short_id(self.workflow_id)}", "Receipt"

    def body(self) -> ComposeResult:
        """Who ordered what, how far it is, the jobs by fate."""
        yield Static(id="order")
        yield ReceiptRows(self._pages)

    def on_mount(self) -> None:
        """Begins to ask."""
        super().on_mount()
        self._rows.placeholder = [[Piece("Asking the server for the receipt…", "dim")]]
        self.poll(f"receipt {self.workflow_id}", self._ask, self._take, every=_EVERY_SECONDS)
        self.set_interval(_EVERY_SECONDS, self._tell, name="countdown")

    @property
    def _rows(self) -> ReceiptRows:
        return self.query_one(ReceiptRows)

    async def _ask(self) -> Receipt:
        if self.receipt is not None and self.receipt.settled is not None:
            return self.receipt
        return await self.context.gateway.receipt(self.workflow_id)

    def _take(self, receipt: Receipt) -> None:
        if receipt == self.receipt:
            return
        self.receipt = receipt
        self._rows.show_receipt(receipt)
        self._tell()

    def refused(self, error: GatewayError) -> None:
        """Says it where the jobs would be; what was read stays."""
        if self.receipt is not None:
            super().refused(error)
            return
        self._rows.placeholder = [[Piece(clean(str(error)), "bad")], [], [Piece("esc goes back", "dim")]]
        self._rows.lines_changed()

    def _tell(self) -> None:
        if self.receipt is not None and self.is_mounted:
            self.query_one("#order", Static).update(_head(self.receipt, self))

    @on(RowsView.Moved)
    def _fetch(self) -> None:
        """Asks what the visible jobs are."""
        if self.has_class("-stale"):
            return
        for page in self._pages.wanted(self._rows.visible_jobs()):
            self.ask(self._fetch_page(page), f"jobs of block {page[0]}", group="details")

    async def _fetch_page(self, page: Page) -> None:
        block, number = page
        try:
            details = await self.context.gateway.list_jobs(self.workflow_id, block, number * PAGE, PAGE)
        except GatewayError:
            self._pages.give_up(page)
            raise
        self._pages.take(page, details)
        self._rows.lines_changed()

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with it."""
        if screen is self and self.receipt is not None:
            yield Command("receipt: save", "As a JSON file", self.action_save)
            yield Command("receipt: copy", "As text, to the clipboard", self.action_copy)

    def action_copy(self) -> None:
        """Copies it, by OSC 52."""
        if self.receipt is not None:
            text = receipt_text(self.receipt, self.context.now())
            self.app.copy_to_clipboard(text)
            self.say(copied_words(text))

    def action_save(self) -> None:
        """Asks for a file, and writes the receipt to it as it stands then."""
        if self.receipt is not None:
            question, hint = "Export the receipt to which file?", "It is written as JSON."
            dialog = PathDialog(question, self._path, "Save", trouble_with_saving, hint)
            self.app.push_screen(dialog, self._save)

    def _save(self, path: Path | None) -> None:
        if path is None:
            return
        if not os.path.lexists(path):
            self._write(path, True)
            return
        dialog = ConfirmDialog("Overwrite this file?", [("File", str(path))], "Overwrite")
        self.app.push_screen(dialog, partial(self._write, path))

    def _write(self, path: Path, yes: bool | None) -> None:
        if yes and self.receipt is not None:
            self.ask(self._saved(path, self.receipt), f"save {path}", group="file")

    async def _saved(self, path: Path, receipt: Receipt) -> None:
        try:
            text = await asyncio.to_thread(
                json.dumps, receipt_document(receipt), indent=2, ensure_ascii=False
            )
            await asyncio.to_thread(write_whole, path, text + "\n")
        except (OSError, ValueError) as error:
            words = f"{clean(str(path))} cannot be written: {clean(told(error))}"
            self.notify(words, severity="error", markup=False)
            return
        self._path = str(path)
        settled = "" if receipt.settled is not None else " It has not settled yet: save it again later."
        self.say(f"Saved {path}.{settled}")


def _head(receipt: Receipt, screen: WfScreen) -> Content:
    now = screen.context.now()
    style = status_style(receipt.order)
    lines = [
        Content.styled(f"{GLYPHS[receipt.order]} {clean(order_words(receipt, now))}", f"bold {style}"),
        Content.styled(settling_words(receipt, now), "bold" if receipt.settled is None else ""),
    ]
    if receipt.reason:
        lines.append(Content(f"Why: {clean(receipt.reason)}"))
    told = [
        Content.styled(f"{GLYPHS[status]} {receipt.count(fate):,} {fate.label}", status_style(status))
        for fate, status in FATES.items()
        if receipt.count(fate)
    ]
    lines.append(Content("   ").join(told))
    return Content("\n").join(lines)
