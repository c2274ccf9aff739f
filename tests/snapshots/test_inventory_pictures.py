"""Pictures of the sites and of the catalogue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.gateway import Overloaded
from wf_tui.state.models import (
    ArgDeclaration,
    JobType,
    Policy,
    PolicyBook,
    Site,
    SiteStatus,
    SiteType,
    WorkflowType,
)
from wf_tui.state.samples import ERASE
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [(80, 24), (160, 40)], ids=["narrow", "wide"])


def catalogue(*, problem: str = "") -> FakeGateway:
    gateway = sample_gateway()
    site = ArgDeclaration("site", "site", True, "The site where the machine is.", example="aap")
    machine = ArgDeclaration("machine", "machine", True, "Its short name at that site.", example="aa01")
    seconds = ArgDeclaration("seconds", "integer", True, "How long.", example="60", minimum=1)
    why = ArgDeclaration("why", "text", False, "Shown while it waits.")
    fatal = ArgDeclaration("fatal", "boolean", True, "Whether to end for want of one.", ("true", "false"))
    gateway.known_job_types = (
        JobType("diskErase", "Erases the disks of one machine.", (site, machine), "idempotent"),
        JobType("sleep", "Waits.", (seconds, why), "idempotent"),
        JobType("tokenBucket", "Takes one token from a bucket.", (fatal,), "verifiable"),
        JobType("ping", "Asks everybody.", (), "irreversible"),
    )
    restrict = Policy(
        "restrictJobTypes",
        "Every job is of a type that AllowedJobs lists.",
        {"AllowedJobs": ["diskErase", "sleep", "tokenBucket"]},
    )
    same = Policy(
        "sameArgs", "Jobs agree on arguments.", {"Jobs": {"diskErase": ["site"]}, "AcrossJobs": True}
    )
    gateway.book = PolicyBook(
        (WorkflowType(ERASE, (restrict, same)), WorkflowType("Maintenance", ()),), problem
    )  # fmt: skip
    return gateway


@SIZES
def test_catalogue(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(catalogue(), "K", size=size)


def test_catalogue_policy(picture: Picture) -> None:
    assert picture(catalogue(), "K", *["down"] * 6)


def test_catalogue_documentation(picture: Picture) -> None:
    assert picture(catalogue(), "K", "enter", size=(80, 24))


def test_catalogue_filter(picture: Picture) -> None:
    assert picture(catalogue(), "K", "slash", "text:diskErase", "enter", size=(80, 24))


def test_catalogue_problem(picture: Picture) -> None:
    assert picture(catalogue(problem="line 12: there is no policy sameArg"), "K", size=(80, 24))


def test_catalogue_empty(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.book = PolicyBook(())
    assert picture(gateway, "K", size=(80, 24))


def test_catalogue_many(picture: Picture) -> None:
    gateway = catalogue()
    gateway.known_job_types = tuple(JobType(f"job{n:03}", "Does it.", (), "idempotent") for n in range(300))
    assert picture(gateway, "K", "pagedown", "pagedown")


def test_catalogue_error(picture: Picture) -> None:
    gateway = catalogue()
    gateway.errors["policies"] = Overloaded("the server is busy: try again in a moment")
    assert picture(gateway, "K", size=(80, 24))


def test_catalogue_disconnected(picture: Picture) -> None:
    gateway = catalogue()
    assert picture(gateway, "K", gateway.disconnect, "ctrl+r", size=(80, 24))


@SIZES
def test_sites(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(sample_gateway(), "I", size=size)


def test_sites_machines(picture: Picture) -> None:
    assert picture(sample_gateway(), "I", "enter", size=(80, 24))


def test_sites_that_cannot_be_erased(picture: Picture) -> None:
    assert picture(sample_gateway(), "I", "end", "e", size=(80, 24))


def test_sites_filter(picture: Picture) -> None:
    assert picture(sample_gateway(), "I", "slash", "text:decom", "enter", size=(80, 24))


def test_sites_many(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.known_sites = tuple(
        (Site(f"s{n:03}", SiteType.SATELLITE, list(SiteStatus)[n % 3], n), ()) for n in range(500)
    )
    assert picture(gateway, "I", "end")


def test_sites_empty(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.known_sites = ()
    assert picture(gateway, "I", size=(80, 24))


def test_sites_error(picture: Picture) -> None:
    gateway = sample_gateway()
    gateway.errors["sites"] = Overloaded("the server is busy: try again in a moment")
    assert picture(gateway, "I", size=(80, 24))


def test_sites_disconnected(picture: Picture) -> None:
    gateway = sample_gateway()
    assert picture(gateway, "I", gateway.disconnect, "ctrl+r", size=(80, 24))
