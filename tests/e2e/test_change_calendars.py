"""changeWindow with iCalendar files on a real server: followed as they change, and waited for by blocks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import wf_proto as pb
from tests.e2e.requests import block, ended, job, naps, until
from tests.e2e.server_process import ServerProcess
from wf_proto.client import Client
from wf_proto.errors import Rejected

ALLOW = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep"]}}
WINDOW = {"Name": "changeWindow", "Settings": {"TimeZone": "Europe/Berlin", "FrozenCalendars": ["no.ics"]}}


def freeze(server: ServerProcess, seconds: float | None, title: str = "audit") -> None:
    """Writes a calendar with a freeze that began long ago and lasts so long; None: without any."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0"]
    if seconds is not None:
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        lines += ["BEGIN:VEVENT", "UID:a", f"SUMMARY:{title}", "DTSTART:20200101T000000Z"]
        lines += [f"DTEND:{ends:%Y%m%dT%H%M%SZ}", "END:VEVENT"]
    (server.configs / "no.ics").write_text("\r\n".join([*lines, "END:VCALENDAR", ""]))


@pytest.fixture
async def calendar(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server with a calendar of freezes, without any in it."""
    server = ServerProcess(tmp_path)
    await server.init()
    entry = {"Name": "Maintenance", "Policies": [ALLOW, WINDOW]}
    (server.configs / "policies.json").write_text(json.dumps(entry))
    freeze(server, None)
    await server.start()
    yield server
    await server.end()


async def refusal(client: Client) -> str:
    """What a Submit would be told, in a line; empty: it would pass."""
    return "; ".join(f"{v.policy}: {v.message} ({v.found})" for v in await client.check(naps(1)))


async def test_the_file_is_followed_broken_and_mended(calendar: ServerProcess) -> None:
    async with calendar.client() as client:
        assert await refusal(client) == ""
        freeze(calendar, 3600, "end of the year")
        await until(lambda: _is_told(client, "changes are frozen: end of the year"))
        with pytest.raises(Rejected, match="end of the year"):
            await client.submit(naps(1))
        (calendar.configs / "no.ics").write_text("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART\n")
        await until(lambda: _is_told(client, 'no.ics:3: "DTSTART" is no line of a calendar'))
        (calendar.configs / "no.ics").unlink()
        await until(lambda: _is_told(client, "no.ics: cannot be read"))
        freeze(calendar, None)
        await until(lambda: _passes(client))


async def test_a_block_waits_for_the_end_of_a_freeze_and_goes_on_by_itself(calendar: ServerProcess) -> None:
    request = pb.WorkReq(
        name="Maintenance", blocks=[block(job("sleep", seconds="1")), block(job("sleep", seconds="1"))]
    )
    async with calendar.client() as client:
        workflow_id = await client.submit(request)
        await client.exec(workflow_id)
        await client.pause(workflow_id, "until the freeze begins")
        freeze(calendar, 6)
        await until(lambda: _is_told(client, "changes are frozen: audit"))
        await client.resume(workflow_id)
        await until(lambda: _is_held(client, workflow_id))
        held = (await client.get(workflow_id)).summary
        assert "changes are frozen: audit" in held.activity
        assert held.until is not None
        status = await ended(client, workflow_id)
        assert status.status == pb.Status.COMPLETED
        started = status.blocks[1].started
        assert started is not None
        assert 0 <= (started - held.until).total_seconds() < 2


async def test_a_server_does_not_start_with_a_broken_calendar(calendar: ServerProcess) -> None:
    await calendar.end()
    (calendar.configs / "no.ics").write_text("BEGIN:VCALENDAR\n")
    with pytest.raises(AssertionError, match=r"no\.ics:1: END:VCALENDAR is missing"):
        await calendar.start()
    freeze(calendar, None)
    await calendar.start()


async def _is_told(client: Client, words: str) -> bool:
    return words in await refusal(client)


async def _passes(client: Client) -> bool:
    return await refusal(client) == ""


async def _is_held(client: Client, workflow_id: str) -> bool:
    return (await client.get(workflow_id)).summary.status == pb.Status.HELD
