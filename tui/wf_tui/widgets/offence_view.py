"""A refused request as a tree, the places that offend marked; and one violation explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.state.format import count, moment
from wf_tui.state.models import Job, Rejection, Violation, WorkReq
from wf_tui.state.offence_tree import Fold, Kind, Line, OffenceTree
from wf_tui.state.rejections import mended_words
from wf_tui.state.text import clean
from wf_tui.state.wizard import place
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit


class OffenceView(RowsView):
    """The tree's lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,space",
            "open_or_close",
            "Open",
            id="offences.toggle",
            tooltip="Open or close a block; show the jobs that are folded away",
        ),
        Binding("n", "offence(1)", "Next", id="offences.next", tooltip="To the next violation"),
        Binding(
            "N", "offence(-1)", "Before", show=False, id="offences.previous", tooltip="To the one before"
        ),
    ]

    def __init__(self) -> None:
        super().__init__(id="offences")
        self._tree: OffenceTree | None = None

    @property
    def tree_shown(self) -> OffenceTree | None:
        """The tree, once it is known."""
        return self._tree

    @property
    def line(self) -> Line | None:
        """What the cursor is on."""
        return self._tree.lines[self.cursor] if self._tree is not None else None

    def show_tree(self, tree: OffenceTree) -> None:
        """Shows a request, the cursor on its first violation."""
        self._tree = tree
        self.lines_changed()
        first = tree.next_offence(0, 1)
        self.lines_changed()
        self._go(first or 0)

    def line_count(self) -> int:
        """As many as are open."""
        return len(self._tree.lines) if self._tree is not None else 0

    def _go(self, line: int) -> None:
        self.cursor = line
        # Lines that were just opened can be scrolled to only once they are laid out.
        self.call_after_refresh(self.show_cursor)
        self.post_message(self.Moved(self))

    def action_open(self) -> None:
        """A click on the cursor's line opens or closes it."""
        self.action_open_or_close()

    def action_open_or_close(self) -> None:
        """Opens or closes what the cursor is on."""
        if self._tree is not None:
            self._tree.toggle(self.cursor)
            self.lines_changed()
            self._go(min(self.cursor, self.line_count() - 1))

    def action_offence(self, step: int) -> None:
        """Goes to the next violation, opening what hides it."""
        if self._tree is None:
            return
        found = self._tree.next_offence(self.cursor, step)
        self.lines_changed()
        if found is not None:
            self._go(found)

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints a line."""
        assert self._tree is not None
        here = self._tree.lines[line]
        if here.kind is Kind.REQUEST:
            return _request_pieces(self._tree, width)
        if here.kind is Kind.BLOCK:
            return _block_pieces(self._tree, here, width)
        if here.kind is Kind.JOB:
            return _job_pieces(self._tree, here, width)
        if here.kind is Kind.REST:
            hidden = count(self._tree.hidden(here.block), "job")
            return (Piece(fit(f"      … {hidden} without a violation: enter shows all", width), "dim"),)
        return _offence_pieces(self._tree, here, width)


def _request_pieces(tree: OffenceTree, width: int) -> Iterator[Piece]:
    bad = f" ✗{len(tree.violations):,} "
    name = clean(tree.request.name) or "(no name)"
    yield Piece(fit(f"{name}  {clean(tree.request.desc)}", max(0, width - len(bad))), "strong")
    yield Piece(bad, "bad")


def _block_pieces(tree: OffenceTree, line: Line, width: int) -> Iterator[Piece]:
    block = tree.request.blocks[line.block]
    bad = f" ✗{tree.count(line.block):,} " if tree.count(line.block) else " " * 4
    tail = f"  {count(len(block.jobs), 'job')}, {block.rate_limit:,} at once"
    yield Piece("▸ " if tree.fold(line.block) is Fold.CLOSED else "▾ ", "dim")
    yield Piece(f"{line.block:>2}  ")
    room = width - 6 - len(tail) - len(bad)
    yield Piece(fit(clean(block.desc) or "(no description)", max(0, room)), "strong")
    yield Piece(tail, "dim")
    yield Piece(bad, "bad")


def _job_pieces(tree: OffenceTree, line: Line, width: int) -> Iterator[Piece]:
    guilty = tree.at(line.block, line.job)
    job = tree.job(line)
    yield Piece(f"    {'✗' if guilty else ' '} ", "bad" if guilty else "dim")
    yield Piece(f"{line.job:>3}  ", "dim")
    room = width - 11
    for piece in _job_words(job, guilty):
        if room <= 0:
            return
        text = fit(piece.text, room) if len(piece.text) > room else piece.text
        yield Piece(text, piece.look)
        room -= len(text)


def _job_words(job: Job, guilty: tuple[Violation, ...]) -> Iterator[Piece]:
    wrong = {violation.arg for violation in guilty}
    yield Piece(clean(job.name) or "(no type)", "bad" if "" in wrong else "strong" if guilty else "")
    for name, value in sorted(job.args.items()):
        yield Piece("  ")
        yield Piece(f"{clean(name)}={clean(value)}", "bad" if name in wrong else "")
    for name in sorted(wrong - set(job.args) - {""}):
        yield Piece(f"  {clean(name)}=(missing)", "bad")
    if job.desc:
        yield Piece(f"  {clean(job.desc)}", "dim")


def _offence_pieces(tree: OffenceTree, line: Line, width: int) -> Iterator[Piece]:
    violation = tree.violations[line.offence]
    indent = "  " if line.block < 0 else "      " if line.job < 0 else "           "
    yield Piece(indent + "└ ", "dim")
    where = f"{clean(violation.arg)}: " if violation.arg else ""
    yield Piece(fit(where + clean(violation.message), max(0, width - len(indent) - 2)), "bad")


def offence_facts(tree: OffenceTree, line: Line, rejection: Rejection, now: datetime) -> Iterator[Fact]:
    """Explains what a line is about: a violation whole, or what there is to know of the place."""
    if line.kind is Kind.OFFENCE:
        yield from _violation_facts(tree, line)
    elif line.kind is Kind.JOB:
        yield from _job_facts(tree, line)
    elif line.kind is Kind.REQUEST:
        yield from _request_facts(rejection, now)
    else:
        yield from _block_facts(tree.request, line.block, tree.count(line.block))


def _violation_facts(tree: OffenceTree, line: Line) -> Iterator[Fact]:
    violation = tree.violations[line.offence]
    yield Fact(f"✗ Violation {tree.ordinal(line)} of {len(tree.violations):,}", style="bold $text-error")
    yield Fact("", violation.message)
    yield Fact("Policy", violation.rule)
    yield Fact("Where", place(violation, tree.request))
    if violation.found:
        yield Fact("Found", violation.found, "$text-error")
    if violation.expected:
        yield Fact("Expected", violation.expected, "$text-success")


def _job_facts(tree: OffenceTree, line: Line) -> Iterator[Fact]:
    job = tree.job(line)
    yield Fact(f"Job {line.job} of block {line.block}: {job.name}")
    if job.desc:
        yield Fact("About", job.desc)
    for name, value in sorted(job.args.items()):
        yield Fact(clean(name), value or "(empty)")
    found = len(tree.at(line.block, line.job))
    yield Fact("", count(found, "violation") if found else "nothing is wrong with it")


def _block_facts(request: WorkReq, number: int, found: int) -> Iterator[Fact]:
    block = request.blocks[number]
    yield Fact(f"Block {number} of {len(request.blocks)}: {block.desc or '(no description)'}")
    yield Fact("Jobs", f"{len(block.jobs):,}, {block.rate_limit:,} at once")
    yield Fact("", count(found, "violation") if found else "nothing is wrong with it")


def _request_facts(rejection: Rejection, now: datetime) -> Iterator[Fact]:
    summary = rejection.summary
    yield Fact(summary.name or "(no name)")
    if summary.desc:
        yield Fact("About", summary.desc)
    yield Fact("Refused", moment(now, summary.time))
    yield Fact("Who", summary.operator or "unknown")
    yield Fact("Holds", f"{count(summary.blocks, 'block')}, {count(summary.jobs, 'job')}")
    yield Fact("Mended", mended_words(summary) or "not yet", "$text-success" if summary.mended_by else "")
    yield Fact("Id", summary.id)
