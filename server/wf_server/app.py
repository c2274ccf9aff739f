"""The composition root: builds every part of the server and owns its lifetime."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import stat
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from wf_server import __version__
from wf_server.clock import Clock, SystemClock
from wf_server.config import ServerConfig, TlsSettings, load_server_config
from wf_server.engine.approvals import Approvals
from wf_server.engine.approving import Approving
from wf_server.engine.cache import WorkflowCache
from wf_server.engine.checker import RequestChecker
from wf_server.engine.control import Control
from wf_server.engine.deciding import Deciding
from wf_server.engine.executor import Executor
from wf_server.engine.job_logs import JobLogs
from wf_server.engine.policy_log import PolicyLog
from wf_server.engine.quotas import Quotas
from wf_server.engine.recorder import Recorder
from wf_server.engine.recovery import Recoverer
from wf_server.engine.release_plan import ReleasePlanner
from wf_server.engine.retention import Retention
from wf_server.engine.runner import LocalRunner
from wf_server.engine.stop_times import StopTimes
from wf_server.engine.trail import Trail
from wf_server.engine.workbench import Workbench
from wf_server.engine.workflows import Workflows
from wf_server.errors import ConfigError
from wf_server.estop import EmergencyStops
from wf_server.events import Hub
from wf_server.expressions.judge import ExpressionJudge
from wf_server.files import FileWatcher
from wf_server.inventory import LiveInventory
from wf_server.jobs import JobRegistry, JobType, build_registry
from wf_server.model import Caller, Grant, ReleaseKey, Role, Workflow
from wf_server.model.audit import Act
from wf_server.operators import Operators
from wf_server.policy import LivePolicies
from wf_server.release_keys import ReleaseKeys
from wf_server.service.approvals import ApprovalService
from wf_server.service.audit import AuditService
from wf_server.service.catalog import CatalogService
from wf_server.service.descriptors import within_descriptors
from wf_server.service.gate import Gate, Stream, as_told
from wf_server.service.guard import Bounds, Guarded, Service
from wf_server.service.health import HealthService
from wf_server.service.identity import Authenticator
from wf_server.service.inventory import InventoryService
from wf_server.service.published import PublishedService
from wf_server.service.rates import Rates, Room
from wf_server.service.record import Refusals
from wf_server.service.serving import GrpcServer
from wf_server.service.stops import StopsService
from wf_server.service.streams import OpenStreams
from wf_server.service.tls import ServerTls
from wf_server.service.whoami import AccessService
from wf_server.service.workbench import WorkbenchService
from wf_server.service.workflow import WorkflowService
from wf_server.store import Store
from wf_server.tokens import Tokens

#: Seconds that the jobs have to end when the server does.
SHUTDOWN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where a server listens, and where its files are."""

    #: `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
    listen: str
    configs: Path
    data: Path
    database: Path


class App:
    """One server. `await App.build(places)`, `await start()`, and in the end `await close()`."""

    def __init__(self, places: Places, config: ServerConfig, closing: AsyncExitStack) -> None:
        self.places = places
        self.config = config
        self._closing = closing
        self._more_jobs: tuple[JobType, ...] = ()
        self.registry: JobRegistry
        self.policies: LivePolicies
        #: Where it listens, once started: the port is known then even if 0 was asked for.
        self.address = places.listen
        #: Set when the server has to end by itself.
        self.failed = asyncio.Event()
        #: The copy of the database that was made before it was brought up to date; None: it was.
        self.kept: Path | None = None
        #: Who may call; None: anyone who reaches it may do everything.
        self.operators: Operators | None = None
        #: How many unfinished workflows it went on with.
        self.resumed = 0

    @classmethod
    async def build(
        cls, places: Places, clock: Clock | None = None, more_jobs: Iterable[JobType] = ()
    ) -> App:
        """Reads all files, opens the database and puts the parts together.

        `more_jobs` are job types beside those of this package.
        Raises ConfigError or StoreError, with everything undone.
        """
        async with AsyncExitStack() as closing:
            app = cls(places, load_server_config(places.configs / "server.toml"), closing)
            app._more_jobs = tuple(more_jobs)
            await asyncio.to_thread(expect_guarded, places.listen, app.config)
            await app._build(clock or SystemClock())
            # All is well: what was opened stays open until close.
            app._closing = closing.pop_all()
            return app
        raise AssertionError("unreachable")

    async def _build(self, clock: Clock) -> None:
        places, config, closing = self.places, self.config, self._closing
        inventory = LiveInventory(places.data)
        await inventory.load()
        self._tls = await asyncio.to_thread(_server_tls, config.tls, places.configs)
        store = await Store.open(places.database)
        closing.push_async_callback(store.close)
        self.kept = store.kept
        tokens = Tokens(config.buckets, store, clock)
        closing.push_async_callback(tokens.wait_idle)
        await tokens.load()
        self.registry = build_registry(config, lambda: inventory.current, tokens, store, self._more_jobs)
        self._watcher = FileWatcher({})
        self.policies = LivePolicies(
            places.configs / "policies.json",
            self.registry,
            clock=clock,
            watch=lambda file: self._watcher.add(file, self._reload_policies),
        )
        await self.policies.load()
        keys = ReleaseKeys(config.stops.key_valid, clock, self._is_void) if config.stops.two_keys else None
        stops = EmergencyStops(places.configs / "es.json", store, clock, keys=keys)
        self._stop_times = StopTimes(stops, clock, config.stops.remind_every)
        closing.push_async_callback(stops.wait_idle)
        await stops.load()

        quotas = Quotas(lambda: self.policies.book, lambda: inventory.current, store, clock)
        await quotas.load()
        hub = Hub(config.limits.max_watchers)
        closing.callback(hub.close)
        logs = JobLogs(config.limits.max_log_bytes)
        self._recorder = Recorder(store, hub, clock, self.failed.set, logs, on_problem=self._tell_health)
        self._trail = Trail(self._recorder, clock)
        self._policy_log = PolicyLog(store, clock, lambda: self.policies.book)
        runner = LocalRunner(self.registry, clock)
        recoverer = Recoverer(self.registry, runner, self._recorder, store, clock)
        expressions = ExpressionJudge()
        closing.push_async_callback(expressions.close)
        checker = RequestChecker(
            self.policies,
            self.registry,
            lambda: inventory.current,
            config.limits.max_jobs,
            clock,
            self._executed,
            expressions,
        )
        self._executor = Executor(
            self._recorder,
            runner,
            recoverer,
            stops,
            hub,
            clock,
            grace=config.workflow.stop_grace,
            max_running=config.limits.max_running,
            start_problem=checker.start_problem,
            quotas=quotas,
        )
        deciding = Deciding()
        self._approvals = Approvals(
            store,
            self._recorder,
            hub,
            clock,
            deciding,
            book=lambda: self.policies.book,
            grants_of=self._grants_of,
            has_begun=lambda workflow_id: self._executor.find(workflow_id) is not None,
        )
        cache = WorkflowCache()
        self._retention = Retention(store, config.retention, clock, cache, outdated_us=quotas.outdated_us)
        self._workflows = Workflows(
            store,
            self._recorder,
            self._executor,
            checker,
            stops,
            hub,
            clock,
            self.registry,
            self._approvals,
            cache,
        )
        control = Control(
            self._workflows,
            self._recorder,
            self._executor,
            clock,
            self._approvals,
            deciding,
            exec_within=config.workflow.exec_within,
        )
        self._approving = Approving(
            self._workflows,
            self._approvals,
            self._recorder,
            deciding,
            clock,
            self.registry,
            lambda: inventory.current,
        )
        watched = {
            places.configs / "es.json": stops.reload,
            places.configs / "policies.json": quotas.looking_again(self._reload_policies),
            **dict.fromkeys(inventory.files, quotas.looking_again(inventory.reload)),
            **(dict.fromkeys(self._tls.files, self._tls.reload) if self._tls else {}),
        }
        for file, reload in watched.items():
            self._watcher.add(file, reload)

        def problems() -> list[str]:
            told = (
                self._recorder.problem,
                stops.problem,
                stops.unwritten,
                self.policies.problem,
                inventory.problem,
                self._retention.problem,
                self._tls.problem if self._tls else "",
                self.operators.problem if self.operators else "",
            )
            return [problem for problem in told if problem]

        services: list[Service] = [
            WorkflowService(self._workflows, control, hub, config.limits.max_jobs),
            ApprovalService(self._approving),
            StopsService(
                stops,
                self._workflows,
                hub,
                lambda: self.policies.book.names,
                ReleasePlanner(stops, self._workflows, clock, config.workflow.exec_within),
            ),
            CatalogService(
                self.registry,
                self.policies,
                tokens,
                quotas,
                clock,
                __version__,
                problems,
                lambda: self._executor.is_draining,
                checker.breaches,
            ),
            WorkbenchService(
                Workbench(
                    store,
                    self.registry,
                    config.limits.max_jobs,
                    clock,
                    checker.facts,
                    lambda: self.policies.book,
                    lambda name: [*self.policies.refusal(), *self._workflows.stop_violations(name)],
                    places.configs,
                ),
                config.limits.max_jobs,
            ),
            InventoryService(inventory),
            AccessService(),
            AuditService(store, clock.now_us),
            PublishedService(self._workflows, control, config.limits.max_jobs),
        ]
        self._health = HealthService(_names(services), self._is_serving, config.limits.max_watchers)
        services.append(self._health)
        self._server = await self._guarded(services, store.path, clock)
        self._store = store

    def _executed(self) -> Iterable[Workflow]:
        """The workflows that were executed and whose end is not on record."""
        return self._executor.executed()

    async def _guarded(self, services: list[Service], database: Path, clock: Clock) -> GrpcServer:
        """The services behind who may call, and how much. Raises StoreError."""
        config = self.config
        identify: Callable[[Stream], Caller] = as_told
        if config.access.required:
            self.operators = await Operators.open(database, clock)
            self._closing.callback(self.operators.close)
            self.operators.on_change = self._approvals.stale
            identify = Authenticator(self.operators, clock)
        gate = Gate(identify, self._workflows.type_of, self._workflows.type_of_rejection)
        self._streams = OpenStreams()
        bounds = Bounds(
            config.limits.max_message_bytes,
            config.connections,
            Rates(config.rates, time.monotonic),
            Room(config.connections.max_receiving_bytes),
        )
        refusals = Refusals(self._trail.refused, clock.now_us)
        guarded = [Guarded(service, bounds, gate, self._streams, refusals) for service in services]
        return GrpcServer(guarded, within_descriptors(config.connections))

    async def start(self) -> None:
        """Resumes unfinished workflows and serves. Raises ConfigError where it cannot listen."""
        self._recorder.start()
        self._closing.push_async_callback(self._recorder.close)
        self._closing.callback(self._trail.close)
        await self._policy_log.keep()
        self._watcher.start()
        self._closing.push_async_callback(_close_watcher, self._watcher)
        self.resumed = await self._workflows.recover()
        self._closing.push_async_callback(self._executor.close, SHUTDOWN_SECONDS)
        self._closing.push_async_callback(self._approving.close, SHUTDOWN_SECONDS)
        approvals = asyncio.create_task(self._approvals.run(), name="approvals")
        self._closing.push_async_callback(_end, approvals)
        await self._listen()
        self._trail.note(
            Act.STARTED, f"version {__version__}, {self.resumed} workflows resumed", self.address
        )
        self._closing.push_async_callback(self._stop_serving)
        if self.operators is not None:
            looking = asyncio.create_task(self.operators.run(self._streams.sweep), name="operators")
            self._closing.push_async_callback(_end, looking)
        timing = asyncio.create_task(self._stop_times.run(), name="stop times")
        self._closing.push_async_callback(_end, timing)
        refreshing = asyncio.create_task(self.policies.run(), name="policies, once a day")
        self._closing.push_async_callback(_end, refreshing)
        keeping = asyncio.create_task(self._retention.run(), name="retention")
        self._closing.push_async_callback(_end, keeping)

    async def drain(self) -> None:
        """Takes no new work, and gives running jobs the configured time to end by themselves.

        Everything that can be read, and stops and cancels, are served meanwhile.
        """
        self._trail.note(Act.DRAINING)
        self._executor.close_doors()
        self._health.refresh()
        await self._executor.drain(self.config.workflow.drain)

    @property
    def audit_head(self) -> str:
        """The number and the hash of the audit's newest entry, once everything has ended."""
        return self._store.audit_head

    async def close(self) -> None:
        """Ends everything in order: calls first, then jobs, the record, the database."""
        await self._closing.aclose()

    def _is_void(self, key: ReleaseKey) -> bool:
        """Whether who turned the first key of a release has lost the role for it since."""
        return self.operators is not None and self.operators.lost(key.operator, Role.OPERATOR, key.name)

    async def _reload_policies(self) -> None:
        await self.policies.reload()
        self._approvals.stale()
        await self._policy_log.keep()

    def _grants_of(self, operator: str) -> frozenset[Grant]:
        """What an operator may do now; nothing where nobody has to prove who they are."""
        return self.operators.grants_of(operator) if self.operators else frozenset()

    def _tell_health(self) -> None:
        self._health.refresh()

    def _is_serving(self) -> bool:
        return not (self._executor.is_draining or self._recorder.problem or self.failed.is_set())

    async def _listen(self) -> None:
        tls = self._tls.front if self._tls else None
        try:
            if self.places.listen.startswith("unix:"):
                path = self.places.listen.removeprefix("unix:")
                _clear_socket(Path(path))
                await self._server.start(path=path)
                os.chmod(path, self.config.access.socket_mode)
            else:
                host, port = split_address(self.places.listen)
                # Bound here, because port 0 is known only after.
                sock = _bind(host, port)
                await self._server.start(sock=sock, ssl=tls)
                self.address = _tell_address(host, sock.getsockname()[1])
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(f"--listen {self.places.listen}: {reason}") from error

    async def _stop_serving(self) -> None:
        await self._server.end()
        if self.places.listen.startswith("unix:"):
            Path(self.places.listen.removeprefix("unix:")).unlink(missing_ok=True)  # noqa: ASYNC240


def _names(services: Iterable[Service]) -> set[str]:
    """The services' full names, out of the paths of their methods: `/package.Service/Method`."""
    return {path.split("/")[1] for service in services for path in service.__mapping__()}


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


async def _close_watcher(watcher: FileWatcher) -> None:
    watcher.close()
    await watcher.wait_closed()


def split_address(address: str) -> tuple[str, int]:
    """Splits `HOST:PORT` or `[IPv6]:PORT`. Raises ConfigError."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"--listen {address}: expected HOST:PORT, [IPv6]:PORT or unix:PATH")
    return host, int(port)


def expect_guarded(listen: str, config: ServerConfig) -> None:
    """Raises ConfigError where others than this machine's users would be let in unseen. Blocks."""
    if listen.startswith("unix:"):
        return
    host, port = split_address(listen)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigError(f"--listen {listen}: {error.strerror or error}") from error
    if all(ipaddress.ip_address(address[4][0]).is_loopback for address in found):
        return
    missing = []
    if not config.tls.certificate:
        missing.append("[tls] certificate and key")
    if not config.access.required:
        missing.append("[access] required = true")
    if missing:
        told = f"--listen {listen}: other machines reach this address; it needs {' and '.join(missing)}"
        raise ConfigError(f"{told} in server.toml (`wf-server certs` makes certificates)")


def _server_tls(settings: TlsSettings, configs: Path) -> ServerTls | None:
    if not settings.certificate:
        return None
    client_ca = configs / settings.client_ca if settings.client_ca else None
    return ServerTls(configs / settings.certificate, configs / settings.key, client_ca)


def _bind(host: str, port: int) -> socket.socket:
    """Listens on the first address that a host name has. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def _tell_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _clear_socket(path: Path) -> None:
    """Removes the socket of a server that is gone. Raises ConfigError where one still listens."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"--listen unix:{path}: the file exists and is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise ConfigError(f"--listen unix:{path}: another server listens there")
