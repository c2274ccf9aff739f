"""The catalogue as a list, and the documentation of one entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from wf_tui.state.catalogue import (
    RECOVERY_WORDS,
    Catalogue,
    Entry,
    Kind,
    allowed_jobs,
    argument_words,
    full_settings,
    policies_about,
    policy_users,
    users,
)
from wf_tui.state.format import count
from wf_tui.state.models import JobType, Policy, PolicyBook, PolicyLevel, WorkflowType
from wf_tui.state.text import clean
from wf_tui.widgets.facts import Fact
from wf_tui.widgets.rows import Piece, RowsView, fit
from wf_tui.widgets.theme import MUTED

_LEVELS = {
    PolicyLevel.WARN: "a breach has to be acknowledged by name",
    PolicyLevel.DRY_RUN: "a breach is recorded and refuses nothing",
}
#: Up to where an entry's words begin, unless its name is longer.
_NAME = 22


class CatalogueView(RowsView):
    """Entries, one a line; the cursor stays with its entry."""

    def __init__(self) -> None:
        super().__init__(id="catalogue")
        self._entries: tuple[Entry, ...] = ()

    def line_count(self) -> int:
        """One line an entry."""
        return len(self._entries)

    @property
    def current(self) -> Entry | None:
        """The entry under the cursor."""
        return self._entries[self.cursor] if self.cursor < len(self._entries) else None

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Shows these; at first the cursor is on the first that is no heading."""
        before = self.current
        self._entries = tuple(entries)
        self.lines_changed()
        keys = [entry.key for entry in entries]
        if before is not None and before.key in keys:
            self.cursor = keys.index(before.key)
        else:
            self.cursor = min(1, len(keys))
        self.lines_changed()
        self.post_message(self.Moved(self))

    def pieces(self, line: int, width: int) -> Iterable[Piece]:
        """Paints an entry."""
        entry = self._entries[line]
        if entry.kind is Kind.HEADING:
            yield Piece(fit(f"{entry.name} ({entry.words})", width), "dim")
            return
        inner = entry.kind is Kind.POLICY
        indent = "    " if inner else "  "
        size = max(_NAME - len(indent), min(cell_len(clean(entry.name)), width // 2))
        room = width - len(indent) - size - 2
        yield Piece(indent + fit(clean(entry.name), size), "" if inner else "strong")
        yield Piece("  " + fit(clean(entry.words), max(0, room)), "dim")


def documentation(entry: Entry, catalogue: Catalogue) -> Iterator[Fact]:
    """Tells everything about an entry."""
    if entry.job_type is not None:
        yield from _job_type(entry.job_type, catalogue.book)
    elif entry.policy is not None and entry.workflow_type is not None:
        yield from _policy(entry.policy, entry.workflow_type, catalogue.book)
    elif entry.workflow_type is not None:
        yield from _workflow_type(entry.workflow_type)
    elif entry.kind is Kind.HEADING:
        yield Fact(entry.name)


def _job_type(kind: JobType, book: PolicyBook) -> Iterator[Fact]:
    yield Fact(kind.name)
    yield Fact("", kind.help)
    yield Fact("")
    yield Fact("Recovery")
    yield Fact("", f"  {kind.recovery}: {RECOVERY_WORDS.get(kind.recovery, 'unknown to this console')}")
    yield Fact("Arguments" if kind.args else "No arguments")
    for arg in kind.args:
        yield Fact("", f"  {arg.name} ({argument_words(arg)})", "$text-primary")
        example = f" Example: {arg.example}" if arg.example else ""
        yield Fact("", f"    {arg.help}{example}")
    yield from _names("Allowed in", users(book, kind.name), "no workflow type")
    yield from _names("Policies that name it", policies_about(book, kind.name), "none")


def _policy(policy: Policy, kind: WorkflowType, book: PolicyBook) -> Iterator[Fact]:
    yield Fact(f"{policy.name} of {kind.name}")
    if policy.help:
        yield Fact("", policy.help)
    if policy.level is not PolicyLevel.DENY:
        yield Fact("", f"Level {policy.level.value}: {_LEVELS[policy.level]}.", "$text-warning")
    if policy.breaches:
        words = count(policy.breaches, "submission or execution", "submissions or executions")
        yield Fact("", f"Broken by {words} since the server started.", MUTED)
    yield Fact("")
    yield Fact("Settings")
    for line in full_settings(policy):
        yield Fact("", f"  {line}")
    yield from _names("In force for", policy_users(book, policy.name), "none")


def _workflow_type(kind: WorkflowType) -> Iterator[Fact]:
    yield Fact(kind.name)
    yield Fact("", "A workflow of this type has to keep to all of its policies.", MUTED)
    allowed = allowed_jobs(kind)
    if allowed is None:
        yield Fact("Jobs it may hold")
        yield Fact("", "  any")
    else:
        yield from _names("Jobs it may hold", allowed, "none")
    yield from _names("Policies", tuple(policy.name for policy in kind.policies), "none")


def _names(heading: str, names: Sequence[str], nothing: str) -> Iterator[Fact]:
    yield Fact(heading)
    for name in names or (nothing,):
        yield Fact("", f"  {name}")
