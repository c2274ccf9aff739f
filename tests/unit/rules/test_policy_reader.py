"""policies.json: all of it in force, or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wf_server.errors import ConfigError
from wf_server.jobs import JobRegistry
from wf_server.model import Level
from wf_server.policy import POLICIES, LivePolicies, PolicyBook, load_policies

RESTRICT = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep"]}}


def entry(name: str, *policies: object) -> str:
    return json.dumps({"Name": name, "Policies": policies}) + "\n"


def configured(policy: str, **settings: Any) -> str:
    return entry("X", {"Name": policy, "Settings": settings})


def allowing(job_type: str, arg: str, **allowance: Any) -> str:
    return configured("allowedArgs", Jobs={job_type: {arg: allowance}})


def careful(**settings: Any) -> str:
    return configured("requireOptions", JobTypes=["diskErase"], **settings)


def window(**settings: Any) -> str:
    return configured("changeWindow", **settings)


def at(**allowed: Any) -> str:
    return window(TimeZone="UTC", Allowed=[allowed])


def frozen(start: str, end: str) -> str:
    return window(TimeZone="UTC", Frozen=[{"From": start, "To": end}])


def refused(path: Path, text: str, registry: JobRegistry) -> str:
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_policies(path, registry)
    message = str(error.value)
    assert message.startswith(f"{path}:")
    assert "\n" not in message
    return message.removeprefix(str(path))


def write(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "policies.json"


def test_policies_are_read_in_the_order_of_the_file(path: Path, registry: JobRegistry) -> None:
    same = {"Name": "sameArgs", "Settings": {"Jobs": {"diskErase": ["site"]}}}
    path.write_text(entry("B", same, RESTRICT) + entry("A", RESTRICT))
    book = load_policies(path, registry)
    assert book.names == ("B", "A")
    policies = book.get("B")
    assert policies is not None
    assert [policy.name for policy in policies] == ["sameArgs", "restrictJobTypes"]
    assert json.loads(policies[0].settings_json) == same["Settings"]
    assert book.get("C") is None


def test_a_policy_has_the_level_that_the_file_gives_it(path: Path, registry: JobRegistry) -> None:
    levels = ["deny", "warn", "dryRun"]
    path.write_text(entry("X", RESTRICT, *({**RESTRICT, "Level": level} for level in levels)))
    policies = load_policies(path, registry).get("X")
    assert policies is not None
    assert [policy.level for policy in policies] == [Level.DENY, Level.DENY, Level.WARN, Level.DRY_RUN]


async def test_another_level_is_in_force_at_once(path: Path, registry: JobRegistry) -> None:
    write(path, entry("X", RESTRICT))
    live = LivePolicies(path, registry, settle_seconds=0)
    await live.load()
    write(path, entry("X", {**RESTRICT, "Level": "warn"}))
    await live.reload()
    assert [policy.level for policy in live.book.get("X") or ()] == [Level.WARN]


def test_every_policy_is_documented() -> None:
    assert list(POLICIES) == sorted(POLICIES)
    for policy in POLICIES.values():
        assert policy.help.endswith(".")
        assert all(field.description for field in policy.settings_type.model_fields.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: there is no entry"),
        (entry("X", RESTRICT) + entry("X", RESTRICT), ':2: "X" has a second entry'),
        (entry("X"), ':1: "X": Policies is empty, which would let anything pass'),
        ('{"Name": "X"}', ':1: the field "Policies" is missing'),
        ('{"Policies": []}', ':1: the field "Name" is missing'),
        ('{"Name": "", "Policies": []}', ':1: Name is ""; 1 to 200 printable'),
        ('{"Name": 5, "Policies": []}', ":1: Name is 5"),
        ('{"Name": "X", "Policies": {}}', ':1: "X": Policies is {}; a list'),
        ('{"Name": "X", "Policies": [7]}', ':1: "X": Policies[0]: 7 is not a policy'),
        (
            '{"Name": "X", "Policies": [], "Level": 1}',
            ':1: unknown field "Level"; the fields are Name, Policies',
        ),
        (
            '{"Name": "X", "Policies": [{"Name": "sameArgs", "Setting": {}}]}',
            ':1: "X": Policies[0]: unknown field "Setting"; the fields are Name, Level, Settings',
        ),
        (entry("X", {"Name": "nope"}), ': there is no policy "nope"; known are allowedArgs, changeWindow'),
        (entry("X", {"Name": "sameArgs", "Settings": []}), "Settings is []; an object is expected"),
        (entry("X", {"Name": "sameArgs"}), "Policies[0]: sameArgs: Jobs: missing"),
        (entry("X", {**RESTRICT, "Level": "Warn"}), 'Level is "Warn"; one of deny, warn, dryRun is expected'),
        (entry("X", {**RESTRICT, "Level": ["deny"]}), 'Level is ["deny"]; one of deny, warn, dryRun'),
        (entry("X", {**RESTRICT, "Level": None}), "Level is null; one of deny, warn, dryRun"),
        ("[]", ":1:1: the objects stand one after another"),
    ],
)
def test_what_is_wrong_with_the_file(path: Path, registry: JobRegistry, text: str, message: str) -> None:
    assert message in refused(path, text, registry)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (configured("restrictJobTypes", AllowedJobs=[]), "AllowedJobs: is empty"),
        (
            configured("restrictJobTypes", AllowedJobs="sleep"),
            'AllowedJobs: a list is expected, found "sleep"',
        ),
        (
            configured("restrictJobTypes", AllowedJobs=[1]),
            "AllowedJobs[0]: should be a valid string, found 1",
        ),
        (
            configured("restrictJobTypes", AllowedJobs=["sleep", "nap"]),
            'AllowedJobs[1]: there is no job type "nap"; known are announce, diskErase',
        ),
        (
            configured("restrictJobTypes", AllowedJobs=["sleep"], allowed=1),
            "allowed: unknown key; known are AllowedJobs",
        ),
        (
            configured("restrictJobTypes", allowed_jobs=["sleep"]),
            "allowed_jobs: unknown key; known are AllowedJobs",
        ),
        # The published sample names `Site`, which never fires.
        (
            configured("sameArgs", Jobs={"diskErase": ["Site"]}),
            'Jobs.diskErase: diskErase has no argument "Site"; it has site, machine',
        ),
        (configured("sameArgs", Jobs={"nope": ["site"]}), 'Jobs: there is no job type "nope"'),
        (configured("sameArgs", Jobs={}), "Jobs: is empty"),
        (configured("sameArgs", Jobs={"diskErase": []}), "Jobs.diskErase: the list is empty"),
        (configured("sameArgs", Jobs={"diskErase": ["site"]}, AcrossJobs="yes"), "AcrossJobs: should be"),
        (
            configured("startOrEnd", JobName="sleep"),
            "exactly one of Start and End has to be true; neither is",
        ),
        (
            configured("startOrEnd", JobName="sleep", Start=True, End=True),
            "exactly one of Start and End has to be true; both are",
        ),
        (configured("startOrEnd", JobName="nope", Start=True), 'JobName: there is no job type "nope"'),
        (
            configured("startOrEnd", JobName="sleep", Start=True, MustArgs={"secs": "1"}),
            'MustArgs: sleep has no argument "secs"',
        ),
        (
            configured("startOrEnd", JobName="sleep", Start=True, MustArgs={"seconds": "0"}),
            'MustArgs.seconds: "0" can never be; expected is an integer of at least 1',
        ),
        (
            configured("startOrEnd", JobName="tokenBucket", Start=True, MustArgs={"bucket": "mine"}),
            'MustArgs.bucket: there is no token bucket "mine"; server.toml has diskEraseSatellite',
        ),
        (
            configured("startOrEnd", JobName="sleep", End=True, MustArgs={"seconds": 5}),
            "MustArgs.seconds: should be a valid string, found 5",
        ),
        (
            configured("startOrEnd", JobName="sleep", End=True, AllowedBeforeOrAfter=["nope"]),
            'AllowedBeforeOrAfter[0]: there is no job type "nope"',
        ),
        (configured("maxJobs"), "there is no limit; set WorkReq, Block, JobTypes or JobTypesInBlock"),
        (configured("maxJobs", WorkReq=0), "WorkReq: should be greater than or equal to 1, found 0"),
        (configured("maxJobs", WorkReq=True), "WorkReq: should be a valid integer, found true"),
        (configured("maxJobs", Jobs=3), "Jobs: unknown key; known are WorkReq, Block, JobTypes"),
        (configured("maxJobs", JobTypes={"nope": 1}), 'JobTypes: there is no job type "nope"'),
        (configured("maxJobs", JobTypesInBlock={"nope": 1}), 'JobTypesInBlock: there is no job type "nope"'),
        (configured("maxConcurrency"), "there is no limit; set Block or JobTypes"),
        (configured("maxConcurrency", JobTypes={"sleep": "2"}), "JobTypes.sleep: should be a valid integer"),
        (configured("maxConcurrency", JobTypes={"nope": 1}), 'JobTypes: there is no job type "nope"'),
        (configured("allowedArgs"), "Jobs: missing; add it"),
        (configured("allowedArgs", Jobs={"diskErase": {}}), "Jobs.diskErase: it is empty"),
        (allowing("nope", "site", Values=["aap"]), 'Jobs: there is no job type "nope"'),
        (allowing("sleep", "secs", Values=["1"]), 'Jobs.sleep: sleep has no argument "secs"; it has seconds'),
        (
            allowing("sleep", "seconds", Values=["1", "0"]),
            'Jobs.sleep.seconds.Values[1]: "0" can never be; expected is an integer of at least 1',
        ),
        (
            allowing("sleep", "seconds", Value="1"),
            "Jobs.sleep.seconds.Value: unknown key; known are Values, Pattern, Optional",
        ),
        (
            allowing("sleep", "seconds", Values=["1"], Pattern="1"),
            "Jobs.sleep.seconds: exactly one of Values and Pattern has to be given; both are",
        ),
        (
            allowing("sleep", "seconds", Optional=True),
            "Jobs.sleep.seconds: exactly one of Values and Pattern has to be given; neither is",
        ),
        (
            allowing("sleep", "seconds", Pattern="(1"),
            'Jobs.sleep.seconds.Pattern: "(1" is no regular expression in RE2\'s syntax: missing )',
        ),
        # What would take exponential time elsewhere is not in the syntax, or too large.
        (allowing("sleep", "seconds", Pattern=r"(1)\1"), "is no regular expression in RE2's syntax"),
        (allowing("sleep", "seconds", Pattern="((1{99}){99}){99}"), "is no regular expression in RE2's"),
        (allowing("sleep", "seconds", Pattern="1" * 1001), "Pattern: a pattern of 1001 characters; at most"),
        (allowing("sleep", "seconds", Pattern="\ud800"), "is no text: it holds half a character"),
        (careful(), "no option is required; set Hold, PointOfNoReturn, MaxFailures or Timeout"),
        (configured("requireOptions", Hold=True), "JobTypes: missing"),
        (
            configured("requireOptions", JobTypes=["nope"], Hold=True),
            'JobTypes[0]: there is no job type "nope"',
        ),
        (careful(MaxFailures="0"), 'MaxFailures: "0" is neither a count of at least 1'),
        (careful(Timeout="soon"), 'Timeout: "soon" is not a duration'),
        (careful(Timeout="0s"), "Timeout: 0s is no time at all"),
        (careful(Retry=True), "Retry: unknown key; known are JobTypes, Hold, PointOfNoReturn, MaxFailures"),
        (
            window(TimeZone="Europe/Berlin"),
            "there is no time; set Allowed, Frozen, AllowedCalendars or FrozenCalendars",
        ),
        (window(Frozen=[{}]), "TimeZone: missing"),
        (window(TimeZone="Mars/Olympus"), 'TimeZone: "Mars/Olympus" is no time zone of the IANA list; write'),
        (window(TimeZone="Europe"), 'TimeZone: "Europe" is no time zone'),
        (window(TimeZone="../../etc/passwd"), "is no time zone of the IANA list"),
        (window(TimeZone=""), 'TimeZone: "" is no time zone'),
        (at(From="9:00", To="17:00"), 'Allowed[0].From: "9:00" is no time of day from "00:00" to "24:00"'),
        (at(From="09:00", To="24:30"), 'Allowed[0].To: "24:30" is no time of day'),
        (at(From="09:00"), "Allowed[0].To: missing"),
        (at(From="09:00", To="09:00"), "Allowed[0]: From and To are the same; a whole day is"),
        (at(From="24:00", To="09:00"), 'Allowed[0]: From is "24:00"; write "00:00"'),
        (at(From="09:00", To="17:00", Days=[]), "Allowed[0].Days: is empty"),
        (at(From="09:00", To="17:00", Days=["Monday"]), "Allowed[0].Days[0]: should be 'Mon', 'Tue',"),
        (at(From="09:00", To="17:00", Day="Mon"), "Allowed[0].Day: unknown key; known are Days, From, To"),
        (frozen("2027-02-29", "2027-03-01"), 'Frozen[0].From: "2027-02-29" is not a date such as'),
        (frozen("2027-02-28", "2027-03-01T25:00"), 'Frozen[0].To: "2027-03-01T25:00" is not a date such as'),
        (frozen("2027-02-28", "2027-03-01T12:00Z"), 'Frozen[0].To: "2027-03-01T12:00Z" is not a date'),
        (
            frozen("2027-03-01", "2027-02-28"),
            "Frozen[0]: To is 2027-02-28, which is not after From",
        ),
        (frozen("0001-01-01", "9999-12-31"), 'Frozen[0].From: "0001-01-01" is not within the years 1970 to'),
        (
            configured("mustFollow", JobName="diskErase"),
            "exactly one of PrecededBy and FollowedBy has to be given; neither is",
        ),
        (
            configured("mustFollow", JobName="diskErase", PrecededBy="sleep", FollowedBy="sleep"),
            "exactly one of PrecededBy and FollowedBy has to be given; both are",
        ),
        (
            configured("mustFollow", JobName="sleep", FollowedBy="sleep"),
            "a job type that has to come before or after itself can never be satisfied",
        ),
        (
            configured("mustFollow", JobName="nope", FollowedBy="sleep"),
            'JobName: there is no job type "nope"',
        ),
        (
            configured("mustFollow", JobName="sleep", FollowedBy="nope"),
            'FollowedBy: there is no job type "nope"',
        ),
        (
            configured("mustFollow", JobName="diskErase", FollowedBy="sleep", MustArgs={"seconds": "0"}),
            'MustArgs.seconds: "0" can never be',
        ),
        (
            configured("mustFollow", JobName="diskErase", FollowedBy="sleep", SameArgs=["site"]),
            'SameArgs[0]: sleep has no argument "site"; it has seconds',
        ),
    ],
)
def test_bad_settings_are_refused(path: Path, registry: JobRegistry, text: str, message: str) -> None:
    told = refused(path, text, registry)
    assert told.startswith(':1: "X": Policies[0]: ')
    assert message in told


async def test_the_last_good_one_is_shown_while_submissions_are_refused(
    path: Path, registry: JobRegistry
) -> None:
    live = LivePolicies(path, registry, settle_seconds=0)
    assert live.book == PolicyBook()
    write(path, entry("X", RESTRICT))
    await live.load()
    good = live.book
    assert good.names == ("X",)
    assert live.refusal() == []

    write(path, entry("X", RESTRICT) + "{")
    await live.reload()
    assert live.book is good
    (violation,) = live.refusal()
    assert violation.policy == "policies.json"
    assert live.problem in violation.message
    assert ":2:2: not JSON" in live.problem

    write(path, entry("Y", RESTRICT))
    await live.reload()
    assert (live.book.names, live.problem, live.refusal()) == (("Y",), "", [])


async def test_a_broken_file_at_the_start_is_an_error(path: Path, registry: JobRegistry) -> None:
    with pytest.raises(ConfigError, match=r"policies\.json: cannot be read: No such file"):
        await LivePolicies(path, registry).load()
