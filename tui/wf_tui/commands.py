"""What the command palette offers, as `group: verb`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import Screen

from wf_tui.readonly import is_dangerous
from wf_tui.state.format import short_id
from wf_tui.state.listing import Listing
from wf_tui.state.marks import mark
from wf_tui.state.models import Stop, StopBoard
from wf_tui.state.stops import board_lines, title
from wf_tui.state.text import clean

#: More would drown the other commands.
_MOST_WORKFLOWS = 50


class Command(NamedTuple):
    """An entry: its name, what it does in words, and the doing."""

    name: str
    help: str
    run: Callable[[], None]


@runtime_checkable
class Commanded(Protocol):
    """An app or a screen that has commands."""

    def commands(self, screen: Screen[Any]) -> Iterator[Command]:
        """Yields those that make sense now, on that screen."""
        ...


class WfCommands(Provider):
    """The screen's own commands, then the app's."""

    def _all(self) -> Iterator[Command]:
        read_only = getattr(self.app, "read_only", False)
        for source in (self.screen, self.app):
            if isinstance(source, Commanded):
                for command in source.commands(self.screen):
                    if not (read_only and is_dangerous(command.name)):
                        yield command

    async def discover(self) -> Hits:
        """Offers everything while nothing is typed."""
        for command in self._all():
            yield DiscoveryHit(command.name, command.run, help=command.help)

    async def search(self, query: str) -> Hits:
        """Offers what matches."""
        matcher = self.matcher(query)
        for command in self._all():
            score = matcher.match(command.name)
            if score > 0:
                yield Hit(score, matcher.highlight(command.name), command.run, help=command.help)


def stop_commands(
    board: StopBoard,
    may: Callable[[str], bool],
    engage: Callable[[Stop], None],
    release: Callable[[Stop], None],
) -> Iterator[Command]:
    """Yields what can be done with each stop of a type for which one `may`."""
    for stop in board_lines(board):
        if not may(stop.name):
            continue
        name = clean(title(stop))
        if stop.engaged or not stop.listed:
            yield Command(f"stop: release {name}", "Asks for a reason and its name", partial(release, stop))
        else:
            yield Command(f"stop: engage {name}", "Cuts short what runs; asks before", partial(engage, stop))


def workflow_commands(listing: Listing, open_workflow: Callable[[str], None]) -> Iterator[Command]:
    """Yields the opening of the workflows on top of the list."""
    for place in range(min(len(listing), _MOST_WORKFLOWS)):
        summary = listing[place]
        name = f"workflow: open {clean(summary.name)} {short_id(clean(summary.id))}"
        words = f"{mark(summary.status)}  {clean(summary.desc)}"
        yield Command(name, words, partial(open_workflow, summary.id))
