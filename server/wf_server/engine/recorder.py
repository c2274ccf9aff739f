"""The only writer of workflows' histories: group commit, and nothing is seen before it is durable.

Changes are queued by the runs of workflows. Whatever is queued when one transaction ends goes into the
next. After the commit, and only then, a change is applied to its workflow and told to the watchers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import structlog

from wf_server.clock import Clock
from wf_server.engine.job_logs import JobLogs
from wf_server.errors import StoreConflict, StoreError
from wf_server.events import Hub
from wf_server.model import WHOLE, WORKFLOW_FINAL, Change, Plan, QuotaToken, Status, Workflow
from wf_server.model.audit import INSIDE, SERVER, Act, AuditEntry
from wf_server.store import JobNotes, Store
from wf_server.wording import storable

log = structlog.get_logger(__name__)

_UNRECORDED = "a bug: changes could not be recorded"
#: Seconds between two tries to write while the database refuses.
RETRY_SECONDS = 0.5
#: Entries of the audit that wait for a database that refuses; those beyond are told in the log only.
ENTRIES_LIMIT = 10_000
#: Seconds that a line of a job's log waits for company, where nothing else is to be written.
NOTE_SECONDS = 0.5


class _Insert(NamedTuple):
    """A new workflow, what has happened to it already, who waits for it, and what the audit says of it."""

    workflow: Workflow
    first: Sequence[Change]
    stored: asyncio.Future[None]
    entry: AuditEntry


class Recorder:
    """Queues changes and commits them in groups. `start`, then `close`."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        clock: Clock,
        on_failure: Callable[[], None] = lambda: None,
        logs: JobLogs | None = None,
        on_problem: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        #: What jobs say of themselves, on its way to the database.
        self.logs = logs or JobLogs()
        self._hub = hub
        self._clock = clock
        #: Called if recording ends by a bug: a server that cannot record has to end.
        self._on_failure = on_failure
        #: Called when `problem` appears or is over.
        self._on_problem = on_problem
        #: By workflow key, in order; a Change without its sequence number yet (0).
        self._queue: dict[int, tuple[Workflow, list[Change]]] = {}
        self._inserts: list[_Insert] = []
        #: What the audit will say besides.
        self._entries: list[AuditEntry] = []
        #: The quotas' tokens of jobs that begin by the queued changes, by workflow key.
        self._tokens: dict[int, Sequence[QuotaToken]] = {}
        self._wake = asyncio.Event()
        self._forming: asyncio.Future[None] | None = None
        self._committing: asyncio.Future[None] | None = None
        self._note_timer: asyncio.TimerHandle | None = None
        self._notes_due = False
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        #: Why nothing can be written at present; empty when all is well.
        self.problem = ""

    def start(self) -> None:
        """Starts the writing task."""
        self._task = asyncio.create_task(self._run(), name="recorder")
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a bug: nothing can be recorded any more", exc_info=error)
            self._on_failure()

    async def close(self, timeout: float = 5.0) -> None:
        """Writes what is queued, then ends; gives up after `timeout` seconds of a refusing database."""
        self._closing = True
        if self._note_timer is not None:
            self._note_timer.cancel()
        self._wake.set()
        if self._task is not None:
            done, _ = await asyncio.wait({self._task}, timeout=timeout)
            if not done:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)

    def workflow(
        self,
        workflow: Workflow,
        status: Status,
        *,
        block: int = WHOLE,
        error: str = "",
        operator: str = "",
        reason: str = "",
    ) -> None:
        """Queues a step of the workflow itself, or of one of its blocks."""
        now = self._clock.now_us()
        changes = self._changes(workflow)
        changes.append(Change(0, block, WHOLE, status, now, storable(error), operator, reason))

    def job(
        self,
        workflow: Workflow,
        block: int,
        job: int,
        status: Status,
        error: str = "",
        reason: str = "",
        operator: str = "",
    ) -> None:
        """Queues a step of one job."""
        now = self._clock.now_us()
        changes = self._changes(workflow)
        changes.append(Change(0, block, job, status, now, storable(error), operator, reason))

    def jobs(
        self, workflow: Workflow, block: int, jobs: Iterable[int], status: Status, error: str = ""
    ) -> None:
        """Queues the same step of several jobs of a block."""
        now = self._clock.now_us()
        self._changes(workflow).extend([Change(0, block, job, status, now, error) for job in jobs])

    def begin_with(
        self, workflow: Workflow, block: int, jobs: Iterable[int], tokens: Sequence[QuotaToken]
    ) -> None:
        """Queues that jobs run, since they took their tokens; written both or neither."""
        since = tokens[0].taken_us
        begun = [Change(0, block, job, Status.RUNNING, since) for job in jobs]
        self._changes(workflow).extend(begun)
        self._tokens[workflow.key] = [*self._tokens.get(workflow.key, ()), *tokens]

    def log_line(self, workflow: Workflow, block: int, job: int, text: str) -> None:
        """Queues a line of a job's log; it is written with the next changes, or soon without any."""
        self.logs.add(workflow.key, block, job, self._clock.now_us(), text)
        self._note()

    def job_progress(self, workflow: Workflow, block: int, job: int) -> None:
        """Queues how far a job was that has ended without completing."""
        progress = workflow.progress.get((block, job))
        if progress is not None:
            self.logs.keep_progress(workflow.key, block, job, progress)
            self._note()

    def _note(self) -> None:
        if self._note_timer is None and not self._notes_due:
            self._note_timer = asyncio.get_running_loop().call_later(NOTE_SECONDS, self._write_notes)

    def _write_notes(self) -> None:
        self._note_timer = None
        self._notes_due = True
        self._wake.set()

    def entry(self, entry: AuditEntry) -> None:
        """Queues an entry of the audit: it goes into one transaction with the changes queued before it."""
        if self.problem and len(self._entries) >= ENTRIES_LIMIT:
            log.error("an entry of the audit is lost", **entry._asdict())
            return
        self._entries.append(entry)
        self._wake.set()

    async def insert(self, workflow: Workflow, source: str = "", first: Sequence[Change] = ()) -> None:
        """Stores a new workflow, together with whatever else is waiting; durable on return.

        `source` is from where it was submitted, `first` are changes that have been applied to it already:
        they are stored with it or not at all. Raises StoreError at once where the database refuses: a
        submission is not worth waiting for.
        """
        self.check_writable()
        workflow.key = self._store.new_key()
        stored = asyncio.get_running_loop().create_future()
        self._inserts.append(_Insert(workflow, first, stored, _submitted(workflow, source)))
        self._wake.set()
        await stored

    def check_writable(self) -> None:
        """Raises StoreError while the database refuses."""
        if self.problem:
            raise StoreError(self.problem)

    async def flush(self) -> None:
        """Waits until everything queued so far is committed, applied and published.

        While the database refuses, this waits: nothing may start that is not on record.
        """
        waiting = self._forming if self._queue else self._committing
        if waiting is not None:
            await asyncio.shield(waiting)

    def _changes(self, workflow: Workflow) -> list[Change]:
        entry = self._queue.get(workflow.key)
        if entry is None:
            if self._forming is None:
                self._forming = asyncio.get_running_loop().create_future()
            entry = self._queue[workflow.key] = (workflow, [])
            self._wake.set()
        return entry[1]

    @property
    def _last_notes(self) -> bool:
        return self._closing and bool(self.logs.waiting)

    async def _run(self) -> None:
        while True:
            if not (self._queue or self._inserts or self._entries or self._notes_due or self._last_notes):
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            queue, self._queue = self._queue, {}
            inserts, self._inserts = self._inserts, []
            tokens, self._tokens = self._tokens, {}
            done, self._forming = self._forming, None
            self._committing = done
            entries, self._entries = self._entries, []
            self._notes_due = False
            await self._commit(inserts, queue, self.logs.take(), entries, tokens)
            self._committing = None
            if done is not None:
                done.set_result(None)

    async def _commit(
        self,
        inserts: list[_Insert],
        queue: dict[int, tuple[Workflow, list[Change]]],
        notes: JobNotes | None = None,
        entries: Sequence[AuditEntry] = (),
        tokens: Mapping[int, Sequence[QuotaToken]] = MappingProxyType({}),
    ) -> None:
        taken = [token for some in tokens.values() for token in some]
        plans = {key: _plan(workflow, changes) for key, (workflow, changes) in queue.items()}
        numbered = {key: plan.changes for key, plan in plans.items()}
        standings = {key: plan.standing for key, plan in plans.items() if plan.standing is not None}
        ended = [entry for key, (workflow, _) in queue.items() for entry in _ended(workflow, plans[key])]
        while True:
            try:
                told = [*(insert.entry for insert in inserts), *entries, *ended]
                begun = {new.workflow.key: new for new in inserts if new.first}
                await self._store.commit(
                    [new.workflow for new in inserts],
                    numbered | {key: new.first for key, new in begun.items()},
                    standings | {key: new.workflow.standing for key, new in begun.items()},
                    notes,
                    told,
                    taken,
                )
                break
            except StoreConflict as error:
                await self._commit_apart(inserts, queue, notes, entries, tokens, error)
                return
            except StoreError as error:
                # The callers hear it; what has happened has to be written whenever that works again.
                _tell(inserts, error)
                inserts = []
                if not (numbered or notes or entries):
                    return
                await self._wait_to_try_again(error)
        self._all_is_well()
        _tell(inserts, None)
        for key, (workflow, _) in queue.items():
            workflow.apply_all(numbered[key])
            self._hub.publish(workflow, numbered[key])

    async def _commit_apart(
        self,
        inserts: list[_Insert],
        queue: dict[int, tuple[Workflow, list[Change]]],
        notes: JobNotes | None,
        entries: Sequence[AuditEntry],
        tokens: Mapping[int, Sequence[QuotaToken]],
        error: StoreConflict,
    ) -> None:
        """One write contradicts the database: it alone is given up, and the others go on."""
        parts = len(inserts) + len(queue) + bool(notes) + bool(entries)
        if parts == 1:
            _tell(inserts, error)
            for workflow, changes in queue.values():
                log.critical(_UNRECORDED, workflow=workflow.id, n=len(changes), exc_info=error)
            if notes:
                log.error("a bug: what jobs logged could not be kept", exc_info=error)
            if entries:
                log.critical("a bug: the audit could not be kept", n=len(entries), exc_info=error)
            return
        for insert in inserts:
            await self._commit([insert], {})
        for key, entry in queue.items():
            await self._commit([], {key: entry}, tokens={key: tokens.get(key, ())})
        if notes:
            await self._commit([], {}, notes)
        if entries:
            await self._commit([], {}, None, entries)

    async def _wait_to_try_again(self, error: StoreError) -> None:
        if not self.problem:
            log.error("cannot record: nothing starts until this is mended", reason=str(error))
        before, self.problem = (
            self.problem,
            f"nothing starts, because the database cannot be written: {error}",
        )
        if not before:
            self._on_problem()
        await asyncio.sleep(RETRY_SECONDS)

    def _all_is_well(self) -> None:
        if self.problem:
            log.info("recording again")
            self.problem = ""
            self._on_problem()


def _tell(inserts: list[_Insert], error: StoreError | None) -> None:
    for new in inserts:
        # A caller that hung up waits no longer.
        if not new.stored.done():
            if error is None:
                new.stored.set_result(None)
            else:
                new.stored.set_exception(error)


def _plan(workflow: Workflow, changes: list[Change]) -> Plan:
    plan = workflow.plan(changes)
    if plan.dropped:
        log.warning("dropped changes that came too late", workflow=workflow.id, n=plan.dropped)
    return plan


def _submitted(workflow: Workflow, source: str) -> AuditEntry:
    told = f"acknowledged {', '.join(workflow.acknowledged)}" if workflow.acknowledged else ""
    return AuditEntry(
        workflow.created_us,
        workflow.operator,
        source,
        Act.SUBMIT,
        workflow.name,
        workflow.id,
        told=told,
        workflow=workflow.key,
    )


def _ended(workflow: Workflow, plan: Plan) -> Iterator[AuditEntry]:
    """What the audit says of the change that ends a workflow."""
    if plan.standing is None or plan.standing.status not in WORKFLOW_FINAL:
        return
    for change in plan.changes:
        if change.block == WHOLE and change.status in WORKFLOW_FINAL:
            yield AuditEntry(
                change.time_us,
                change.operator or SERVER,
                INSIDE,
                Act.ENDED,
                workflow.name,
                workflow.id,
                change.reason,
                outcome=change.status.label,
                told=change.error,
                workflow=workflow.key,
            )
