"""The published plan of a satellite's erasure."""

import pytest

from wf_tui.diskerase import CannotErase, erasable, erase_request
from wf_tui.state.models import Site, SiteStatus, SiteType

FIFTY = [f"a{letter}0{digit}" for letter in "abcde" for digit in range(10)]


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        (Site("aap", SiteType.SATELLITE, SiteStatus.DECOM, 50), ""),
        (Site("aab", SiteType.CLUSTER, SiteStatus.DECOM, 0), "is a cluster"),
        (Site("aaa", SiteType.SATELLITE, SiteStatus.IN_SERVICE, 50), "is inService"),
        (Site("aaa", SiteType.SATELLITE, SiteStatus.REMOVED, 50), "is removed"),
        (Site("aaa", SiteType.SATELLITE, SiteStatus.DECOM, 0), "has no machines"),
    ],
)
def test_only_satellites_in_decom_can_be_erased(site: Site, reason: str) -> None:
    assert reason in erasable(site)
    assert bool(erasable(site)) == bool(reason)


def test_the_plan_of_fifty_machines() -> None:
    plan = erase_request("aap", FIFTY)
    assert plan.name == "SatelliteDiskErase"
    assert len(plan.blocks) == 11
    first = plan.blocks[0]
    assert first.desc == "check pre-conditions"
    assert [(job.name, dict(job.args)) for job in first.jobs] == [
        ("validateDecom", {"site": "aap", "type": "satellite"}),
        ("tokenBucket", {"bucket": "diskEraseSatellite", "fatal": "true"}),
    ]
    second = plan.blocks[1]
    assert (second.desc, second.rate_limit) == ("disk erase machines aa00-aa04", 5)
    assert [job.name for job in second.jobs] == ["diskErase"] * 5 + ["sleep"]
    assert dict(second.jobs[0].args) == {"machine": "aa00", "site": "aap"}
    assert dict(second.jobs[5].args) == {"seconds": "60"}
    assert [job.name for job in plan.blocks[-1].jobs] == ["diskErase"] * 5


def test_every_machine_is_erased_once_in_name_order() -> None:
    plan = erase_request("aap", FIFTY[::-1])
    erased = [job.args["machine"] for block in plan.blocks for job in block.jobs if job.name == "diskErase"]
    assert erased == FIFTY


def test_no_pause_and_a_rest() -> None:
    plan = erase_request("aap", ["ab00", "aa00", "aa01"], batch=2, pause_seconds=0)
    assert [block.desc for block in plan.blocks[1:]] == [
        "disk erase machines aa00-aa01",
        "disk erase machines ab00",
    ]
    assert all(job.name == "diskErase" for block in plan.blocks[1:] for job in block.jobs)


def test_every_job_is_described() -> None:
    assert all(job.desc for block in erase_request("aap", FIFTY).blocks for job in block.jobs)


def test_what_makes_no_plan() -> None:
    with pytest.raises(CannotErase, match="no machines"):
        erase_request("aap", [])
    with pytest.raises(ValueError, match="makes no sense"):
        erase_request("aap", FIFTY, batch=0)
    with pytest.raises(ValueError, match="makes no sense"):
        erase_request("aap", FIFTY, pause_seconds=-1)
