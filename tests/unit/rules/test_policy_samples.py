"""The sample configuration sees what may not be done to a satellite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wf_server.errors import ConfigError
from wf_server.estop import EmergencyStops
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, ReleaseKey, StopRecord, Violation, WorkReq
from wf_server.policy import Facts, PolicyBook, evaluate, load_policies, validate_structure
from wf_server.testing import ManualClock

DECOM = Job("validateDecom", "", {"site": "aap", "type": "satellite"})
TOKEN = Job("tokenBucket", "", {"bucket": "diskEraseSatellite", "fatal": "true"})
PAUSE = Job("sleep", "", {"seconds": "60"})


def erase(site: str, machine: str) -> Job:
    return Job("diskErase", "", {"site": site, "machine": machine})


def erasure(*before: Job, site: str = "aap", name: str = "SatelliteDiskErase") -> WorkReq:
    """A disk erasure as the client builds it, after the given first block."""
    machines = tuple(erase(site, f"aa{number:02}") for number in range(5))
    return WorkReq(name, "", (Block("check", 1, before), Block("erase", 5, (*machines, PAUSE))))


async def verdict(
    request: WorkReq, registry: JobRegistry, book: PolicyBook, facts: Facts
) -> list[tuple[str, int | None, int | None, str]]:
    structural = validate_structure(request, registry, 1_000)
    found: list[Violation] = structural + await evaluate(request, book, facts)
    return [(violation.policy, violation.block, violation.job, violation.arg) for violation in found]


@pytest.mark.parametrize("before", [(DECOM, TOKEN), (TOKEN, DECOM)])
async def test_a_proper_erasure_passes(
    before: tuple[Job, ...], registry: JobRegistry, book: PolicyBook, facts: Facts
) -> None:
    assert await verdict(erasure(*before), registry, book, facts) == []


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        # An erase of another site, itself in decom, than the one that is validated.
        (erasure(DECOM, TOKEN, site="adg"), [("sameArgs", 1, j, "site") for j in range(5)]),
        # Without its token; without its validation; with neither.
        (erasure(DECOM), [("startOrEnd", 0, None, "")]),
        (erasure(TOKEN), [("startOrEnd", 0, None, "")]),
        (erasure(PAUSE), [("startOrEnd", 0, None, "")] * 2),
        # Something before the token.
        (erasure(PAUSE, DECOM, TOKEN), [("startOrEnd", 0, 0, "")] * 2),
        # A job that waits for a token, or takes another's, instead.
        (
            erasure(DECOM, replace(TOKEN, args={**TOKEN.args, "fatal": "false"})),
            [("startOrEnd", 0, 1, "fatal")],
        ),
        # No policies for the name.
        (erasure(DECOM, TOKEN, name="DiskErase"), [("noPolicy", None, None, "")]),
        (erasure(DECOM, TOKEN, name="Maintenance"), [("restrictJobTypes", 0, 1, "")]
         + [("restrictJobTypes", 1, j, "") for j in range(5)]),
    ],
)  # fmt: skip
async def test_an_improper_one_is_refused_at_its_places(
    request_: WorkReq,
    expected: list[tuple[str, int | None, int | None, str]],
    registry: JobRegistry,
    book: PolicyBook,
    facts: Facts,
) -> None:
    assert await verdict(request_, registry, book, facts) == expected


async def test_a_site_in_service_is_found_whoever_stands_beside_it(
    registry: JobRegistry, book: PolicyBook, facts: Facts
) -> None:
    in_service = replace(DECOM, args={"site": "aaa", "type": "satellite"})
    assert await verdict(erasure(in_service, TOKEN, site="aaa"), registry, book, facts) == [
        ("validation", 0, 0, "site")
    ]
    # The decom check of another site does not help.
    found = await verdict(erasure(DECOM, TOKEN, site="aaa"), registry, book, facts)
    assert {policy for policy, *_ in found} == {"sameArgs"}
    two = await verdict(erasure(DECOM, in_service, TOKEN), registry, book, facts)
    assert ("validation", 0, 1, "site") in two
    assert ("sameArgs", 0, 1, "site") in two


@pytest.mark.parametrize("blocks", [(), (Block("", 1, ()),)])
async def test_nothing_to_do_is_refused_and_harms_nobody(
    blocks: tuple[Block, ...], registry: JobRegistry, book: PolicyBook, facts: Facts
) -> None:
    found = await verdict(WorkReq("SatelliteDiskErase", "", blocks), registry, book, facts)
    place = 0 if blocks else None
    assert found == [("validation", place, None, ""), *[("startOrEnd", place, None, "")] * 2]
    only_restricted = WorkReq("Maintenance", "", blocks)
    assert await verdict(only_restricted, registry, book, facts) == [("validation", place, None, "")]


async def test_maintenance_may_be_tried_without_a_token(
    registry: JobRegistry, book: PolicyBook, facts: Facts
) -> None:
    request = WorkReq("Maintenance", "", (Block("", 1, (PAUSE, DECOM)),))
    assert await verdict(request, registry, book, facts) == []


class NoLog:
    """Keeps no records of stops."""

    async def latest_stops(self) -> dict[str, StopRecord]:
        return {}

    async def record_stop(self, record: StopRecord) -> None:
        raise AssertionError("nothing changed")

    async def release_keys(self) -> list[ReleaseKey]:
        return []

    async def put_release_key(self, key: ReleaseKey, source: str) -> None:
        raise AssertionError("nothing changed")

    async def drop_release_key(self, name: str, operator: str, source: str) -> None:
        raise AssertionError("nothing changed")


async def test_every_sample_workflow_type_may_go(root: Path, book: PolicyBook) -> None:
    stops = EmergencyStops(root / "configs" / "es.json", NoLog(), ManualClock())
    await stops.load()
    assert set(book.names) == {"SatelliteDiskErase", "Maintenance", "SatelliteDecomCheck"}
    assert not any(stops.is_stopped(name) for name in book.names)


def test_the_sample_sites_key_is_an_error_when_misspelt(
    root: Path, tmp_path: Path, registry: JobRegistry
) -> None:
    sample = (root / "configs" / "policies.json").read_text()
    path = tmp_path / "policies.json"
    path.write_text(sample.replace('"diskErase": ["site"]', '"diskErase": ["Site"]'))
    with pytest.raises(ConfigError, match='diskErase has no argument "Site"'):
        load_policies(path, registry)
