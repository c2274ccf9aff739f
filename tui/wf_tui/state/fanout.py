"""Many jobs at once: patterns of names, and one job for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from wf_tui.state.format import count
from wf_tui.state.models import Block, Job

#: More jobs than this are no longer a request that somebody has looked at.
MOST = 10_000
#: In a job's or block's description it stands for the name, or for the names.
BLANK = "{}"
_NUMBERED = re.compile(r"(.*?)([0-9]+)")


class BadPattern(Exception):
    """The pattern names nothing; the text says why."""


def expand(pattern: str, known: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns the names that a pattern stands for, each once, in its order. Raises BadPattern.

    `aa00-aa04, ab07` stands for six names; `ab*` and `*` for those of `known` that match. A range whose
    ends differ in more than their number is read from `known`, in order.
    """
    items = pattern.replace(",", " ").split()
    if not items:
        raise BadPattern("name machines: aa00-aa04, ab07, ab* or * for all")
    names: dict[str, None] = {}
    for item in items:
        for name in _expand_item(item, known):
            names[name] = None
            if len(names) > MOST:
                raise BadPattern(f"that is more than {MOST:,} names")
    return tuple(names)


def _expand_item(item: str, known: Sequence[str]) -> Iterator[str]:
    if "*" in item or "?" in item:
        found = [name for name in known if fnmatchcase(name, item)]
        if not found:
            raise BadPattern(f"{item} matches none of {count(len(known), 'known machine')}")
        yield from found
    elif "-" in item:
        yield from _expand_range(item, known)
    else:
        yield item


def _expand_range(item: str, known: Sequence[str]) -> Iterator[str]:
    first, _, last = item.partition("-")
    start, end = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)
    if start and end and start[1] == end[1] and len(start[2]) == len(end[2]):
        if int(end[2]) < int(start[2]):
            raise BadPattern(f"{item} runs backwards")
        width = len(start[2])
        return (f"{start[1]}{number:0{width}}" for number in range(int(start[2]), int(end[2]) + 1))
    if first in known and last in known and known.index(first) <= known.index(last):
        return iter(known[known.index(first) : known.index(last) + 1])
    raise BadPattern(f"{item} is no range: write it as aa00-aa04, or between two known machines")


@dataclass(frozen=True, slots=True)
class FanOut:
    """One job for each name: `template` with its argument `arg` set to it."""

    template: Job
    arg: str
    names: tuple[str, ...]
    #: 0: all in one block.
    per_block: int = 0
    rate_limit: int = 1

    def jobs(self) -> tuple[Job, ...]:
        """Returns the jobs."""
        return tuple(
            replace(
                self.template,
                desc=self.template.desc.replace(BLANK, name),
                args={**self.template.args, self.arg: name},
            )
            for name in self.names
        )

    def blocks(self) -> tuple[Block, ...]:
        """Returns the jobs in blocks of `per_block`, each described by its first and last name."""
        size = self.per_block or max(1, len(self.names))
        jobs = self.jobs()
        return tuple(
            Block(
                f"{self.template.name} {span(self.names[at : at + size])}",
                self.rate_limit,
                jobs[at : at + size],
            )
            for at in range(0, len(jobs), size)
        )

    def words(self) -> str:
        """Tells what it makes: `50 jobs in 10 blocks: aa00-ae09`."""
        size = self.per_block or max(1, len(self.names))
        blocks = -(-len(self.names) // size)
        into = f" in {count(blocks, 'new block')}" if self.per_block else " in this block"
        return f"{count(len(self.names), 'job')}{into}: {span(self.names)}"


def span(names: Sequence[str]) -> str:
    """Tells names by the first and the last: `aa00-aa04`."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}"
