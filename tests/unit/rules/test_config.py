"""server.toml: what it decides, and what is refused in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wf_server.config import (
    BucketSpec,
    ServerConfig,
    load_server_config,
)
from wf_server.errors import ConfigError
from wf_server.units import parse_duration, parse_size


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    config = load_server_config(tmp_path / "server.toml")
    assert config == ServerConfig()
    assert config.workflow.exec_within == 3600
    assert config.workflow.stop_grace == 10
    assert config.limits.max_message_bytes == 64 * 1024 * 1024
    assert config.buckets == {"diskEraseSatellite": BucketSpec(1, 1, 1800)}


def test_the_sample_shows_every_key_with_its_default(root: Path) -> None:
    path = root / "configs" / "server.toml"
    config, defaults = load_server_config(path), ServerConfig()
    assert (config.workflow, config.limits, config.buckets) == (
        defaults.workflow,
        defaults.limits,
        defaults.buckets,
    )
    shown = tomllib.loads(path.read_text())
    assert shown["workflow"].keys() == type(config.workflow).model_fields.keys()
    assert shown["limits"].keys() == type(config.limits).model_fields.keys()
    for name in ("connections", "rates", "secrets"):
        section = getattr(config, name)
        assert section == getattr(defaults, name)
        assert shown[name].keys() == type(section).model_fields.keys()
    assert config.jobs == {"diskErase": {"seconds": 30}, "announce": {"url": "", "seconds": 10}}


def test_every_key_of_the_sample_is_explained_beneath_it(root: Path) -> None:
    lines = (root / "configs" / "server.toml").read_text().splitlines()
    keys = [i for i, line in enumerate(lines) if re.match(r"\w+ = ", line)]
    assert len(keys) >= 9
    assert all(lines[i + 1].startswith("# ") for i in keys)


def test_every_field_is_documented() -> None:
    config = ServerConfig()
    for section in (config.workflow, config.limits, config.connections, config.rates, config.secrets):
        model = type(section)
        assert all(field.description for field in model.model_fields.values())


def test_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text(
        '[workflow]\nexec_within = "2d"\nstop_grace = "250ms"\n[limits]\nmax_message_bytes = "2KiB"\n'
        '[buckets.a]\nsize = 3\nrefill = 2\nevery = "1.5h"\n[jobs.diskErase]\nseconds = 0.5\n'
    )
    config = load_server_config(path)
    assert config.workflow.exec_within == 172_800
    assert config.workflow.stop_grace == 0.25
    assert config.limits.max_message_bytes == 2048
    assert config.buckets == {"a": BucketSpec(3, 2, 5400)}
    assert config.buckets["a"].every_us == 5_400_000_000
    assert config.jobs == {"diskErase": {"seconds": 0.5}}
    assert config.source == str(path)


def test_it_is_frozen() -> None:
    with pytest.raises(ValidationError):
        ServerConfig().workflow.stop_grace = 1.0
    with pytest.raises(TypeError):
        ServerConfig().buckets["x"] = BucketSpec(1, 1, 1)  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[workflow]\nexec_within = "1x"',
            ': workflow.exec_within: "1x" is not a duration such as "30s", "5m" or "1h"',
        ),
        ("[workflow]\nexec_within = 30", ": workflow.exec_within: 30 is not a duration such as"),
        ('[workflow]\nexec_within = "0s"', ": workflow.exec_within: should be greater than 0"),
        ('[workflow]\nexec_in = "1s"', ": workflow.exec_in: unknown key; known are exec_within, stop_grace"),
        (
            "[workflows]",
            ": workflows: unknown key; known are workflow, limits, connections, rates, secrets, ",
        ),
        ("workflow = 3", ": workflow: a table of keys is expected, found 3"),
        ('[limits]\nmax_message_bytes = "1TB"', ': limits.max_message_bytes: "1TB" is not a size such as'),
        ('[limits]\nmax_message_bytes = "9GiB"', ": limits.max_message_bytes: should be less than"),
        ("[limits]\nmax_jobs = true", ": limits.max_jobs: should be a valid integer, found true"),
        ("[limits]\nmax_jobs = 0", ": limits.max_jobs: should be greater than or equal to 1, found 0"),
        ("[buckets.a]\nsize = 1\nrefill = 1", ": buckets.a.every: missing; add it"),
        (
            '[buckets.a]\nsize = 1\nrefill = 1\nevery = "1s"\nsise = 1',
            ": buckets.a.sise: unknown key; known are size, refill, every",
        ),
        ('[buckets."a b"]\nsize = 1\nrefill = 1\nevery = "1s"', ": buckets.a b: should match pattern"),
        ("[limits]\nmax_jobs = 0\nmax_watchers = 0", "(and 1 more problem)"),
        (
            '[workflow]\nexec_within = "1\\nx\\u001b[31m"',
            ': workflow.exec_within: "1\\nx\\u001b[31m" is not',
        ),
        ('["work\\u202eflow"]', ": work\\u202eflow: unknown key"),
        ("[limits]\nmax_jobs = = 3", ":2:12: not TOML: "),
        ("[limits]\nmax_jobs = 1\nmax_jobs = 2", ": not TOML: "),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "server.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_server_config(path)
    told = str(refused.value)
    assert told.startswith(str(path))
    assert message in told
    assert "\n" not in told


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_server_config(tmp_path)
    path = tmp_path / "server.toml"
    path.write_bytes(b'a = "\xe9"')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_server_config(path)


@given(text=st.text(alphabet='[]={}.,"\\n ab1\\x1b\\u202e#', max_size=60))
def test_anything_is_read_or_refused_in_one_line(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    message = ""
    try:
        load_server_config(path)
    except ConfigError as refused:
        message = str(refused)
    assert message.isprintable()


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.toml"
    path.write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        load_server_config(path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("250ms", 0.25), ("30s", 30), ("1.5m", 90), ("1h", 3600), ("2d", 172_800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "s", "-1s", "1 s", "1e3s", "1s\n", None, 30, True])
def test_what_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "size"), [("5B", 5), ("1KiB", 1024), ("2MiB", 2**21), ("1GiB", 2**30)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "1", "1MB", "1.5MiB", 64, None])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
