"""`wf` gives orders to a real server: pause, cancel, release, rerun; and tells what became of them."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_cli_commands import Wf, address, wf

__all__ = ["address", "wf"]

HELD = """\
name: Maintenance
desc: a long nap after a go
maxFailures: "1"
onFailure: stop
blocks:
  - desc: nap
    pointOfNoReturn: true
    rateLimit: 2
    jobs:
      - {name: sleep, desc: long, args: {seconds: 60}, timeout: 5m, retry: {attempts: 2, delay: 1s}}
      - {name: sleep, desc: also long, args: {seconds: 60}}
  - desc: later
    hold: true
    jobs:
      - {name: sleep, args: {seconds: 1}}
"""


@pytest.fixture
def held(wf: Wf, tmp_path: Path) -> Iterator[str]:
    """A workflow that waits for a go; it is cancelled in the end."""
    file = tmp_path / "held.yaml"
    file.write_text(HELD)
    identifier: str = wf.json("submit", str(file))["id"]
    wf("exec", identifier)
    until(wf, identifier, "STATUS_HELD")
    yield identifier
    if wf.json("list", "--text", identifier)[0]["status"] not in ("STATUS_CANCELLED", "STATUS_CANCELLING"):
        wf("cancel", identifier, "--reason", "the test is over")


def until(wf: Wf, identifier: str, status: str) -> None:
    ends = time.monotonic() + 30
    while wf.json("list", "--text", identifier)[0]["status"] != status:
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_a_go_names_its_targets_and_a_cancel_leaves_a_receipt(wf: Wf, held: str, tmp_path: Path) -> None:
    told = wf("release", held, "0", "--reason", "looked twice", ends=2).stderr
    assert "point of no return: confirm it with 'Maintenance'" in told
    assert "not held before block 1" in wf("release", held, "1", ends=7).stderr
    assert "running" in wf("release", held, "0", "--confirm", "Maintenance", "--reason", "looked").stdout
    assert wf("receipt", held, ends=7).stderr.startswith("wf: nobody stopped or cancelled")
    wf("cancel", held, "--reason", "wrong site")
    out = tmp_path / "receipt.json"
    receipt = wf("receipt", held, "--wait", "--output", str(out)).stdout
    assert re.search(r"2 +interrupted", receipt)
    assert re.search(r"1 +never started", receipt)
    assert "wrong site" in receipt
    kept = json.loads(out.read_text())
    assert kept["fates"] == [["interrupted", "interrupted"], ["never started"]]
    assert kept["order"] == "STATUS_CANCELLED"
    until(wf, held, "STATUS_CANCELLED")


def test_pause_and_resume_say_how_it_stands(wf: Wf, held: str) -> None:
    assert "paused" in wf("pause", held, "--reason", "lunch").stdout
    assert "already" in wf("pause", held, "--reason", "lunch", ends=7).stderr
    result = wf("resume", held, "00000000-0000-0000-0000-000000000000", "--reason", "back", ends=7)
    assert "held" in result.stdout
    assert "there is no workflow" in result.stderr
    assert "--reason" in wf("pause", held, ends=2).stderr


def test_resolve_wants_a_place_and_an_unknown_outcome(wf: Wf, held: str) -> None:
    assert "expected BLOCK/JOB" in wf("resolve", held, "0", "done", "--reason", "x", ends=2).stderr
    assert (
        "not unknown: it is not started" in wf("resolve", held, "0/1", "done", "--reason", "x", ends=7).stderr
    )
    assert "has no job 7" in wf("resolve", held, "0/7", "done", "--reason", "x", ends=7).stderr


def test_the_history_tells_who_and_why(wf: Wf, held: str) -> None:
    wf("pause", held, "--reason", "lunch")
    told = wf("history", held, "--operator", "ann").stdout
    assert re.search(r"workflow +‖ paused +by .*: lunch", told)
    lines = [json.loads(line) for line in wf("history", held, "--json").stdout.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert [line["status"] for line in lines] == ["running", "held", "paused"]
    assert lines[-1]["reason"] == "lunch"


def test_a_status_of_the_past(wf: Wf, held: str) -> None:
    wf("pause", held, "--reason", "lunch")
    assert json.loads(wf("status", held, "--json", "--at", "1").stdout)["status"] == "STATUS_RUNNING"
    assert json.loads(wf("status", held, "--json", "--at", "2").stdout)["status"] == "STATUS_HELD"
    assert json.loads(wf("status", held, "--json", "--at", "99").stdout)["status"] == "STATUS_PAUSED"
    assert "goes with --json" in wf("status", held, "--at", "1", ends=2).stderr


def test_a_copy_and_a_rerun_are_new_workreqs_with_lineage(wf: Wf) -> None:
    first = wf.submit()
    copy = wf("clone", first).stdout.strip()
    assert wf.json("list", "--text", copy)[0]["lineage"] == {"kind": "clone", "workflowId": first}
    assert "what failed is known when it has ended" in wf("rerun", first, "--failed-only", ends=7).stderr
    wf("cancel", first, "--reason", "to rerun it")
    again = wf("rerun", first, "--failed-only", "--no-exec").stdout.strip()
    assert wf.json("list", "--text", again)[0]["lineage"] == {"kind": "rerun", "workflowId": first}
    assert wf("get", again).stdout == wf("get", first).stdout


def test_a_job_tells_its_attempts(wf: Wf, held: str) -> None:
    wf("release", held, "0", "--confirm", "Maintenance")
    until_begun(wf, held)
    story = wf.json("job", held, "0/0")
    assert len(story["attempts"]) == 1
    assert story["job"]["attempts"] == 1
    assert "attempt 1, begun" in wf("job", held, "0/0").stdout


def until_begun(wf: Wf, identifier: str) -> None:
    ends = time.monotonic() + 30
    while not wf.json("job", identifier, "0/0")["attempts"]:
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_options_come_back_as_they_were_written(wf: Wf, held: str) -> None:
    told = wf("get", held).stdout
    for part in (
        "maxFailures: '1'",
        "onFailure: stop",
        "pointOfNoReturn: true",
        "timeout: 5m",
        "attempts: 2",
    ):
        assert part in told or part.replace("'", '"') in told
