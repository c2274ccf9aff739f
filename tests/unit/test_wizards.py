"""What wizards declare: the table, and the rules of each."""

from __future__ import annotations

import pytest

from wf_tui.readonly import DANGEROUS_BINDINGS, is_dangerous
from wf_tui.state.models import PolicyBook, Site, SiteStatus, SiteType, StopBoard
from wf_tui.state.samples import sample_sites
from wf_tui.state.wizard import World
from wf_tui.wizards import WIZARDS, Options, decom, erase

SITES = {site.name: (site, machines) for site, machines in sample_sites()}


def worlds(*names: str) -> list[World]:
    return [World(*SITES[name], StopBoard(()), PolicyBook(()), ()) for name in names]


def text(words: object) -> str:
    return "".join(part for part, _ in words)  # type: ignore[attr-defined]


def test_the_table_has_a_key_a_command_and_a_type_for_each() -> None:
    assert set(WIZARDS) == {"erase", "decom"}
    for of in ("key", "command", "workflow"):
        assert len({getattr(wizard, of) for wizard in WIZARDS.values()}) == len(WIZARDS)


@pytest.mark.parametrize("name", WIZARDS)
def test_every_wizard_vanishes_in_a_read_only_console(name: str) -> None:
    assert f"app.{name}" in DANGEROUS_BINDINGS
    assert is_dangerous(WIZARDS[name].command)


def test_an_erasure_is_one_workreq_for_each_site() -> None:
    items = erase.items(worlds("aap", "adg"), Options(pause_seconds=7))
    assert [item.sites for item in items] == [("aap",), ("adg",)]
    sleeps = {
        job.args["seconds"]
        for item in items
        for b in item.request.blocks
        for job in b.jobs
        if job.name == "sleep"
    }
    assert sleeps == {"7"}


def test_what_is_erased_is_named_with_the_number_of_machines_and_typed() -> None:
    one = erase.items(worlds("aap"), Options())
    assert "50 machines of satellite aap will be erased by h:1" in text(erase.question(one, "h:1"))
    assert erase.phrase(("aap",)) == "aap"
    two = erase.items(worlds("aap", "adg"), Options())
    assert "100 machines of 2 satellites, one after another: aap, adg;" in text(erase.question(two, "h:1"))
    assert erase.phrase(("aap", "adg")) == "2 aap adg"


def test_the_decom_of_many_sites_is_one_workreq() -> None:
    (item,) = decom.items(worlds("aap", "adg"), Options())
    assert item.sites == ("aap", "adg")
    assert item.request.desc == "make sure that aap, adg are in decom"
    (block,) = item.request.blocks
    assert [(job.name, dict(job.args)) for job in block.jobs] == [
        ("validateDecom", {"site": "aap", "type": "satellite"}),
        ("validateDecom", {"site": "adg", "type": "satellite"}),
    ]


def test_many_sites_are_counted_rather_than_named() -> None:
    sites = [Site(f"s{n:02}", SiteType.SATELLITE, SiteStatus.DECOM, 1) for n in range(40)]
    (item,) = decom.items([World(s, ("m",), StopBoard(()), PolicyBook(()), ()) for s in sites], Options())
    assert item.request.desc == "make sure that s00, s01, s02, s03, s04 and 35 more are in decom"
    assert item.request.blocks[0].rate_limit == 10


@pytest.mark.parametrize(
    ("name", "reason"),
    [("aap", ""), ("aaa", "is inService"), ("aaq", "is a cluster"), ("adj", "is removed")],
)
def test_only_satellites_in_decom_are_checked(name: str, reason: str) -> None:
    assert reason in decom.unfit(SITES[name][0])
    assert bool(reason) == bool(decom.unfit(SITES[name][0]))
    (check,) = decom.checks(worlds(name)[0])
    assert check.passed == (not reason)
