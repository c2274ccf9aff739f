"""A WorkReq while it is put together: what it is, where the cursor is, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from wf_tui.state.models import Block, Job, WorkReq

#: More steps back than this nobody takes.
_MOST_STEPS = 200

EMPTY = WorkReq("", "", ())


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The request itself, one of its blocks, or one of a block's jobs; positions are zero-based."""

    block: int = -1
    job: int = -1

    @property
    def is_request(self) -> bool:
        """Whether it is the request itself."""
        return self.block < 0

    @property
    def is_job(self) -> bool:
        """Whether it is a job."""
        return self.block >= 0 and self.job >= 0

    def words(self) -> str:
        """Tells the place: `block 0 job 3`."""
        if self.is_request:
            return "the request"
        return f"block {self.block} job {self.job}" if self.is_job else f"block {self.block}"


TOP = Place()


@dataclass(frozen=True, slots=True)
class Version:
    """A request, and where the cursor was in it."""

    request: WorkReq = EMPTY
    place: Place = TOP


@dataclass(frozen=True, slots=True)
class Composition:
    """The newest version, those before it, and those that were undone. Every edit makes a new one."""

    now: Version = field(default_factory=Version)
    past: tuple[Version, ...] = ()
    future: tuple[Version, ...] = ()
    #: What is being typed into; typing on in the same place is one step.
    typing: str = ""

    @property
    def request(self) -> WorkReq:
        """The WorkReq as it stands."""
        return self.now.request

    @property
    def place(self) -> Place:
        """What the cursor is on."""
        return self.now.place

    def at(self, place: Place) -> Composition:
        """Puts the cursor on what is nearest to `place`; what is typed from there on is a new step."""
        return replace(self, now=replace(self.now, place=settled(self.request, place)), typing="")

    def edited(self, request: WorkReq, place: Place, *, typing: str = "") -> Composition:
        """Takes a new version. With the same `typing` as before it belongs to the step before."""
        if request == self.request:
            return self
        version = Version(request, settled(request, place))
        if typing and typing == self.typing:
            return replace(self, now=version, future=())
        return Composition(version, (*self.past, self.now)[-_MOST_STEPS:], (), typing)

    def undone(self) -> Composition:
        """Goes one step back, if there is one."""
        if not self.past:
            return self
        return Composition(self.past[-1], self.past[:-1], (self.now, *self.future))

    def redone(self) -> Composition:
        """Takes back an undoing, if there was one."""
        if not self.future:
            return self
        return Composition(self.future[0], (*self.past, self.now), self.future[1:])


def settled(request: WorkReq, place: Place) -> Place:
    """Returns the nearest place that exists."""
    if place.is_request or not request.blocks:
        return TOP
    block = min(place.block, len(request.blocks) - 1)
    jobs = len(request.blocks[block].jobs)
    return Place(block, min(place.job, jobs - 1) if place.is_job else -1)


def outline(request: WorkReq) -> Iterator[Place]:
    """Yields every place from top to bottom."""
    yield TOP
    for number, block in enumerate(request.blocks):
        yield Place(number)
        for job in range(len(block.jobs)):
            yield Place(number, job)


def block_at(request: WorkReq, place: Place) -> Block:
    """Returns the block of a place that is not the request."""
    return request.blocks[place.block]


def job_at(request: WorkReq, place: Place) -> Job:
    """Returns the job of a place that is one."""
    return request.blocks[place.block].jobs[place.job]
