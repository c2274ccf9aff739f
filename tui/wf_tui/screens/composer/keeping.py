"""The draft of what is composed: kept in a file while one types, and gone on with after a crash."""

from __future__ import annotations

import asyncio

from wf_tui.dialogs.resume import ResumeDialog
from wf_tui.drafts import Draft, Drafts, Saved
from wf_tui.screens.base import Context
from wf_tui.screens.composer.drafting import DraftingScreen
from wf_tui.state.composition import EMPTY, Composition
from wf_tui.state.format import count, moment
from wf_tui.state.models import WorkReq
from wf_tui.state.text import clean


class Keeping(DraftingScreen):
    """Owns the draft's file. Every change is kept a moment later."""

    def __init__(self, context: Context, request: WorkReq, mends: str) -> None:
        super().__init__(context, request, mends)
        #: A text that was typed and is no WorkReq, or not read yet; "": the request is all there is.
        self.unread = ""
        self._draft: Draft | None = None
        self._unsaved = False
        self._saving = False

    def take(self, composition: Composition) -> None:
        """Goes on with a changed composition, and keeps it."""
        changed = composition.request != self.request
        super().take(composition)
        if changed:
            self.keep_soon()

    async def look_for_draft(self, drafts: Drafts) -> None:
        """Offers what was left behind, if anything was."""
        draft = await asyncio.to_thread(drafts.left_behind)
        saved = await asyncio.to_thread(draft.load) if draft is not None else None
        if draft is None or saved is None:
            return

        async def answered(yes: bool | None) -> None:
            if yes and self.request == EMPTY:
                await self._adopt(draft, saved)
            else:
                await asyncio.to_thread(draft.close)

        self.app.push_screen(ResumeDialog(self._draft_facts(saved)), answered)

    def _draft_facts(self, saved: Saved) -> list[tuple[str, str]]:
        size = f"{count(saved.request.job_count, 'job')} in {count(len(saved.request.blocks), 'block')}"
        lines = len(saved.text.splitlines())
        return [
            ("Name", saved.request.name or "(no name yet)"),
            ("About", saved.request.desc),
            ("Holds", size),
            *[("Text", f"{count(lines, 'line')}, no WorkReq yet")] * bool(lines),
            ("Saved", moment(self.context.now(), saved.saved)),
        ]

    def keep_soon(self) -> None:
        """Saves what there is in a moment."""
        self._unsaved = self.context.drafts is not None
        if self._unsaved and not self._saving:
            self._saving = True
            self.ask(self._keep(), "draft", group="draft")

    async def _keep(self) -> None:
        """Saves until nothing is left to save; one at a time, so that no older draft comes last."""
        try:
            while self._unsaved:
                await asyncio.sleep(self.context.typing_pause)
                await self._save_draft()
        except OSError as error:
            self.notify(
                f"The draft cannot be saved ({clean(error.strerror or str(error))}): a crash would lose it.",
                severity="warning",
                markup=False,
            )
        finally:
            self._saving = False

    async def _save_draft(self) -> None:
        self._unsaved = False
        if self._draft is None and self.context.drafts is not None:
            self._draft = await asyncio.to_thread(self.context.drafts.new)
        if self._draft is None:
            return
        if self.request == EMPTY and not self.unread:
            await asyncio.to_thread(self._draft.discard)
        else:
            kept = self.request, self.mends, self.unread, self.lineage
            await asyncio.to_thread(self._draft.save, *kept)

    async def _adopt(self, draft: Draft, saved: Saved) -> None:
        """Goes on with a draft that was left behind."""
        before, self._draft = self._draft, draft
        if before is not None:
            await asyncio.to_thread(before.close)
        self.mends, self.lineage = saved.mends, saved.lineage
        self.begin_with(saved.request)
        if saved.text:
            self.show_text(saved.text)

    def show_text(self, text: str) -> None:
        """Goes to the text view with this in it."""
        raise NotImplementedError

    async def on_unmount(self) -> None:
        """Saves what was typed last, and lets go of the draft."""
        try:
            if self._unsaved:
                await self._save_draft()
        except OSError as error:
            self.context.report(error)
        if self._draft is not None:
            await asyncio.to_thread(self._draft.close)

    async def forget_draft(self) -> None:
        """Has nothing to offer the next time."""
        self._unsaved = False
        if self._draft is not None:
            await asyncio.to_thread(self._draft.discard)
