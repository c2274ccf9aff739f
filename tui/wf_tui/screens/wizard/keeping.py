"""The draft of what was chosen in a wizard: kept in a file, and gone on with after a crash."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from wf_tui.dialogs.resume import ResumeDialog
from wf_tui.drafts import Kept, Shelf
from wf_tui.screens.base import Context, WfScreen
from wf_tui.state.format import moment
from wf_tui.state.text import clean
from wf_tui.state.wizard import Step
from wf_tui.wizards import Wizard


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen so far."""

    wizard: str
    address: str
    #: Marked in the first step; and what the later steps are about: those, or a single one.
    marked: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    step: Step = Step.SITE
    dry_run: bool = False
    #: The submit key, from the first confirmation on: confirmed again, it is stored once all the same.
    key: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The sites that it is about, as far as one has come."""
        return self.sites or self.marked


class Keeping(WfScreen):
    """Owns the draft's file. What is typed to confirm is not kept: it has to be meant."""

    def __init__(self, context: Context, wizard: Wizard) -> None:
        super().__init__(context)
        self.wizard = wizard
        self.choices = Choices(wizard.id, context.gateway.address)
        self._shelf: Shelf[Kept[Choices]] | None = None
        if context.drafts is not None:
            self._shelf = context.drafts.shelf("wizards", Choices)
        self._kept: Kept[Choices] | None = None
        #: A draft that was found, while the operator is asked about it.
        self._offered: Kept[Choices] | None = None
        self._unsaved = False
        self._saving = asyncio.Lock()

    async def gone_on(self) -> None:
        """Goes on with the choices that were taken over."""
        raise NotImplementedError

    def choose(self, **fields: object) -> None:
        """Changes the choices, and keeps them a moment later."""
        choices = replace(self.choices, **fields)  # type: ignore[arg-type]
        if choices != self.choices:
            self.choices = choices
            self._unsaved = True
            self.ask(self.keep(), "draft", group="draft")

    async def keep(self) -> None:
        """Writes the choices as they are now, if that was not done yet."""
        async with self._saving:
            if not self._unsaved:
                return
            self._unsaved = False
            try:
                await self._write()
            except OSError as error:
                why = clean(error.strerror or str(error))
                self.notify(
                    f"The draft cannot be saved ({why}): a crash would lose it.",
                    severity="warning",
                    markup=False,
                )

    async def _write(self) -> None:
        if self._shelf is None:
            return
        if self._kept is None:
            self._kept = await asyncio.to_thread(self._shelf.new)
        if self.choices.names:
            await asyncio.to_thread(self._kept.save, self.choices)
        else:
            await asyncio.to_thread(self._kept.discard)

    async def look_for_draft(self) -> None:
        """Offers what was left behind by a wizard of this kind on this server."""
        if self._shelf is None:
            return
        kept = await asyncio.to_thread(self._shelf.left_behind, self._is_mine)
        choices = await asyncio.to_thread(kept.load) if kept is not None else None
        if kept is None or choices is None:
            return
        self._offered = kept
        saved = moment(self.context.now(), await asyncio.to_thread(lambda: kept.saved))

        async def answered(yes: bool | None) -> None:
            self._offered = None
            if self._kept is not None:
                # Something was chosen before the question came up.
                await asyncio.to_thread(kept.close)
                return
            # Begun anew, it is overwritten by the first choice, and not before.
            self._kept = kept
            if yes:
                self.choices = choices
                await self.gone_on()

        facts = [
            ("Wizard", self.wizard.title(choices.names)),
            ("Step", choices.step.label),
            ("Saved", saved),
        ]
        self.app.push_screen(ResumeDialog(facts), answered)

    def _is_mine(self, kept: Kept[Choices]) -> bool:
        found = kept.load()
        return (
            found is not None
            and (found.wizard, found.address) == (self.choices.wizard, self.choices.address)
            and bool(found.names)
        )

    @property
    def is_kept(self) -> bool:
        """Whether there is something that the next wizard of this kind will offer."""
        return self._kept is not None and bool(self.choices.names)

    async def forget(self) -> None:
        """Has nothing to offer the next time."""
        self._unsaved = False
        async with self._saving:
            if self._kept is not None:
                await asyncio.to_thread(self._kept.discard)

    async def on_unmount(self) -> None:
        """Saves what was chosen last, and lets go of the draft."""
        await self.keep()
        for kept in (self._kept, self._offered):
            if kept is not None:
                await asyncio.to_thread(kept.close)
