"""Pictures of a workflow as text."""

from __future__ import annotations

from collections.abc import Callable

from wf_tui.diskerase import erase_request
from wf_tui.state.models import Status
from wf_tui.state.samples import counts_of, erase_blocks, sample_sites, summary_of
from wf_tui.testing import FakeGateway, add_workflow, sample_gateway

Picture = Callable[..., bool]


def waiting() -> FakeGateway:
    gateway = sample_gateway()
    blocks = erase_blocks(0)
    summary = add_workflow(gateway, summary_of(1, Status.NOT_STARTED, counts_of(blocks)), blocks)
    machines = next(machines for site, machines in sample_sites() if site.name == "aap")
    gateway.requests[summary.id] = erase_request("aap", machines)
    return gateway


def test_request(picture: Picture) -> None:
    assert picture(waiting(), "enter", "y", size=(80, 24))


def test_request_as_json(picture: Picture) -> None:
    assert picture(waiting(), "enter", "y", "tab", "pagedown", size=(120, 30))


def test_unknown(picture: Picture) -> None:
    gateway = waiting()
    gateway.requests.clear()
    assert picture(gateway, "enter", "y", size=(80, 24))
