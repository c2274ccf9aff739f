"""The structure of a WorkReq: everything wrong with it at once, each at its place."""

from __future__ import annotations

import pytest

from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy import validate_in_portions, validate_structure
from wf_server.policy.structure import MAX_VIOLATIONS

NAP = Job("sleep", "", {"seconds": "1"})


def request(*blocks: Block, name: str = "Maintenance", desc: str = "") -> WorkReq:
    return WorkReq(name, desc, blocks)


def places(violations: list[Violation]) -> list[tuple[int | None, int | None, str]]:
    return [(violation.block, violation.job, violation.arg) for violation in violations]


def test_a_whole_request_passes(registry: JobRegistry) -> None:
    assert validate_structure(request(Block("", 0, (NAP,))), registry, 1) == []


def test_everything_wrong_is_found_in_the_order_of_the_places(registry: JobRegistry) -> None:
    bad = Job("diskErase", "", {"site": "xaaax", "colour": "red"})
    found = validate_structure(
        request(
            Block("", 1, (Job("nope"), NAP)),
            Block("", 1, ()),
            Block("", 1, (NAP, bad, Job(""))),
            name="",
        ),
        registry,
        100,
    )
    assert {violation.policy for violation in found} == {"validation"}
    assert places(found) == [
        (None, None, ""),
        (0, 0, ""),
        (1, None, ""),
        (2, 1, "colour"),
        (2, 1, "machine"),
        (2, 1, "site"),
        (2, 2, ""),
    ]
    assert found[1].sentence() == (
        "validation: block 0 job 0: there is no such job type "
        '(found "nope", expected one of: announce, diskErase, sleep, tokenBucket, validateDecom)'
    )


def test_no_blocks(registry: JobRegistry) -> None:
    (violation,) = validate_structure(request(), registry, 100)
    assert (violation.message, violation.block) == ("the WorkReq has no blocks", None)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x1b[31m", "a\nb", "a\u202eb", "a\u0000", "\ud800"])
def test_names_that_are_refused(registry: JobRegistry, name: str) -> None:
    (violation,) = validate_structure(request(Block("", 1, (NAP,)), name=name), registry, 100)
    assert "name" in violation.message
    assert violation.found.isprintable()


def test_names_may_be_in_any_script(registry: JobRegistry) -> None:
    assert validate_structure(request(Block("", 1, (NAP,)), name="Löschung 消去"), registry, 100) == []


def test_long_descriptions_are_refused_where_they_stand(registry: JobRegistry) -> None:
    long = "x" * 10_001
    job = Job("sleep", long, {"seconds": "1"})
    found = validate_structure(request(Block(long, 1, (NAP, job)), desc=long), registry, 100)
    assert places(found) == [(None, None, ""), (0, None, ""), (0, 1, "")]
    assert all(len(violation.found) < 100 for violation in found)


def test_too_many_jobs_are_not_looked_at(registry: JobRegistry) -> None:
    found = validate_structure(request(Block("", 1, (Job("nope"),) * 11)), registry, 10)
    assert [(violation.found, violation.expected) for violation in found] == [("11", "at most 10")]


def test_of_very_many_violations_the_rest_is_counted(registry: JobRegistry) -> None:
    found = validate_structure(request(Block("", 1, (Job("nope"),) * 2_500)), registry, 10_000)
    assert len(found) == MAX_VIOLATIONS + 1
    assert found[-1].message == "from here on, 1500 more violations are not listed"
    # Whoever puts it in order together with others finds it where the list breaks off.
    assert sorted(found, key=Violation.place) == found


async def test_in_portions_gives_the_same(registry: JobRegistry) -> None:
    jobs = (*(NAP,) * 1_500, Job("nope"), *(NAP,) * 1_000, Job("sleep"))
    large = request(Block("", 1, jobs), Block("", 1, ()), Block("", 1, jobs), name="")
    found = validate_structure(large, registry, 10_000)
    assert len(found) == 6
    assert await validate_in_portions(large, registry, 10_000) == found


def test_values_of_any_length_are_told_shortly(registry: JobRegistry) -> None:
    jobs = (
        Job("x" * 10**6),
        Job("sleep", "", {"seconds": "x" * 10**6}),
        Job("sleep", "", {"seconds": "1", "y" * 10**6: ""}),
    )
    for violation in validate_structure(request(Block("", 1, jobs)), registry, 100):
        assert len(violation.sentence()) < 2_000
