"""What stands behind the composer: the draft, what the server says to it, and its way to the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wf_tui.drafts import Draft
from wf_tui.gateway import GatewayError, NotFound, Refused, Unreachable
from wf_tui.screens.base import Context, OpenWorkflow, WfScreen
from wf_tui.state.composition import EMPTY, Composition, Version
from wf_tui.state.known import Known, known_of, site_of
from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.situation import Situation
from wf_tui.state.text import clean
from wf_tui.state.verdict import Verdict, placed


class DraftingScreen(WfScreen):
    """Owns the composition. Every change is checked, and kept in a file, a moment later."""

    def __init__(self, context: Context, request: WorkReq, mends: str) -> None:
        super().__init__(context)
        self.composition = Composition(Version(request))
        self.mends = mends
        self.known = Known()
        self.verdict = Verdict()
        #: The request that the verdict is about; None: there is none yet.
        self.checked: WorkReq | None = None
        #: Why there is no verdict.
        self.unchecked = ""
        self.submitting = False
        self._draft: Draft | None = None
        self._unsaved = False
        self._saving = False
        self._asked_sites: set[str] = set()

    @property
    def request(self) -> WorkReq:
        """The WorkReq as it stands."""
        return self.composition.request

    @property
    def is_checked(self) -> bool:
        """Whether the verdict is about the request as it stands."""
        return self.checked == self.request

    async def show_verdict(self) -> None:
        """Shows what the server says now, and the composition."""
        raise NotImplementedError

    async def show_request(self) -> None:
        """Shows the composition."""
        raise NotImplementedError

    def situation_changed(self, situation: Situation) -> None:
        """What could not be asked is asked when the server answers again."""
        super().situation_changed(situation)
        if situation.connected and self.unchecked:
            self.check_soon()
        if situation.connected and not self.known.job_types:
            self.ask_newest(self.load_known, "catalogue", group="known")

    def ask_newest(self, call: Callable[[], Awaitable[None]], what: str, *, group: str) -> None:
        """Runs a call in the place of the one of its group that is under way, or has not even begun."""
        self.run_worker(call, name=what, group=group, description=what, exclusive=True, exit_on_error=False)

    def take(self, composition: Composition) -> None:
        """Goes on with a changed composition.

        It is shown by the screen's own queue, as everything is: whoever calls, two never paint at once.
        """
        changed = composition.request != self.request
        self.composition = composition
        if changed:
            self.check_soon()
            self._keep_soon()
        self.call_later(self.show_request)
        self.refresh_bindings()

    # -- what the server knows

    async def load_known(self) -> None:
        """Asks what a WorkReq can be made of."""
        gateway = self.context.gateway
        told = await asyncio.gather(
            gateway.job_types(), gateway.policies(), gateway.sites(), gateway.buckets()
        )
        self.known = known_of(*told)
        self.call_later(self.show_request)

    def load_machines(self) -> None:
        """Asks for the machines of the site that the cursor's job names, once."""
        place = self.composition.place
        if not place.is_job:
            return
        job = self.request.blocks[place.block].jobs[place.job]
        site = site_of(job, self.known.job_type(job.name))
        if self.known.has_site(site) and site not in self._asked_sites:
            self._asked_sites.add(site)
            self.ask(self._load_machines(site), f"machines of {site}", group="machines")

    async def _load_machines(self, site: str) -> None:
        await self.machines_of(site)
        self.call_later(self.show_request)

    async def machines_of(self, site: str) -> tuple[str, ...]:
        """Returns the machines of a site. Raises GatewayError."""
        if site not in self.known.machines:
            try:
                _, machines = await self.context.gateway.site(site)
            except GatewayError:
                self._asked_sites.discard(site)
                raise
            self.known = self.known.with_machines(site, machines)
        return self.known.machines[site]

    # -- the verdict

    def check_soon(self) -> None:
        """Asks for a verdict when nothing was changed for a moment."""
        self.ask_newest(self._check, "check", group="check")

    async def _check(self) -> None:
        await asyncio.sleep(self.context.typing_pause)
        request = self.request
        if request == EMPTY:
            self._judged(None, ())
            return
        try:
            self._judged(request, await self.context.gateway.check(request))
        except Refused as refused:
            self._judged(request, refused.violations or (Violation("server", str(refused)),))
        except GatewayError as error:
            # In its line, not in a toast: it would come back with every key.
            self.unchecked = str(error)
            self.call_later(self.show_verdict)

    def _judged(self, request: WorkReq | None, violations: tuple[Violation, ...]) -> None:
        self.checked, self.unchecked = request, ""
        self.verdict = placed(violations, self.request)
        self.call_later(self.show_verdict)

    # -- the draft

    def _keep_soon(self) -> None:
        self._unsaved = self.context.drafts is not None
        if self._unsaved and not self._saving:
            self._saving = True
            self.ask(self._keep(), "draft", group="draft")

    async def _keep(self) -> None:
        """Saves until nothing is left to save; one at a time, so that no older draft comes last."""
        try:
            while self._unsaved:
                await asyncio.sleep(self.context.typing_pause)
                await self._save_draft()
        except OSError as error:
            self.notify(
                f"The draft cannot be saved ({clean(error.strerror or str(error))}): a crash would lose it.",
                severity="warning",
                markup=False,
            )
        finally:
            self._saving = False

    async def _save_draft(self) -> None:
        self._unsaved = False
        if self._draft is None and self.context.drafts is not None:
            self._draft = await asyncio.to_thread(self.context.drafts.new)
        if self._draft is None:
            return
        if self.request == EMPTY:
            await asyncio.to_thread(self._draft.discard)
        else:
            await asyncio.to_thread(self._draft.save, self.request, self.mends)

    async def adopt(self, draft: Draft, request: WorkReq, mends: str) -> None:
        """Goes on with a draft that was left behind."""
        before, self._draft = self._draft, draft
        if before is not None:
            await asyncio.to_thread(before.close)
        self.mends = mends
        self.composition = Composition(Version(request))
        self.check_soon()
        self.call_later(self.show_request)

    async def on_unmount(self) -> None:
        """Saves what was typed last, and lets go of the draft."""
        try:
            if self._unsaved:
                await self._save_draft()
        except OSError as error:
            self.context.report(error)
        if self._draft is not None:
            await asyncio.to_thread(self._draft.close)

    async def _forget_draft(self) -> None:
        self._unsaved = False
        if self._draft is not None:
            await asyncio.to_thread(self._draft.discard)

    # -- for good

    def submit(self, request: WorkReq, *, execute: bool) -> None:
        """Submits what was confirmed, and executes it if that was too."""
        self.submitting = True
        self.ask(self._submit(request, execute=execute), "submit", group="submit", exclusive=True)

    async def _submit(self, request: WorkReq, *, execute: bool) -> None:
        try:
            workflow_id = await self._submitted(request)
        finally:
            self.submitting = False
        if workflow_id is None:
            return
        await self._forget_draft()
        try:
            if execute:
                await self.context.gateway.execute(workflow_id)
        finally:
            # Executed or not, it is stored now: its own screen says how it stands.
            self.post_message(OpenWorkflow(workflow_id, instead=True))

    async def _submitted(self, request: WorkReq) -> str | None:
        try:
            return await self.context.gateway.submit(request, mends=self.mends)
        except Refused as refused:
            self._judged(request, refused.violations or (Violation("server", str(refused)),))
            # Mended here and submitted again, it is the mended form of what was refused just now.
            self.mends = self.mends or refused.rejection_id
            self.notify("The server refused it: n goes to what is wrong.", severity="error", markup=False)
        except NotFound as error:
            # The only thing that a submission names is the rejection.
            self.mends = ""
            self.notify(
                f"{clean(str(error))}: submit it again, as a request of its own.",
                severity="warning",
                markup=False,
            )
        except Unreachable as error:
            self.notify(
                f"{clean(str(error))}. Whether it was submitted is not known: look at the list of workflows "
                "before you try again.",
                severity="error",
                markup=False,
            )
        return None
