"""The form of a place: a line for every field, what it is, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from wf_tui.state.composition import Place
from wf_tui.state.form import Form, FormField
from wf_tui.state.models import PolicyLevel, Violation
from wf_tui.state.text import clean
from wf_tui.widgets.theme import MUTED

_HIDDEN = "it holds characters that are not shown; typing here replaces them"


class FieldInput(Input):
    """The line that is typed into; it knows what of which place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "up", "leave(-1)", "Field before", show=False, id="form.previous", tooltip="The field before"
        ),
        Binding("down", "leave(1)", "Next field", show=False, id="form.next", tooltip="The next field"),
        Binding("ctrl+l", "values", "Values", id="form.values", tooltip="Choose from the known values"),
    ]

    class Leaving(Message):
        """Asks for the field before (-1) or after (1)."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Choosing(Message):
        """Asks for a choice among the values of its field."""

        def __init__(self, shown: FormField) -> None:
            super().__init__()
            self.shown = shown

    def __init__(self, place: Place, shown: FormField) -> None:
        super().__init__(clean(shown.value), placeholder=_example(shown), select_on_focus=False)
        self.cursor_blink = False
        self.place = place
        self.shown = shown
        self._suggest(shown)

    def show_field(self, place: Place, shown: FormField, *, typed: bool = False) -> None:
        """Shows another state of its field, without a word to anybody.

        What is typed right now stays (`typed`), and so does what the field could not take.
        """
        elsewhere = place != self.place
        changed = shown.value != self.shown.value and not typed
        if shown.values != self.shown.values:
            self._suggest(shown)
        self.place, self.shown = place, shown
        self.placeholder = _example(shown)
        if elsewhere or changed:
            with self.prevent(Input.Changed):
                self.value = clean(shown.value)

    def _suggest(self, shown: FormField) -> None:
        self.suggester = SuggestFromList([clean(value) for value in shown.values])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is a choice only where values are known."""
        return bool(self.shown.values) if action == "values" else True

    def action_leave(self, step: int) -> None:
        """Goes to another field."""
        self.post_message(self.Leaving(step))

    def action_values(self) -> None:
        """Asks for the list."""
        self.post_message(self.Choosing(self.shown))


class FieldRow(Vertical):
    """A field: name and help, the line, what is wrong."""

    def __init__(self, place: Place, shown: FormField) -> None:
        super().__init__()
        self._input = FieldInput(place, shown)
        self._label = Static(_label(shown), classes="label")
        self._wrong = Static("", classes="wrong")
        self._complaint = ""
        self._show_wrong(shown)

    @property
    def input(self) -> FieldInput:
        """The line that is typed into."""
        return self._input

    def compose(self) -> ComposeResult:
        """All three."""
        yield self._label
        yield self._input
        yield self._wrong

    def show_field(self, place: Place, shown: FormField, *, typed: bool = False) -> None:
        """Shows another state of the field."""
        if place != self._input.place or shown.value != self._input.shown.value:
            self._complaint = ""
        self._input.show_field(place, shown, typed=typed)
        self._label.update(_label(shown))
        self._show_wrong(shown)

    def complain(self, words: str) -> None:
        """Says why what is typed cannot be taken; "": it can."""
        self._complaint = words
        self._show_wrong(self._input.shown)

    def _show_wrong(self, shown: FormField) -> None:
        lines = [Content.styled(f"✗ {self._complaint}", "$text-error")] if self._complaint else []
        lines += [offence_words(offence) for offence in shown.offences]
        if clean(shown.value) != shown.value:
            lines.append(Content.styled(_HIDDEN, "$text-warning"))
        self._wrong.update(Content("\n").join(lines))
        self._wrong.display = bool(lines)


class FormPane(VerticalScroll, can_focus=False):
    """The form. It says what was typed and leaves it to the screen what becomes of that."""

    class Edited(Message):
        """Something was typed into a field."""

        def __init__(self, place: Place, key: str, value: str) -> None:
            super().__init__()
            self.place = place
            self.key = key
            self.value = value

    class Finished(Message):
        """The operator went on from the last field, or back from the first."""

    def __init__(self) -> None:
        super().__init__(id="form")
        self._form: Form | None = None

    async def show_form(self, form: Form, typed: str = "") -> None:
        """Shows a form; fields that stay keep their cursor and focus, and what is being typed in `typed`."""
        before, self._form = self._form, form
        if before is None or [one.key for one in before.fields] != [one.key for one in form.fields]:
            await self._rebuild(form)
        for row, shown in zip(self._rows(), form.fields, strict=True):
            row.show_field(form.place, shown, typed=shown.key == typed)
        words = [Content.styled(clean(form.title), "bold")]
        if form.help:
            words.append(Content.styled(clean(form.help), MUTED))
        words += [offence_words(offence) for offence in form.offences]
        self.query_one("#about", Static).update(Content("\n").join(words))

    async def _rebuild(self, form: Form) -> None:
        """Other fields: all made anew, with the focus where it was, if that is still there."""
        focused = self.focused_key
        async with self.batch():
            await self.remove_children()
            await self.mount(Static("", id="about"), *(FieldRow(form.place, shown) for shown in form.fields))
        if focused:
            self.focus_field(focused)

    def _rows(self) -> Iterator[FieldRow]:
        yield from self.query(FieldRow)

    @property
    def focused_key(self) -> str:
        """The key of the field that has the focus; "": none has."""
        return next((row.input.shown.key for row in self._rows() if row.input.has_focus), "")

    def focus_field(self, key: str = "") -> None:
        """Puts the focus on a field, on the first wrong one, or on the first."""
        wanted = key or (self._form.first_wrong() if self._form is not None else "")
        rows = list(self._rows())
        chosen = next((row for row in rows if row.input.shown.key == wanted), rows[0] if rows else None)
        if chosen is not None:
            chosen.input.focus()
            chosen.input.cursor_position = len(chosen.input.value)

    def reveal(self, key: str) -> None:
        """Brings a field into view, with what is wrong with it; "": what is above the fields."""
        if not key:
            self.scroll_home(animate=False)
        for row in self._rows():
            if row.input.shown.key == key:
                self.call_after_refresh(self.scroll_to_widget, row, animate=False)

    def complain(self, key: str, words: str) -> None:
        """Says why what stands in a field cannot be taken."""
        for row in self._rows():
            if row.input.shown.key == key:
                row.complain(words)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        field = event.input
        if isinstance(field, FieldInput) and event.value == field.value:
            self.post_message(self.Edited(field.place, field.shown.key, event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._go(1)

    @on(FieldInput.Leaving)
    def _leave(self, event: FieldInput.Leaving) -> None:
        event.stop()
        self._go(event.step)

    def _go(self, step: int) -> None:
        keys = [row.input.shown.key for row in self._rows()]
        at = keys.index(self.focused_key) + step if self.focused_key in keys else 0
        if 0 <= at < len(keys):
            self.focus_field(keys[at])
        else:
            self.post_message(self.Finished())


def offence_words(violation: Violation) -> Content:
    """Tells what is wrong, what was found and what is expected."""
    told = f"{violation.mark} {clean(violation.message)}"
    style = "$text-error" if violation.level is PolicyLevel.DENY else "$text-warning"
    details: Sequence[str] = [
        f"{label} {clean(text)}"
        for label, text in (("found", violation.found), ("expected", violation.expected))
        if text
    ]
    return Content.assemble(
        (told, style),
        (f"  {', '.join(details)}" if details else "", style),
        (f"  [{clean(violation.rule)}]", MUTED),
    )


def _example(shown: FormField) -> str:
    return f"such as {clean(shown.example)}" if shown.example else ""


def _label(shown: FormField) -> Content:
    star = " *" if shown.required else ""
    more = "  ctrl+l: values" if shown.values else ""
    return Content.assemble((f"{clean(shown.label)}{star}", "bold"), (f"  {clean(shown.help)}{more}", MUTED))
