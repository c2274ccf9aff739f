"""One step of a workflow's history."""

from __future__ import annotations

from typing import NamedTuple

from wf_server.model.status import Status

#: In a change's block or job: it is about the level above.
WHOLE = -1
#: A failed job's reason where its failure also ends the workflow.
FATAL = "fatal"


class IllegalStep(Exception):
    """A bug: something tried to make a step that the model forbids."""


class Change(NamedTuple):
    """One step of a workflow's history. Times are microseconds since 1970-01-01 UTC."""

    seq: int
    block: int
    job: int
    status: Status
    time_us: int
    error: str = ""
    #: Who ordered it, and why, where a person did.
    operator: str = ""
    reason: str = ""
