"""Which tokens of a quota were taken, by an independent reading of the histories."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import defaultdict

from tests.torture import records

Token = tuple[int, str, int, int, str]


def tokens_by_history(read: list[records.Record], label: str, per_us: int) -> list[Token]:
    """Which tokens the histories tell of: each begin of a job takes one, unless its last one counts yet."""
    begun = sorted(
        (step.time_us, record.id, step.block, step.job)
        for record in read
        for step in record.steps
        if step.status == "running" and step.job >= 0
    )
    requests = {record.id: record.request for record in read}
    found: list[Token] = []
    newest: dict[tuple[str, int, int], int] = {}
    for time_us, workflow, block, job in begun:
        value = requests[workflow].blocks[block].jobs[job].args.get(label)
        before = newest.get((workflow, block, job))
        if value and (before is None or before <= time_us - per_us):
            newest[workflow, block, job] = time_us
            found.append((time_us, workflow, block, job, value))
    return found


def on_record(database: sqlite3.Connection) -> list[Token]:
    """The tokens that the server has written."""
    rows = database.execute("SELECT taken_us, workflow, block, job, value FROM quota_token")
    return sorted(tuple(row) for row in rows)


def expect_within(tokens: list[Token], limit: int, per_us: int) -> None:
    """At no instant do more tokens count than there may."""
    times = defaultdict(list)
    for token in sorted(tokens):
        times[token[4]].append(token[0])
    for value, taken in times.items():
        for n, time_us in enumerate(taken, 1):
            assert n - bisect_right(taken, time_us - per_us) <= limit, f"{value}: {taken}"
