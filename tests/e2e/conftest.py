"""Real servers for the tests, and requests for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server_process import ServerProcess


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A running server with the sample configuration and quick erasures."""
    async with ServerProcess(tmp_path) as process:
        yield process
