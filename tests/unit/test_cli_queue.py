"""`wf erase-satellite` with several sites, and its dry run: words, exit codes, and what is submitted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wf_tui.cli import main
from wf_tui.cli.session import Settings
from wf_tui.gateway import EmergencyStopped, Unreachable
from wf_tui.state.models import ChangeBatch, PolicyLevel, Snapshot, Status, Violation
from wf_tui.state.samples import NOW, sample_board, sample_book, sample_buckets, sample_sites
from wf_tui.testing_server import WorkingGateway


@dataclass
class EndingGateway(WorkingGateway):
    """Every workflow ends at once, as `ends` says in their order; completed where it says nothing."""

    ends: list[Status] = field(default_factory=list)

    async def execute(self, workflow_id: str) -> None:
        await super().execute(workflow_id)
        self.finish(workflow_id, self.ends.pop(0) if self.ends else Status.COMPLETED, "why")

    async def watch(self, workflow_id: str) -> AsyncIterator[Snapshot | ChangeBatch]:
        first = self.feed(workflow_id).first
        assert first is not None
        yield first


def made() -> EndingGateway:
    return EndingGateway(
        known_sites=sample_sites(),
        board=sample_board(),
        book=sample_book(),
        known_buckets=sample_buckets(),
        now=NOW,
    )


Wf = Callable[..., Result]


@pytest.fixture
def gateway() -> EndingGateway:
    return made()


@pytest.fixture
def wf(gateway: EndingGateway, tmp_path: Path) -> Wf:
    def run(*args: str, typed: str | None = None, ends: int = 0) -> Result:
        settings = Settings(
            gateway.address,
            submit_log=tmp_path / "log",
            queues=tmp_path / "queues",
            interactive=typed is not None,
            connect=lambda _, __: gateway,
            timeout_unreachable=0.1,
        )
        words = None if typed is None else f"{typed}\n"
        result = CliRunner().invoke(main, args, obj=settings, input=words, catch_exceptions=False)
        assert result.exit_code == ends, result.output
        return result

    return run


def erased(gateway: EndingGateway) -> list[str]:
    return [request.desc.split()[5] for (request,) in gateway.called("submit")]  # type: ignore[attr-defined]


def test_sites_are_erased_one_after_another(wf: Wf, gateway: EndingGateway, tmp_path: Path) -> None:
    shown = wf("erase-satellite", "aap", "adg", typed="2 aap adg")
    assert "All disks of aap, adg (100 machines) will be erased" in shown.stderr
    assert "aap: submitted as w1" in shown.stdout
    assert shown.stdout.index("w1: ✓ completed") < shown.stdout.index("adg: submitted as w2")
    assert "queue: 2 completed" in shown.stdout
    assert erased(gateway) == ["aap", "adg"]
    assert [line.split("\t")[1] for line in (tmp_path / "log").read_text().splitlines()] == ["w1", "w2"]


@pytest.mark.parametrize("typed", ["aap adg", "yes", "2 adg aap", ""])
def test_nothing_but_the_number_and_all_names_confirms(wf: Wf, gateway: EndingGateway, typed: str) -> None:
    wf("erase-satellite", "aap", "adg", typed=typed, ends=2)
    assert gateway.called("submit") == []


@pytest.mark.parametrize(("end", "code"), [(Status.FAILED, 5), (Status.CANCELLED, 5), (Status.STOPPED, 4)])
def test_the_first_unhappy_end_stops_it_with_its_code(
    wf: Wf, gateway: EndingGateway, end: Status, code: int
) -> None:
    gateway.ends = [end]
    told = wf("erase-satellite", "aap", "adg", "--yes", ends=code).stderr
    assert erased(gateway) == ["aap"]
    assert "the queue stands still at aap: 1 in trouble, 1 waiting" in told
    assert "erase-satellite --resume --retry tries aap again" in told
    assert "give --retry" in wf("erase-satellite", "--resume", "--yes", ends=2).output


def test_after_trouble_it_goes_on_with_a_retry(wf: Wf, gateway: EndingGateway) -> None:
    gateway.ends = [Status.FAILED]
    wf("erase-satellite", "aap", "adg", "--yes", ends=5)
    wf("erase-satellite", "--resume", "--retry", typed="2 aap adg")
    assert erased(gateway) == ["aap", "aap", "adg"]
    assert "no queue was left behind" in wf("erase-satellite", "--resume", ends=7).stderr


def test_after_trouble_it_goes_on_without_the_site(wf: Wf, gateway: EndingGateway) -> None:
    gateway.ends = [Status.FAILED]
    wf("erase-satellite", "aap", "adg", "--yes", ends=5)
    wf("erase-satellite", "--resume", "--skip", typed="adg")
    assert erased(gateway) == ["aap", "adg"]


def test_a_refusal_tells_its_violations_and_its_code(wf: Wf, gateway: EndingGateway) -> None:
    gateway.errors["submit"] = EmergencyStopped("stopped", [Violation("emergencyStop", "smoke in row 4")])
    told = wf("erase-satellite", "aap", "adg", "--yes", ends=4).stderr
    assert "smoke in row 4" in told
    assert "the queue stands still at aap" in told


def test_a_server_that_stays_away_is_6_and_the_queue_is_kept(wf: Wf, gateway: EndingGateway) -> None:
    gateway.errors["submit"] = Unreachable("h:1 does not answer")
    wf("erase-satellite", "aap", "adg", "--yes", ends=6)
    del gateway.errors["submit"]
    wf("erase-satellite", "--resume", "--yes")
    assert [summary.desc.split()[5] for summary in gateway.summaries] == ["adg", "aap"]


@pytest.mark.parametrize("sites", [("aap",), ("aap", "adg")])
def test_a_dry_run_submits_nothing_and_says_so(
    wf: Wf, gateway: EndingGateway, sites: tuple[str, ...]
) -> None:
    shown = wf("erase-satellite", *sites, "--dry-run").stdout
    assert "dry run: nothing was submitted, and nothing will be" in shown
    assert all(f"{site}: the server would accept it" in shown for site in sites)
    assert len(gateway.called("check")) == len(sites)
    assert gateway.called("submit") == []


@pytest.mark.parametrize(("policy", "code"), [("sameArgs", 3), ("emergencyStop", 4)])
def test_a_dry_run_ends_as_the_submission_would(
    wf: Wf, gateway: EndingGateway, policy: str, code: int
) -> None:
    gateway.verdict = (Violation(policy, "no"),)
    assert "the server would refuse it" in wf("erase-satellite", "aap", "--dry-run", ends=code).stderr
    told: dict[str, Any] = json.loads(wf("erase-satellite", "aap", "--dry-run", "--json", ends=code).stdout)
    assert (told["dryRun"], told["submitted"]) == (True, False)
    assert told["sites"][0]["accepted"] is False
    assert gateway.called("submit") == []


def test_warnings_are_acknowledged_for_every_site(wf: Wf, gateway: EndingGateway) -> None:
    gateway.verdict = (Violation("maxJobs", "too many jobs", level=PolicyLevel.WARN),)
    told = wf("erase-satellite", "aap", "--dry-run", ends=3).stderr
    assert "accepted with --acknowledge maxJobs" in told
    wf("erase-satellite", "aap", "--dry-run", "--acknowledge", "maxJobs")
    wf("erase-satellite", "aap", "adg", "--yes", "--acknowledge", "maxJobs")
    assert [acknowledged for _, acknowledged in gateway.called("submit")] == [("maxJobs",)] * 2


@pytest.mark.parametrize("args", [("zzz", "--dry-run"), ("aap", "aaa"), ("aap", "aab", "--dry-run")])
def test_one_site_that_cannot_be_erased_is_enough(
    wf: Wf, gateway: EndingGateway, args: tuple[str, ...]
) -> None:
    wf("erase-satellite", *args, ends=7)
    assert gateway.called("submit") == []


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "name one SITE or more"),
        (("aap", "--resume"), "name one SITE or more"),
        (("aap", "adg", "aap"), "aap is named twice"),
        (("aap", "--retry"), "go with --resume"),
        (("--resume", "--retry", "--skip"), "not both"),
        (("--resume", "--dry-run"), "not queued yet"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(wf: Wf, args: tuple[str, ...], words: str) -> None:
    assert words in wf("erase-satellite", *args, ends=2).output


def test_json_is_a_line_for_every_event(wf: Wf) -> None:
    events = [
        json.loads(line)
        for line in wf("--json", "erase-satellite", "aap", "adg", "--yes").stdout.splitlines()
    ]
    assert [event["sites"] for event in events if event["event"] == "submitted"] == [["aap"], ["adg"]]
    assert [event["summary"]["status"] for event in events if event["event"] == "end"] == [
        "STATUS_COMPLETED"
    ] * 2
