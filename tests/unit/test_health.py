"""What probes hear: through the database's refusals, and when too many watch."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.unit.conftest import Engine
from tests.unit.test_recorder import FlakyDisk
from wf_proto.health import HealthCheckRequest, HealthCheckResponse, ServingStatus
from wf_server.errors import NotFound, Overloaded
from wf_server.service.health import HealthService
from wf_server.testing import settle

Stream = AsyncGenerator[HealthCheckResponse, None]


async def status(stream: Stream) -> int:
    async with asyncio.timeout(30):
        return int((await anext(stream)).status)


def watch(health: HealthService, service: str = "") -> Stream:
    return health.watch(HealthCheckRequest(service=service))  # type: ignore[return-value]


async def test_a_database_that_refuses_is_told_and_its_return_too(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = HealthService({"a.B"}, lambda: not engine.recorder.problem, 10)
    engine.recorder._on_problem = health.refresh
    disk = FlakyDisk(engine, monkeypatch)
    workflow = await engine.submit(["wait"])
    await engine.executor.start(workflow, "me")
    await engine.until(lambda: bool(engine.jobs.running))
    stream = watch(health, "a.B")
    assert await status(stream) == ServingStatus.SERVING
    disk.full = True
    engine.jobs.release()
    assert await status(stream) == ServingStatus.NOT_SERVING
    assert (await health.check(HealthCheckRequest())).status == ServingStatus.NOT_SERVING
    disk.full = False
    assert await status(stream) == ServingStatus.SERVING
    await stream.aclose()


async def test_only_changes_are_told_and_the_newest_of_many() -> None:
    serving = True
    health = HealthService((), lambda: serving, 10)
    stream = watch(health)
    assert await status(stream) == ServingStatus.SERVING
    waiting = asyncio.ensure_future(anext(stream))
    for _ in range(20):
        health.refresh()
    await settle()
    assert not waiting.done()
    serving = False
    health.refresh()
    assert (await waiting).status == ServingStatus.NOT_SERVING
    await stream.aclose()


async def test_an_unknown_service_and_too_many_watchers_are_refused() -> None:
    health = HealthService({"a.B"}, lambda: True, 1)
    with pytest.raises(NotFound, match=r"there is no service 'x'; there are a\.B"):
        await health.check(HealthCheckRequest(service="x"))
    first = watch(health, "x")
    assert await status(first) == ServingStatus.SERVICE_UNKNOWN
    second = watch(health)
    with pytest.raises(Overloaded):
        await anext(second)
    await first.aclose()
    assert await status(watch(health)) == ServingStatus.SERVING
