"""The registered job types, and the check of arguments against their declarations."""

from __future__ import annotations

import pytest

from wf_server.config import BucketSpec, ServerConfig
from wf_server.errors import ConfigError
from wf_server.inventory import Inventory
from wf_server.jobs import ArgKind, JobRegistry, Recovery, build_registry
from wf_server.model import BucketLevel, Job, JobId
from wf_server.testing import ManualClock, MemoryErasures
from wf_server.tokens import Tokens

VALID = {
    "diskErase": {"site": "aap", "machine": "aa01"},
    "sleep": {"seconds": "1"},
    "tokenBucket": {"bucket": "diskEraseSatellite", "fatal": "true"},
    "validateDecom": {"site": "aap", "type": "satellite"},
}


class NoTokens:
    """A store of tokens that holds none."""

    async def load_buckets(self) -> dict[str, BucketLevel]:
        return {}

    async def token_taken(self, holder: JobId) -> bool:
        return False

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        raise AssertionError("nobody takes a token here")


def built(config: ServerConfig) -> JobRegistry:
    tokens = Tokens(config.buckets, NoTokens(), ManualClock())
    return build_registry(config, lambda: Inventory({}, {}), tokens, MemoryErasures())


def test_the_job_types_are_in_name_order(registry: JobRegistry) -> None:
    assert registry.names == ("announce", "diskErase", "sleep", "tokenBucket", "validateDecom")
    assert [job_type.name for job_type in registry] == list(registry.names)
    assert registry.get("sleep") is not None
    assert registry.get("nope") is None


def test_every_declaration_is_whole(registry: JobRegistry) -> None:
    for job_type in registry:
        assert job_type.help.endswith(".")
        assert (job_type.recovery is Recovery.VERIFIABLE) == (job_type.name == "diskErase")
        for arg in job_type.args:
            assert arg.help
            assert arg.example
            assert arg.kind is not ArgKind.BOOLEAN or arg.choices == ("true", "false")


@pytest.mark.parametrize("name", sorted(VALID))
def test_valid_arguments_pass_and_the_examples_too(registry: JobRegistry, name: str) -> None:
    assert registry.check_job(Job(name, "", VALID[name])) == []
    job_type = registry.get(name)
    assert job_type is not None
    assert registry.check_job(Job(name, "", {arg.name: arg.example for arg in job_type.args})) == []


@pytest.mark.parametrize("name", sorted(VALID))
def test_every_argument_is_mandatory(registry: JobRegistry, name: str) -> None:
    problems = registry.check_job(Job(name))
    assert [problem.arg for problem in problems] == [arg.name for arg in registry.get(name).args]  # type: ignore[union-attr]
    assert all("is missing" in problem.message for problem in problems)
    problems = registry.check_job(Job(name, "", dict.fromkeys(VALID[name], "")))
    assert {problem.arg for problem in problems} == set(VALID[name])
    assert all("is empty" in problem.message for problem in problems)


@pytest.mark.parametrize("name", sorted(VALID))
def test_unknown_arguments_are_named(registry: JobRegistry, name: str) -> None:
    problems = registry.check_job(Job(name, "", {**VALID[name], "Site": "x", "colour": "red"}))
    assert [problem.arg for problem in problems] == ["Site", "colour"]
    assert problems[0].message == f"{name} has no argument of this name"
    assert problems[0].expected == ", ".join(arg.name for arg in registry.get(name).args)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "arg", "value", "expected"),
    [
        ("sleep", "seconds", "0", "an integer of at least 1"),
        ("sleep", "seconds", "1.5", "an integer of at least 1"),
        ("sleep", "seconds", "٣", "an integer of at least 1"),
        ("sleep", "seconds", " 1", "an integer of at least 1"),
        ("sleep", "seconds", "9" * 5000, "an integer of at least 1"),
        ("tokenBucket", "fatal", "True", '"true" or "false"'),
        ("tokenBucket", "bucket", "nope", "one of: diskEraseSatellite"),
        ("validateDecom", "type", "sat", '"satellite" or "cluster"'),
        ("validateDecom", "site", "zzz", "a site of the inventory"),
        ("validateDecom", "site", "aaa", '"decom"'),
        ("diskErase", "site", "xaapx", "a site's name: three lowercase letters"),
        ("diskErase", "site", "aap\n", "a site's name: three lowercase letters"),
        ("diskErase", "machine", "xaa01x", "a machine's short name: two lowercase letters and two digits"),
        ("diskErase", "machine", "zz99", "a machine of site aap"),
    ],
)
def test_bad_values_are_told_with_what_is_expected(
    registry: JobRegistry, name: str, arg: str, value: str, expected: str
) -> None:
    problems = registry.check_job(Job(name, "", {**VALID[name], arg: value}))
    assert [(problem.arg, problem.expected) for problem in problems] == [(arg, expected)]
    assert len(problems[0].found) < 300


def test_a_machine_at_a_site_without_any(registry: JobRegistry) -> None:
    problems = registry.check_job(Job("diskErase", "", {"site": "aab", "machine": "aa01"}))
    assert [problem.arg for problem in problems] == ["machine"]
    assert problems[0].message == "there is no machine aa01.aab"


def test_a_bad_site_is_not_blamed_on_its_machine(registry: JobRegistry) -> None:
    problems = registry.check_job(Job("diskErase", "", {"site": "zzz", "machine": "aa01"}))
    assert [problem.arg for problem in problems] == ["site"]


def test_settings_of_a_job_type_are_its_own() -> None:
    assert built(ServerConfig(jobs={"diskErase": {"seconds": 0.5}})).names


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ({"diskErase": {"seconds": 0}}, r"jobs\.diskErase\.seconds: should be greater than 0, found 0"),
        ({"diskErase": {"seconds": "30"}}, r"jobs\.diskErase\.seconds: should be a valid number"),
        ({"diskErase": {"seconds": float("nan")}}, r"jobs\.diskErase\.seconds: should be"),
        ({"diskErase": {"secs": 1}}, r"jobs\.diskErase\.secs: unknown key; known are seconds"),
        ({"sleep": {"x": 1}}, r"jobs\.sleep\.x: unknown key; there are none here"),
        ({"diskErace": {}}, r"jobs\.diskErace: there is no such job type; known are announce, diskErase"),
    ],
)
def test_bad_settings_are_refused(jobs: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^configs/server.toml: {message}"):
        built(ServerConfig(jobs=jobs, source="configs/server.toml"))


def test_buckets_come_from_the_configuration(registry: JobRegistry) -> None:
    other = built(ServerConfig(buckets={"mine": BucketSpec(1, 1, 1)}))
    job = Job("tokenBucket", "", {"bucket": "mine", "fatal": "false"})
    assert other.check_job(job) == []
    assert registry.check_job(job)
