"""What the command palette offers, as `group: verb`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, Protocol, runtime_checkable

from textual.command import DiscoveryHit, Hit, Hits, Provider

from wf_tui.state.models import Stop, StopBoard
from wf_tui.state.stops import board_lines, title
from wf_tui.state.text import clean


class Command(NamedTuple):
    """An entry: its name, what it does in words, and the doing."""

    name: str
    help: str
    run: Callable[[], None]


@runtime_checkable
class Commanded(Protocol):
    """An app or a screen that has commands."""

    def commands(self) -> Iterator[Command]:
        """Yields those that make sense now."""
        ...


class WfCommands(Provider):
    """The screen's own commands, then the app's."""

    def _all(self) -> Iterator[Command]:
        for source in (self.screen, self.app):
            if isinstance(source, Commanded):
                yield from source.commands()

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
    board: StopBoard, engage: Callable[[Stop], None], release: Callable[[Stop], None]
) -> Iterator[Command]:
    """Yields what can be done with each stop."""
    for stop in board_lines(board):
        name = clean(title(stop))
        if stop.engaged or not stop.listed:
            yield Command(f"stop: release {name}", "Asks for a reason and its name", partial(release, stop))
        else:
            yield Command(f"stop: engage {name}", "Cuts short what runs; asks before", partial(engage, stop))
