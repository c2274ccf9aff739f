"""quota: what it counts, what its limit is, and what it says at submission."""

from __future__ import annotations

import asyncio
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.errors import ConfigError
from wf_server.inventory import Inventory, Site, SiteStatus, SiteType
from wf_server.jobs import JobRegistry
from wf_server.model import Block, Job, Violation, WorkReq
from wf_server.policy import Facts, Quota
from wf_server.policy.quota import QuotaSettings

SITES = {name: Site(name, SiteType.SATELLITE, SiteStatus.DECOM) for name in ("few", "aap", "nil")}
MACHINES = {
    "few": tuple(f"aa{n:02}" for n in range(19)),
    "aap": tuple(f"{letter}a{n:02}" for letter in "abcdefg" for n in range(100)),
}
FACTS = Facts(Inventory(SITES, MACHINES), 0)


def rule(limit: int | str, per: str = "1h", label: str = "site", **more: Any) -> Quota:
    return Quota(QuotaSettings.model_validate({"Label": label, "Limit": limit, "Per": per, **more}))


def request(*sites: str, kind: str = "diskErase") -> WorkReq:
    jobs = tuple(Job(kind, "", MappingProxyType({"site": site} if site else {})) for site in sites)
    return WorkReq("X", "", (Block("", 1, (Job("sleep"),)), Block("", 1, jobs)))


async def judged(quota: Quota, request: WorkReq) -> list[Violation]:
    return await quota.check(request, FACTS)


@pytest.mark.parametrize(
    ("limit", "site", "expected"),
    [
        (5, "aap", 5),
        (5, "nil", 5),
        ("5%", "aap", 35),
        ("5%", "few", 0),
        ("6%", "few", 1),
        ("100%", "few", 19),
        ("0.1%", "aap", 0),
        ("0.143%", "aap", 1),
        # In floating point that would be 202.99999999999997.
        ("29%", "aap", 203),
        ("5%", "nil", 0),
        ("5%", "what", 0),
    ],
)
def test_a_share_is_of_the_sites_machines_and_rounded_down(
    limit: int | str, site: str, expected: int
) -> None:
    assert rule(limit).limit_of(site, FACTS.inventory) == expected


def test_what_takes_a_token_and_for_which_value() -> None:
    meter = rule(1, JobTypes=["diskErase", "sleep", "sleep"]).meter
    assert meter.key == "site:diskErase,sleep"
    assert meter.value_of(Job("diskErase", "", {"site": "aap"})) == "aap"
    assert meter.value_of(Job("diskErase", "", {"site": ""})) is None
    assert meter.value_of(Job("sleep")) is None
    assert meter.value_of(Job("validateDecom", "", {"site": "aap"})) is None
    everything = rule(1, label="").meter
    assert (everything.value_of(Job("sleep")), everything.told("")) == ("", "all jobs")


async def test_what_can_never_begin_is_said() -> None:
    (violation,) = await judged(rule("5%"), request("aap", "few", "few"))
    assert (violation.block, violation.job, violation.arg) == (1, 1, "site")
    assert violation.sentence() == (
        "quota: block 1 job 1 argument site: no such job can ever begin "
        "(found 5% of 19 machines, which is none, expected a Limit that allows one job)"
    )
    # That there is no such site is said by others.
    assert await judged(rule("5%"), request("what")) == []


async def test_what_would_take_too_long_is_said() -> None:
    assert await judged(rule(2, MaxWait="2h"), request(*["aap"] * 6, *["few"] * 6)) == []
    (violation,) = await judged(rule(2, "90m", MaxWait="2h"), request(*["aap"] * 4, *["few"] * 5))
    assert violation.job == 4
    assert violation.sentence() == (
        "quota: block 1 job 4 argument site: it would wait too long for its tokens "
        '(found 5 jobs of site="few", 2 per 90m: the last begins 3h later, '
        "expected at most 2h from the first to the last (MaxWait))"
    )
    assert await judged(rule(1), request(*["aap"] * 1_000)) == []


@given(
    st.lists(st.sampled_from(["", "aap", "few", "nil"]), max_size=12),
    st.one_of(st.integers(1, 4), st.sampled_from(["5%", "10%", "100%"])),
    st.sampled_from(["90s", "1m", "1h"]),
    st.sampled_from([None, "1s", "2m", "3h"]),
)
def test_quota(sites: list[str], limit: int | str, per: str, longest: str | None) -> None:
    """By simulation: who begins as soon as a token is there, and nobody else takes any."""
    settings = {} if longest is None else {"MaxWait": longest}
    quota = rule(limit, per, **settings)
    seconds = {"1s": 1, "90s": 90, "1m": 60, "2m": 120, "1h": 3_600, "3h": 10_800, None: 10**9}
    refused: set[str] = set()
    for site in set(filter(None, sites)):
        tokens = quota.limit_of(site, FACTS.inventory)
        begun: list[int] = []
        for _ in range(sites.count(site) if tokens else 0):
            free = begun[-tokens] + seconds[per] if len(begun) >= tokens else 0
            begun.append(max(free, *begun) if begun else free)
        if not tokens or begun[-1] > seconds[longest]:
            refused.add(site)
    found = asyncio.run(quota.check(request(*sites), FACTS))
    assert {sites[violation.job or 0] for violation in found} == refused
    assert len(found) == len(refused)
    # Each points at the first job of its value.
    assert all(sites.index(sites[violation.job or 0]) == violation.job for violation in found)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"Label": "site", "Per": "1h"}, "Limit: missing; add it"),
        ({"Label": "site", "Limit": 5}, "Per: missing; add it"),
        ({"Label": "site", "Limit": 0, "Per": "1h"}, "Limit"),
        (
            {"Label": "site", "Limit": "5", "Per": "1h"},
            'Limit: "5" is neither a count, such as 5, nor',
        ),
        ({"Label": "site", "Limit": "0%", "Per": "1h"}, 'Limit: "0%" is neither'),
        ({"Label": "site", "Limit": "101%", "Per": "1h"}, 'Limit: "101%" is neither'),
        ({"Label": "site", "Limit": True, "Per": "1h"}, "Limit"),
        ({"Label": "site", "Limit": 5, "Per": "soon"}, 'Per: "soon" is not a duration'),
        ({"Label": "site", "Limit": 5, "Per": "0s"}, "Per: 0s is no time, or longer than a year"),
        ({"Label": "site", "Limit": 5, "Per": "400d"}, "Per: 400d is no time, or longer than a year"),
        ({"Label": "site", "Limit": 5, "Per": "1h", "MaxWait": 5}, "MaxWait"),
        ({"Label": "colour", "Limit": 5, "Per": "1h"}, 'Label: no job type has an argument "colour"'),
        (
            {"Label": "site", "Limit": 5, "Per": "1h", "JobTypes": ["sleep"]},
            'Label: sleep has no argument "site"',
        ),
        ({"Label": "site", "Limit": 5, "Per": "1h", "JobTypes": ["x"]}, 'JobTypes: there is no job type "x"'),
        ({"Label": "token", "Limit": 5, "Per": "1h"}, "Label: token of announce is a secret"),
        (
            {"Label": "machine", "Limit": "5%", "Per": "1h"},
            'Limit: "5%" where machine of diskErase is no site is a share of nothing; write a count',
        ),
        ({"Limit": "5%", "Per": "1h"}, 'Limit: "5%" without Label is a share of nothing'),
        ({"Limit": 5, "Per": "1h", "Every": "1h"}, "Every"),
    ],
)
def test_bad_settings(settings: dict[str, Any], expected: str, registry: JobRegistry) -> None:
    with pytest.raises(ConfigError) as error:
        Quota.configure(settings, registry)
    assert expected in str(error.value)


def test_good_settings(registry: JobRegistry) -> None:
    for settings in (
        {"Limit": 100, "Per": "1d"},
        {"Label": "site", "Limit": "2.5%", "Per": "1h", "JobTypes": ["diskErase"], "MaxWait": "8h"},
    ):
        assert Quota.configure(settings, registry).settings_json
