"""The composer: any WorkReq, put together by keyboard, checked by the server while one types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Static, TextArea

from wf_tui.commands import Command
from wf_tui.dialogs.confirm import ConfirmDialog
from wf_tui.dialogs.fan_out import FanOutDialog
from wf_tui.dialogs.path import PathDialog
from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.dialogs.resume import ResumeDialog
from wf_tui.drafts import Drafts, Saved, write_whole
from wf_tui.screens.base import Context
from wf_tui.screens.drafting import DraftingScreen
from wf_tui.state import edits
from wf_tui.state.composition import EMPTY, Place, Version, job_at, settled
from wf_tui.state.fanout import FanOut
from wf_tui.state.form import TYPE, BadValue, FormField, form_of, value_at, with_value
from wf_tui.state.format import count, moment
from wf_tui.state.known import Known, machine_arg, site_arg, site_of
from wf_tui.state.models import Job, Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import fix_of, place_of
from wf_tui.widgets.form_pane import FieldInput, FormPane
from wf_tui.widgets.outline import Outline
from wf_tui.widgets.request_text import RequestText, editable_yaml
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.verdict_list import VerdictList
from wf_tui.workreq_files import BadFile, dump_json, dump_yaml, load_workreq, parse_workreq

_DESK, _TEXT = "desk", "request-text"
#: What makes no sense while the request is a text.
_AT_THE_DESK = frozenset(
    {"add_job", "add_block", "copy", "remove", "move", "undo", "redo", "fan_out", "offence", "fix", "open"}
)


class ComposerScreen(DraftingScreen):
    """Outline on the left, the form of what the cursor is on beside it, the verdict below."""

    AUTO_FOCUS = "#outline"

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
        Binding(
            "f",
            "fan_out",
            "Fan out",
            show=False,
            id="composer.fan_out",
            tooltip="Add one job for each machine of a pattern",
        ),
        Binding("n", "offence(1)", "Next ✗", id="composer.next", tooltip="To the next violation"),
        Binding(
            "N",
            "offence(-1)",
            "Last ✗",
            show=False,
            id="composer.previous",
            tooltip="To the violation before",
        ),
        Binding(
            "F", "fix", "Fix", show=False, id="composer.fix", tooltip="Mend the violation, where that is safe"
        ),
        Binding("t,ctrl+t", "text", "Text", id="composer.text", tooltip="The whole as text, and back"),
        Binding("o", "open", "Open", show=False, id="composer.open", tooltip="Open a YAML or JSON file"),
        Binding("s", "save", "Save", show=False, id="composer.save", tooltip="Save as a YAML or JSON file"),
        Binding(
            "ctrl+s",
            "submit(False)",
            "Submit",
            id="composer.submit",
            priority=True,
            tooltip="Submit it; asks before",
        ),
        Binding(
            "ctrl+e",
            "submit(True)",
            "Execute",
            show=False,
            id="composer.execute",
            priority=True,
            tooltip="Submit and execute it; asks before",
        ),
    ]

    def __init__(
        self, context: Context, request: WorkReq = EMPTY, *, mends: str = "", clones: str = ""
    ) -> None:
        super().__init__(context, request, mends)
        self._clones = clones
        self._path = ""
        #: What the text was when it was last read.
        self._text = ""

    def crumbs(self) -> tuple[str, ...]:
        """What is composed."""
        name = self.request.name or "a WorkReq"
        return "Workflows", f"{'Mend' if self.mends else 'Compose'} {name}"

    def body(self) -> ComposeResult:
        """Outline and form, or the text; the verdict."""
        with ContentSwitcher(initial=_DESK, id="composing"):
            with Horizontal(id=_DESK):
                yield Outline()
                yield FormPane()
            yield RequestText()
        with Vertical(id="verdict"):
            yield Static(id="verdict-line")
            yield VerdictList()

    def on_mount(self) -> None:
        """Asks what there is to compose with, and for what was left behind."""
        super().on_mount()
        self.call_later(self.show_verdict)
        self.ask_newest(self.load_known, "catalogue", group="known")
        if self._clones:
            self.ask(self._clone(), "workflow to clone", group="clone")
        elif self.request != EMPTY:
            self.check_soon()
        elif self.context.drafts is not None:
            self.ask(self._look_for_draft(self.context.drafts), "drafts", group="drafts")

    async def _clone(self) -> None:
        request, _ = await self.context.gateway.get(self._clones)
        self.take(self.composition.edited(request, self.composition.place))

    async def _look_for_draft(self, drafts: Drafts) -> None:
        draft = await asyncio.to_thread(drafts.left_behind)
        saved = await asyncio.to_thread(draft.load) if draft is not None else None
        if draft is None or saved is None:
            return

        async def answered(yes: bool | None) -> None:
            if yes and self.request == EMPTY:
                await self.adopt(draft, saved.request, saved.mends)
                self.renamed()
            else:
                await asyncio.to_thread(draft.close)

        self.app.push_screen(ResumeDialog(self._draft_facts(saved)), answered)

    def _draft_facts(self, saved: Saved) -> list[tuple[str, str]]:
        size = f"{count(saved.request.job_count, 'job')} in {count(len(saved.request.blocks), 'block')}"
        return [
            ("Name", saved.request.name or "(no name yet)"),
            ("About", saved.request.desc),
            ("Holds", size),
            ("Saved", moment(self.context.now(), saved.saved)),
        ]

    # -- what is on the screen

    @property
    def _outline(self) -> Outline:
        return self.query_one(Outline)

    @property
    def _form(self) -> FormPane:
        return self.query_one(FormPane)

    @property
    def _in_text(self) -> bool:
        return self.query_one("#composing", ContentSwitcher).current == _TEXT

    async def show_request(self) -> None:
        """Shows outline, form and name."""
        self._outline.show_request(self.request, self.composition.place, self.verdict)
        self.renamed()
        await self._show_form()

    async def _show_form(self) -> None:
        place = self.composition.place
        form = form_of(self.request, place, self.known, self.verdict.at.get(place, ()))
        typed = (one.key for one in form.fields if self.composition.typing == _typing(place, one.key))
        await self._form.show_form(form, next(typed, ""))
        self.load_machines()

    async def show_verdict(self) -> None:
        """Shows the verdict below, in the outline and at the fields."""
        self.query_one(VerdictList).show_violations(self.verdict.all)
        self.query_one("#verdict-line", Static).update(self._verdict_words())
        await self.show_request()

    def _verdict_words(self) -> Content:
        if self.unchecked:
            return Content.styled(f"! No verdict: {clean(self.unchecked)}", "$text-warning")
        if self.checked is None:
            return Content.styled("Choose a name; b adds a block, a adds a job, enter edits.", MUTED)
        if not self.verdict.all:
            return Content.styled("✓ The server would accept it. ctrl+s submits it.", "$text-success")
        told = f"✗ {count(len(self.verdict), 'violation')}"
        fix = self._fix()
        help_words = f"   n: next   F: {clean(fix)}" if fix else "   n: next"
        return Content.assemble((told, "bold $text-error"), (help_words, MUTED))

    def _fix(self) -> str:
        """What `F` would do, in words."""
        violation = self.query_one(VerdictList).current
        fix = fix_of(violation, self.request, self.known) if violation is not None else None
        return fix.words if fix is not None else ""

    @on(RowsView.Moved, "#outline")
    async def _moved(self) -> None:
        place = self._outline.place
        if place != self.composition.place:
            self.composition = self.composition.at(place)
            await self._show_form()

    @on(RowsView.Opened, "#outline")
    def _opened(self) -> None:
        self._form.focus_field()

    @on(RowsView.Moved, "#verdict-list")
    def _other_violation(self) -> None:
        if not self.unchecked and not self._in_text:
            self.query_one("#verdict-line", Static).update(self._verdict_words())

    @on(RowsView.Opened, "#verdict-list")
    def _open_violation(self) -> None:
        violation = self.query_one(VerdictList).current
        if violation is not None:
            self._go_to(violation)
            self.call_later(self._form.focus_field)

    # -- the form

    @on(FormPane.Edited)
    def _edited(self, event: FormPane.Edited) -> None:
        if settled(self.request, event.place) != event.place:
            return
        self._form.complain(event.key, "")
        if event.value == clean(value_at(self.request, event.place, event.key)):
            return
        try:
            request = with_value(self.request, event.place, event.key, event.value, self.known)
        except BadValue as reason:
            self._form.complain(event.key, str(reason))
            return
        typing = _typing(event.place, event.key)
        self.take(self.composition.edited(request, self.composition.place, typing=typing))

    @on(FormPane.Finished)
    def _finished(self) -> None:
        self._outline.focus()

    @on(FieldInput.Choosing)
    def _choose(self, event: FieldInput.Choosing) -> None:
        place, shown = self.composition.place, event.shown

        def answered(value: str | None) -> None:
            if value is not None:
                request = with_value(self.request, place, shown.key, value, self.known)
                self.take(self.composition.edited(request, place))

        self.app.push_screen(PickDialog(shown.label, self._choices(shown)), answered)

    def _choices(self, shown: FormField) -> Sequence[Choice]:
        if shown.key == TYPE:
            return job_choices(self.known, self.request.name)
        sites = {site.name: site for site in self.known.sites}
        told = {
            name: f"{site.type.value}, {site.status.value}, {count(site.machine_count, 'machine')}"
            for name, site in sites.items()
        }
        return [Choice(value, told.get(value, "")) for value in shown.values]

    # -- blocks and jobs

    def _edit(self, version: Version) -> None:
        self.take(self.composition.edited(version.request, version.place))

    def action_add_block(self) -> None:
        """Adds an empty block and begins with its description."""
        self._edit(edits.add_block(self.request, self.composition.place))
        self.call_later(self._form.focus_field)

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
        self._edit(edits.add_jobs(self.request, self.composition.place, (Job(name),)))
        form = form_of(self.request, self.composition.place, self.known)
        empty = (one.key for one in form.fields if one.required and not one.value)
        self.call_later(self._form.focus_field, next(empty, ""))

    def action_copy(self) -> None:
        """Repeats what the cursor is on."""
        self._edit(edits.copy(self.request, self.composition.place))

    def action_remove(self) -> None:
        """Deletes what the cursor is on."""
        place = self.composition.place
        if place.is_request:
            self.say("The request itself stays: esc leaves it.")
            return
        self._edit(edits.remove(self.request, place))
        self.say(f"{place.words()} is gone; u brings it back.")

    def action_move(self, step: int) -> None:
        """Moves what the cursor is on."""
        self._edit(edits.move(self.request, self.composition.place, step))

    def action_undo(self) -> None:
        """One step back."""
        self.take(self.composition.undone())

    def action_redo(self) -> None:
        """One step forth again."""
        self.take(self.composition.redone())

    # -- one job for each machine

    def action_fan_out(self) -> None:
        """Asks for the site, where that is not known, and for the machines."""
        template = fan_out_template(self.request, self.composition.place, self.known)
        if template is None:
            self.say("No job type that the server knows has a machine for an argument.")
            return
        kind = self.known.job_type(template.name)
        arg = site_arg(kind)
        if arg is None or template.args.get(arg.name):
            self.ask_newest(partial(self._ask_machines, template), "machines", group="fan-out")
            return

        def answered(site: str | None) -> None:
            if site is not None:
                job = Job(template.name, template.desc, {**template.args, arg.name: site})
                self.ask_newest(partial(self._ask_machines, job), "machines", group="fan-out")

        choices = [
            Choice(
                site.name, f"{site.type.value}, {site.status.value}, {count(site.machine_count, 'machine')}"
            )
            for site in self.known.sites
            if site.machine_count
        ]
        self.app.push_screen(PickDialog("The machines of which site?", choices), answered)

    async def _ask_machines(self, template: Job) -> None:
        kind = self.known.job_type(template.name)
        arg, site = machine_arg(kind), site_of(template, kind)
        assert arg is not None
        machines = await self.machines_of(site) if self.known.has_site(site) else ()

        def answered(made: FanOut | None) -> None:
            if made is not None:
                self._fan_out(made)

        self.app.push_screen(FanOutDialog(template, arg.name, machines, 5), answered)

    def _fan_out(self, made: FanOut) -> None:
        place, request = self.composition.place, self.request
        begun = job_at(request, place) if place.is_job else None
        if begun is not None and begun.name == made.template.name and not begun.args.get(made.arg):
            # The job that was begun for this gives way; one that is about a machine already stays.
            request, place = edits.remove(request, place).request, Place(place.block, place.job - 1)
        if made.per_block:
            self._edit(edits.add_blocks(request, place, made.blocks()))
        else:
            self._edit(edits.add_jobs(request, place, made.jobs()))
        self.say(f"Added {made.words()}.")

    # -- violations

    def action_offence(self, step: int) -> None:
        """Goes to another violation; the first time to the one under the list's cursor."""
        violations = self.query_one(VerdictList)
        if violations.current is None:
            self.say("The server finds nothing wrong." if self.is_checked else "There is no verdict yet.")
            return
        here = place_of(violations.current) == self.composition.place
        if here:
            violations.move_to((violations.cursor + step) % violations.line_count())
        self._go_to(violations.current)

    def _go_to(self, violation: Violation) -> None:
        self.take(self.composition.at(place_of(violation)))

    def action_fix(self) -> None:
        """Mends the violation under the list's cursor, if one certain thing would."""
        violation = self.query_one(VerdictList).current
        if violation is None or not self.is_checked:
            self.say("There is no verdict on this yet." if not self.is_checked else "Nothing is wrong.")
            return
        fix = fix_of(violation, self.request, self.known)
        if fix is None:
            self.say("This one is for you: no fix of it is certain.")
            return
        self._edit(fix.mended)
        self.say(f"{place_of(violation).words()}: {fix.words}. u takes it back.")

    # -- as text

    def action_text(self) -> None:
        """Goes to the text, or back from it."""
        if self._in_text:
            self._leave_text()
        else:
            self.ask_newest(self._open_text, "text", group="text")

    async def _open_text(self) -> None:
        self._text = await asyncio.to_thread(editable_yaml, self.request)
        area = self.query_one(RequestText)
        area.text = self._text
        self.query_one("#composing", ContentSwitcher).current = _TEXT
        area.focus()
        self.refresh_bindings()

    @on(TextArea.Changed)
    def _text_changed(self, event: TextArea.Changed) -> None:
        if self._in_text and event.text_area.text != self._text:
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

    def _leave_text(self, then: Callable[[], None] | None = None) -> None:
        self.ask_newest(partial(self._back_to_desk, then), "text", group="text")

    async def _back_to_desk(self, then: Callable[[], None] | None) -> None:
        if not await self._read_text():
            self.notify(
                "The text is no WorkReq yet: mend what is named below, or undo it with ctrl+z.",
                severity="warning",
                markup=False,
            )
            return
        self.query_one("#composing", ContentSwitcher).current = _DESK
        self._outline.focus()
        self.refresh_bindings()
        if then is not None:
            then()

    # -- files

    def action_open(self) -> None:
        """Asks for a file and takes what it holds; undo brings back what was there."""
        self._ask_path("Open which file?", "Open", self._load)

    def action_save(self) -> None:
        """Asks for a file and writes the request to it."""
        self._ask_path("Save as which file?", "Save", self._save)

    def _ask_path(self, question: str, verb: str, act: Callable[[Path], None]) -> None:
        def answered(path: str | None) -> None:
            if path is not None:
                act(Path(path).expanduser())

        self.app.push_screen(PathDialog(question, self._path, verb), answered)

    def _load(self, path: Path) -> None:
        self.ask_newest(partial(self._loaded, path), f"open {path}", group="file")

    async def _loaded(self, path: Path) -> None:
        try:
            request = await asyncio.to_thread(load_workreq, f"{path.parent / path.name}")
        except BadFile as bad:
            shown = "\n".join(clean(problem) for problem in bad.problems[:4])
            more = len(bad.problems) - 4
            shown += f"\nand {count(more, 'more problem')}" if more > 0 else ""
            words = f"{clean(str(path))} holds no WorkReq:\n{shown}"
            self.notify(words, severity="error", timeout=12, markup=False)
            return
        self._path = str(path)
        self.take(self.composition.edited(request, Place()))
        self.say(f"Opened {path}; u brings back what was here.")

    def _save(self, path: Path) -> None:
        if str(path) == self._path or not path.exists():
            self.ask_newest(partial(self._saved, path), f"save {path}", group="file")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.ask_newest(partial(self._saved, path), f"save {path}", group="file")

        self.app.push_screen(
            ConfirmDialog("Overwrite this file?", [("File", str(path))], "Overwrite"), answered
        )

    async def _saved(self, path: Path) -> None:
        dump = dump_json if path.suffix == ".json" else dump_yaml
        try:
            text = await asyncio.to_thread(dump, self.request)
            await asyncio.to_thread(write_whole, path, text)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else None
            words = f"{clean(str(path))} cannot be written: {clean(reason or str(error))}"
            self.notify(words, severity="error", markup=False)
            return
        self._path = str(path)
        self.say(f"Saved {path}.")

    # -- for good

    def action_submit(self, execute: bool) -> None:
        """Asks, and submits it."""
        if self.submitting or self.app.screen is not self:
            return
        if self._in_text:
            self._leave_text(partial(self._confirm, execute=execute))
        else:
            self._confirm(execute=execute)

    def _confirm(self, *, execute: bool) -> None:
        request = self.request
        if request == EMPTY:
            self.say("There is nothing to submit yet.")
            return
        verb = "Submit and execute" if execute else "Submit"
        facts = [
            ("Workflow", request.name or "(no name)"),
            ("About", request.desc),
            ("Holds", f"{count(request.job_count, 'job')} in {count(len(request.blocks), 'block')}"),
            ("Server", self.context.gateway.address),
            ("Verdict", self._verdict_fact()),
        ]
        if self.mends:
            facts.insert(2, ("Mends", self.mends))

        def answered(yes: bool | None) -> None:
            if yes:
                self.submit(request, execute=execute)

        self.app.push_screen(ConfirmDialog(f"{verb} this WorkReq?", facts, verb), answered)

    def _verdict_fact(self) -> str:
        if not self.is_checked:
            return "not known yet"
        if not self.verdict.all:
            return "the server would accept it"
        return f"{count(len(self.verdict), 'violation')}: the server will refuse it"

    # -- leaving

    def action_back(self) -> None:
        """From the text or the form to the outline; from there out, and the draft stays."""
        if self._in_text:
            self._leave_text()
        elif self.focused is not self._outline:
            self._outline.focus()
        elif not self.submitting:
            if self.composition.past and self.context.drafts is not None:
                self.say("The draft is kept: composing again offers it.")
            super().action_back()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A text is edited as a text; there is nothing to undo at first."""
        if not self.is_mounted:
            return True
        if action in _AT_THE_DESK and self._in_text:
            return False
        if action in ("undo", "redo"):
            steps = self.composition.past if action == "undo" else self.composition.future
            return bool(steps) or None
        return True

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields what can be done with the request."""
        if not self.context.read_only:
            yield Command("workreq: submit", "ctrl+s; asks before", partial(self.action_submit, False))
            yield Command(
                "workreq: submit and execute", "ctrl+e; asks before", partial(self.action_submit, True)
            )
        yield Command("workreq: open a file", "YAML or proto JSON", self.action_open)
        yield Command("workreq: save as a file", "YAML, or proto JSON by its name", self.action_save)
        yield Command("workreq: edit as text", "and back again", self.action_text)
        yield Command("workreq: one job for each machine", "Of a site, by a pattern", self.action_fan_out)


def _typing(place: Place, key: str) -> str:
    """Names what is typed into."""
    return f"{place.words()} {key}"


def job_choices(known: Known, workflow_type: str) -> list[Choice]:
    """Returns the job types, those that the policies allow first."""
    allowed = [kind for kind in known.job_types if known.allows(workflow_type, kind.name)]
    others = [kind for kind in known.job_types if kind not in allowed]
    refused = f"✗ not allowed in {workflow_type}: "
    return [Choice(kind.name, kind.help) for kind in allowed] + [
        Choice(kind.name, refused + kind.help) for kind in others
    ]


def fan_out_template(request: WorkReq, place: Place, known: Known) -> Job | None:
    """Returns the job to repeat: the cursor's, or an empty one of the first type that has a machine."""
    if place.is_job and machine_arg(known.job_type(job_at(request, place).name)) is not None:
        return job_at(request, place)
    kinds = [kind for kind in known.job_types if machine_arg(kind) is not None]
    kinds.sort(key=lambda kind: not known.allows(request.name, kind.name))
    return Job(kinds[0].name) if kinds else None
