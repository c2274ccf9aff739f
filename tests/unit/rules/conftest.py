"""The sample inventory, job types and policies, as the server builds them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from wf_server.config import ServerConfig, load_server_config
from wf_server.inventory import Inventory, load_inventory
from wf_server.jobs import JobRegistry, build_registry
from wf_server.model import Block, BucketLevel, JobId, Violation, WorkReq
from wf_server.policy import POLICIES, Facts, PolicyBook, load_policies
from wf_server.testing import ManualClock, MemoryErasures
from wf_server.tokens import Tokens

ROOT = Path(__file__).parents[3]

#: Runs the policy of a name, with its settings as policies.json has them, on blocks.
Judge = Callable[..., Coroutine[Any, Any, list[Violation]]]


class NoTokens:
    """A store of tokens for those who take none."""

    async def load_buckets(self) -> dict[str, BucketLevel]:
        return {}

    async def token_taken(self, holder: JobId) -> bool:
        return False

    async def take_token(self, bucket: str, level: BucketLevel, holder: JobId, taken_us: int) -> None:
        raise AssertionError("nobody takes a token here")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's directory."""
    return ROOT


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    """The sample inventory."""
    return load_inventory(ROOT / "data")


@pytest.fixture(scope="session")
def server_config() -> ServerConfig:
    """The sample server.toml."""
    return load_server_config(ROOT / "configs" / "server.toml")


@pytest.fixture(scope="session")
def registry(inventory: Inventory, server_config: ServerConfig) -> JobRegistry:
    """The sample job types."""
    tokens = Tokens(server_config.buckets, NoTokens(), ManualClock())
    return build_registry(server_config, lambda: inventory, tokens, MemoryErasures())


@pytest.fixture(scope="session")
def book(registry: JobRegistry) -> PolicyBook:
    """The sample policies."""
    return load_policies(ROOT / "configs" / "policies.json", registry)


@pytest.fixture(scope="session")
def facts(inventory: Inventory) -> Facts:
    """What policies may know."""
    return Facts(inventory, 1_767_225_600_000_000)


@pytest.fixture
def judge(registry: JobRegistry, facts: Facts) -> Judge:
    """Runs one policy with settings on blocks."""

    async def run(policy: str, settings: dict[str, Any], *blocks: Block) -> list[Violation]:
        return await POLICIES[policy].configure(settings, registry).check(WorkReq("X", "", blocks), facts)

    return run
