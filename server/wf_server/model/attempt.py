"""The attempts of one job, read out of its changes, and the lines of its log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from wf_server.model.change import Change
from wf_server.model.status import Status


@dataclass(frozen=True, slots=True)
class Attempt:
    """One time that a job's code ran."""

    started_us: int
    #: 0 while it runs.
    ended_us: int = 0
    #: How it ended; RUNNING while it has not.
    status: Status = Status.RUNNING
    error: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a job's log."""

    #: From 1 on, over all attempts.
    number: int
    time_us: int
    text: str


def attempts_in(changes: Iterable[Change]) -> list[Attempt]:
    """The attempts that the changes of one job tell of, oldest first.

    What a person says afterwards of an unknown outcome is told with the attempt that it is about.
    """
    attempts: list[Attempt] = []
    for change in changes:
        if change.status is Status.RUNNING:
            attempts.append(Attempt(change.time_us))
        elif attempts:
            last = attempts[-1]
            ended = last.ended_us or change.time_us
            status = last.status if change.status is Status.NOT_STARTED and last.ended_us else change.status
            # Back to not started: a restart cut it short, and it was run again.
            if status is Status.NOT_STARTED:
                status = Status.INTERRUPTED
            attempts[-1] = replace(
                last, ended_us=ended, status=status, error=change.error or change.reason or last.error
            )
    return attempts
