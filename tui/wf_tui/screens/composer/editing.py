"""Blocks and jobs: added, copied, moved, deleted, undone."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.dialogs.pick import PickDialog
from wf_tui.screens.composer.choices import job_choices
from wf_tui.screens.composer.desk import Desk
from wf_tui.state import edits
from wf_tui.state.form import form_of
from wf_tui.state.models import Job


class Editing(Desk):
    """What changes the outline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add_job", "Job", id="composer.job", tooltip="Add a job after the cursor"),
        Binding("b", "add_block", "Block", id="composer.block", tooltip="Add a block after the cursor's"),
        Binding(
            "c",
            "copy",
            "Copy",
            show=False,
            id="composer.copy",
            tooltip="Repeat the block or job right after it",
        ),
        Binding("D,delete", "remove", "Delete", id="composer.remove", tooltip="Delete the block or job"),
        Binding("u,ctrl+z", "undo", "Undo", show=False, id="composer.undo", tooltip="One step back"),
        Binding("U,ctrl+y", "redo", "Redo", show=False, id="composer.redo", tooltip="Take back the undoing"),
        Binding("J", "move(1)", "Down", show=False, id="composer.down", tooltip="Move the block or job down"),
        Binding("K", "move(-1)", "Up", show=False, id="composer.up", tooltip="Move the block or job up"),
    ]

    def action_add_block(self) -> None:
        """Adds an empty block and begins with its description."""
        self.edit(edits.add_block(self.request, self.composition.place))
        self.call_later(self.form.focus_field)

    def action_add_job(self) -> None:
        """Asks for the type, adds the job and begins with its arguments."""
        if not self.known.job_types:
            self._add_job("")
            return

        def answered(name: str | None) -> None:
            if name is not None:
                self._add_job(name)

        choices = job_choices(self.known, self.request.name)
        self.app.push_screen(PickDialog("Which job?", choices), answered)

    def _add_job(self, name: str) -> None:
        self.edit(edits.add_jobs(self.request, self.composition.place, (Job(name),)))
        form = form_of(self.request, self.composition.place, self.known)
        empty = (one.key for one in form.fields if one.required and not one.value)
        self.call_later(self.form.focus_field, next(empty, ""))

    def action_copy(self) -> None:
        """Repeats what the cursor is on."""
        self.edit(edits.copy(self.request, self.composition.place))

    def action_remove(self) -> None:
        """Deletes what the cursor is on."""
        place = self.composition.place
        if place.is_request:
            self.say("The request itself stays: esc leaves it.")
            return
        self.edit(edits.remove(self.request, place))
        self.say_done(f"{place.words()} is gone; u brings it back.")

    def action_move(self, step: int) -> None:
        """Moves what the cursor is on."""
        self.edit(edits.move(self.request, self.composition.place, step))

    def action_undo(self) -> None:
        """One step back."""
        self.take(self.composition.undone())

    def action_redo(self) -> None:
        """One step forth again."""
        self.take(self.composition.redone())
