"""What is on the composer's screen, and how a change of the request gets there."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from wf_tui.screens.composer.keeping import Keeping
from wf_tui.state.composition import Place, Version
from wf_tui.state.fixes import fix_of
from wf_tui.state.form import form_of
from wf_tui.state.format import count
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.widgets.form_pane import FormPane
from wf_tui.widgets.outline import Outline
from wf_tui.widgets.rows import RowsView
from wf_tui.widgets.theme import MUTED
from wf_tui.widgets.verdict_list import VerdictList

DESK, TEXT = "desk", "request-text"
#: Seconds.
_BRIEFLY = 2.0


class Desk(Keeping):
    """Outline and form, or the text; the verdict. The classes on top of it say what is done with them."""

    #: The forms show all options, those that are not set too.
    with_options = False

    @property
    def outline(self) -> Outline:
        """The request at a glance."""
        return self.query_one(Outline)

    @property
    def form(self) -> FormPane:
        """The form of what the cursor is on."""
        return self.query_one(FormPane)

    @property
    def in_text(self) -> bool:
        """Whether the request is a text just now."""
        return self.query_one("#composing", ContentSwitcher).current == TEXT

    def with_text_read(self, then: Callable[[], None]) -> None:
        """Does something once what is seen is the request; in the text that takes a moment."""
        raise NotImplementedError

    def say_done(self, words: str) -> None:
        """Tells what an edit did; briefly, because the next edit is near, and covers what is below."""
        self.notify(clean(words), timeout=_BRIEFLY, markup=False)

    def edit(self, version: Version) -> None:
        """Goes on with an edit."""
        self.take(self.composition.edited(version.request, version.place))

    async def show_request(self) -> None:
        """Shows outline, form and name."""
        self.outline.show_request(self.request, self.composition.place, self.verdict)
        self.renamed()
        await self._show_form()

    async def _show_form(self) -> None:
        place = self.composition.place
        offences = self.verdict.at.get(place, ())
        form = form_of(self.request, place, self.known, offences, options=self.with_options)
        typed = (one.key for one in form.fields if self.composition.typing == typing_of(place, one.key))
        await self.form.show_form(form, next(typed, ""))
        self.load_machines()

    async def show_verdict(self) -> None:
        """Shows the verdict below, in the outline and at the fields."""
        if self.problems:
            self.query_one(VerdictList).show_problems(self.problems)
        else:
            self.query_one(VerdictList).show_violations(self.verdict.all)
        self.query_one("#verdict-line", Static).update(self.verdict_words())
        await self.show_request()

    def verdict_words(self) -> Content:
        """Tells the verdict in a line."""
        if self.problems:
            told = f"✗ The text is no WorkReq: {count(len(self.problems), 'problem')}"
            return Content.assemble((told, "bold $text-error"), ("   f8: next", MUTED))
        if self.unchecked:
            return Content.styled(f"! No verdict: {clean(self.unchecked)}", "$text-warning")
        if self.checked is None:
            words = "ctrl+t: back" if self.in_text else "b adds a block, a adds a job, enter edits"
            return Content.styled(f"Choose a name; {words}.", MUTED)
        if not refusals(self.verdict.all):
            return self._passing_words()
        told = f"✗ {count(len(self.verdict), 'violation')}"
        if self.in_text:
            return Content.assemble((told, "bold $text-error"), ("   f8: next", MUTED))
        fix = self._fix_words()
        help_words = f"   n: next   F: {clean(fix)}" if fix else "   n: next"
        return Content.assemble((told, "bold $text-error"), (help_words, MUTED))

    def _passing_words(self) -> Content:
        names = ", ".join(map(clean, to_acknowledge(self.verdict.all)))
        if names:
            told = f"! The server would accept it if you acknowledge {names}: ctrl+s asks."
            return Content.styled(told, "$text-warning")
        dry = f" It breaks {count(len(self.verdict), 'rule')} in a dry run." if self.verdict.all else ""
        return Content.styled(f"✓ The server would accept it.{dry} ctrl+s submits it.", "$text-success")

    def _fix_words(self) -> str:
        """What `F` would do."""
        violation = self.query_one(VerdictList).current
        fix = fix_of(violation, self.request, self.known) if violation is not None else None
        return fix.words if fix is not None else ""

    @on(RowsView.Moved, "#outline")
    async def _moved(self) -> None:
        place = self.outline.place
        if place != self.composition.place:
            self.composition = self.composition.at(place)
            await self._show_form()


def typing_of(place: Place, key: str) -> str:
    """Names what is typed into, so that a word that is typed is one step to undo."""
    return f"{place.words()} {key}"
