"""What stands behind the composer: the request, what it can be made of, and what the server says to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from wf_tui.gateway import GatewayError, Refused
from wf_tui.screens.base import Context, WfScreen
from wf_tui.state.composition import EMPTY, Composition, Version
from wf_tui.state.known import Known, known_of, site_of
from wf_tui.state.models import Lineage, Violation, WorkReq
from wf_tui.state.situation import Situation
from wf_tui.state.verdict import Verdict, placed
from wf_tui.workreq_reader import Problem


class DraftingScreen(WfScreen):
    """Owns the composition. Every change is checked a moment later."""

    def __init__(self, context: Context, request: WorkReq, mends: str) -> None:
        super().__init__(context)
        self.composition = Composition(Version(request))
        self.mends = mends
        #: The workflow that it was made from; None: none.
        self.lineage: Lineage | None = None
        self.known = Known()
        self.verdict = Verdict()
        #: The request that the verdict is about; None: there is none yet.
        self.checked: WorkReq | None = None
        #: Why there is no verdict.
        self.unchecked = ""
        #: Why the text is no WorkReq, while it is none.
        self.problems: tuple[Problem, ...] = ()
        self.submitting = False
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

    def begin_with(self, request: WorkReq) -> None:
        """Shows a request that there is nothing to undo in."""
        self.composition = Composition(Version(request))
        self.check_soon()
        self.call_later(self.show_request)
        self.refresh_bindings()

    def take(self, composition: Composition) -> None:
        """Goes on with a changed composition.

        It is shown by the screen's own queue, as everything is: whoever calls, two never paint at once.
        """
        changed = composition.request != self.request
        self.composition = composition
        if changed:
            self.check_soon()
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
            self.judged(None, ())
            return
        try:
            self.judged(request, await self.context.gateway.check(request))
        except Refused as refused:
            self.judged(request, refused.violations or (Violation("server", str(refused)),))
        except GatewayError as error:
            # In its line, not in a toast: it would come back with every key.
            self.unchecked = str(error)
            self.call_later(self.show_verdict)

    def judged(self, request: WorkReq | None, violations: tuple[Violation, ...]) -> None:
        """Takes what the server says to a request; None: there is nothing to say anything to."""
        self.checked, self.unchecked = request, ""
        self.verdict = placed(violations, self.request)
        self.call_later(self.show_verdict)
