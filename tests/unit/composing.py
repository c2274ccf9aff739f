"""The composer under test, with a request in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from wf_tui.app import WfApp
from wf_tui.drafts import Drafts
from wf_tui.screens.composer import ComposerScreen
from wf_tui.state.job_samples import sample_job_types
from wf_tui.state.models import Block, Job, WorkReq
from wf_tui.testing import FakeGateway, frozen_app, press, sample_gateway, settle, type_text

REQUEST = WorkReq(
    "Maintenance",
    "try",
    (
        Block("one", 2, (Job("sleep", "breathe", {"seconds": "5"}), Job("sleep", "", {"seconds": "6"}))),
        Block("two", 1, (Job("sleep", "", {"seconds": "7"}),)),
    ),
)


class Composer:
    """The composer under test."""

    def __init__(self, app: WfApp, pilot: Pilot[None], gateway: FakeGateway) -> None:
        self.app = app
        self.pilot = pilot
        self.gateway = gateway

    @property
    def screen(self) -> ComposerScreen:
        return next(one for one in self.app.screen_stack if isinstance(one, ComposerScreen))

    @property
    def request(self) -> WorkReq:
        return self.screen.request

    async def press(self, *keys: str) -> None:
        await press(self.pilot, *keys)

    async def type(self, text: str) -> None:
        await type_text(self.pilot, text)

    def toasts(self) -> list[str]:
        return [toast.message for toast in self.app._notifications]


def gateway_with_types() -> FakeGateway:
    gateway = sample_gateway()
    gateway.known_job_types = sample_job_types()
    return gateway


@asynccontextmanager
async def composer(
    gateway: FakeGateway, request: WorkReq | None = None, *, mends: str = "", drafts: Drafts | None = None
) -> AsyncIterator[Composer]:
    app = frozen_app(gateway, drafts=drafts)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        it = Composer(app, pilot, gateway)
        if request is None:
            await it.press("c")
        else:
            app.push_screen(ComposerScreen(app.context, request, mends=mends))
            await settle(pilot)
        yield it
