"""`wf` against a real server: what it prints, and what it ends with."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from wf_tui.cli import main
from wf_tui.cli.session import Settings

FILE = """\
name: Maintenance
desc: "naps [bold]\\e[31m"
blocks:
  - desc: naps
    rateLimit: 2
    jobs:
      - {name: sleep, desc: short, args: {seconds: 1}}
      - {name: sleep, desc: also short, args: {seconds: 1}}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("server")
    server = (sys.executable, "-m", "wf_server")
    subprocess.run([*server, "init", str(home), "--demo"], check=True, stdout=subprocess.DEVNULL)
    warned = {"Name": "maxJobs", "Level": "warn", "Settings": {"WorkReq": 1}}
    with (home / "configs" / "policies.json").open("a") as policies:
        json.dump({"Name": "Warned", "Policies": [warned]}, policies)
    with (home / "configs" / "es.json").open("a") as stops:
        json.dump({"Name": "Warned", "Status": "go"}, stops)
    with tempfile.TemporaryDirectory(prefix="wf-") as short, (home / "log").open("w") as log:
        socket = Path(short) / "s"
        flags = ["--listen", f"unix:{socket}", "--configs", str(home / "configs")]
        flags += ["--data", str(home / "data"), "--db", str(home / "wf.db")]
        child = subprocess.Popen([*server, *flags], stdout=log, stderr=log)
        try:
            while not socket.exists() and child.poll() is None:
                time.sleep(0.02)
            assert child.poll() is None, (home / "log").read_text()
            yield f"unix:{socket}"
        finally:
            child.terminate()
            child.wait()


class Wf:
    """Runs `wf` in this process."""

    def __init__(self, address: str, tmp_path: Path) -> None:
        self.address = address
        self.log = tmp_path / "state" / "submit.log"
        self.file = tmp_path / "naps.yaml"
        self.file.write_text(FILE)
        self.bad = tmp_path / "bad.yaml"
        self.bad.write_text(FILE.replace("seconds: 1}", "second: 1}"))

    def __call__(self, *args: str, typed: str | None = None, ends: int = 0, stdin: str = "") -> Result:
        settings = Settings(self.address, submit_log=self.log, interactive=typed is not None)
        given = stdin if typed is None else f"{typed}\n"
        result = CliRunner().invoke(main, args, obj=settings, input=given, catch_exceptions=False)
        assert result.exit_code == ends, result.output
        return result

    def json(self, *args: str, ends: int = 0) -> Any:
        return json.loads(self(*args, "--json", ends=ends).stdout)

    def submit(self) -> str:
        identifier: str = self.json("submit", str(self.file))["id"]
        return identifier


@pytest.fixture
def wf(address: str, tmp_path: Path) -> Wf:
    return Wf(address, tmp_path)


def test_check_says_yes_or_why_not(wf: Wf) -> None:
    assert "would be accepted" in wf("check", str(wf.file)).stdout
    told = wf("check", str(wf.bad), ends=3).stderr
    assert "block 0, job 0, argument second: " in told
    assert "expected seconds" in told
    assert "block 0, job 1, argument seconds: " in told
    verdict = wf.json("check", str(wf.bad), ends=3)
    assert verdict["accepted"] is False
    assert {(v["block"], v["job"], v["arg"]) for v in verdict["violations"]} >= {(0, 0, "second")}


def test_warnings_pass_once_they_are_acknowledged(wf: Wf) -> None:
    wf.file.write_text(FILE.replace("Maintenance", "Warned"))
    file = str(wf.file)
    told = wf("check", file, ends=3).stderr
    assert "rule     maxJobs, warn" in told
    assert "only warnings; it would be accepted with --acknowledge maxJobs" in told
    verdict = wf.json("check", file, ends=3)
    assert (verdict["accepted"], verdict["acknowledge"]) == (False, ["maxJobs"])
    assert verdict["violations"][0]["level"] == "warn"
    assert "only warnings; to go on all the same: --acknowledge maxJobs" in wf("submit", file, ends=3).stderr
    assert "there is no policy" in wf("submit", file, "--acknowledge", "maxjobs", ends=2).stderr

    passed = wf("check", file, "--acknowledge", "maxJobs")
    assert "would be accepted" in passed.stdout
    assert "rule     maxJobs, warn" in passed.stderr
    verdict = wf.json("check", file, "--acknowledge", "maxJobs")
    assert (verdict["accepted"], verdict["acknowledge"]) == (True, [])
    identifier = wf("submit", file, "--acknowledge", "maxJobs").stdout.strip()
    wf("clone", identifier, ends=3)
    assert wf("clone", identifier, "--acknowledge", "maxJobs").stdout.strip()
    assert "maxJobs, warn" in wf("policies").stdout


def test_check_reads_standard_input(wf: Wf) -> None:
    assert "would be accepted" in wf("check", "-", stdin=FILE).stdout


def test_a_refused_submit_tells_every_violation_and_its_id(wf: Wf) -> None:
    result = wf("submit", str(wf.bad), ends=3)
    assert result.stderr.startswith("wf: refused:\n")
    assert result.stderr.count("rule     validation") >= 4
    assert "kept as rejection " in result.stderr
    assert result.stdout == ""
    assert wf.json("submit", str(wf.bad), ends=3)["rejectionId"]


def test_submit_prints_the_id_alone_and_notes_it(wf: Wf) -> None:
    identifier = wf("submit", str(wf.file)).stdout.strip()
    moment, noted, name, server = wf.log.read_text().strip().split("\t")
    assert (noted, name, server) == (identifier, "Maintenance", wf.address)
    assert moment.endswith("Z")


def test_an_id_that_cannot_be_noted_is_printed_all_the_same(wf: Wf, tmp_path: Path) -> None:
    wf.log = wf.file / "log"
    result = wf("submit", str(wf.file))
    assert result.stdout.strip()
    assert "cannot note the id" in result.stderr


def test_run_follows_to_the_end_line_by_line(wf: Wf) -> None:
    lines = wf("run", str(wf.file)).stdout.splitlines()
    assert lines[0].startswith("submitted as ")
    assert any(line.endswith("also short: ✓ completed") for line in lines)
    assert any("2 of 2 jobs completed" in line for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_run_in_json_is_a_line_for_every_event(wf: Wf) -> None:
    events = [json.loads(line) for line in wf("run", str(wf.file), "--json").stdout.splitlines()]
    assert [event["event"] for event in events[:2]] == ["submitted", "snapshot"]
    assert events[0]["id"] == events[1]["summary"]["id"]
    assert events[-1]["event"] == "end"
    assert events[-1]["summary"]["status"] == "STATUS_COMPLETED"
    changes = [event for event in events if event["event"] == "change"]
    assert {"event", "seq", "status", "time"} <= set(changes[0])
    # A change that came before the snapshot is told by the snapshot.
    assert [change["seq"] for change in changes] == sorted({change["seq"] for change in changes})


def test_exec_happens_once(wf: Wf) -> None:
    identifier = wf.submit()
    assert "is executing" in wf("exec", identifier).stdout
    assert "was executed before" in wf("exec", identifier, ends=7).stderr
    wf("watch", identifier)
    assert "✓ completed" in wf("status", identifier).stdout


def test_status_paints_what_came_from_outside_as_text(wf: Wf) -> None:
    shown = wf("status", wf.submit()).stdout
    assert "○ not started" in shown
    assert "naps [bold]" in shown
    assert "\x1b" not in shown


def test_status_in_json_is_proto_json(wf: Wf) -> None:
    identifier = wf.submit()
    status = wf.json("status", identifier)
    assert (status["id"], status["status"]) == (identifier, "STATUS_NOT_STARTED")
    assert status["blocks"][0]["jobs"][0]["args"] == {"seconds": "1"}
    for name in ("protoStatus", "statusProto"):
        assert json.loads(wf(name, identifier).stdout)["id"] == identifier


def test_list_finds_by_text_and_status(wf: Wf) -> None:
    identifier = wf.submit()
    assert identifier in wf("list").stdout
    [found] = wf.json("list", "--text", identifier, "--status", "not-started")
    assert (found["id"], found["status"], found["jobs"]["total"]) == (identifier, "STATUS_NOT_STARTED", 2)
    assert wf.json("list", "--text", identifier, "--status", "failed") == []
    assert "no workflows" in wf("list", "--text", "nothing like it").stdout
    assert len(wf.json("list", "--limit", "1")) == 1


def test_get_gives_a_file_that_can_be_submitted_again(wf: Wf, tmp_path: Path) -> None:
    identifier = wf.submit()
    for output in ("yaml", "json"):
        again = tmp_path / f"again.{output}"
        again.write_text(wf("get", identifier, "-o", output).stdout)
        assert "would be accepted" in wf("check", str(again)).stdout


def test_what_is_not_there_is_not_possible(wf: Wf) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for command in ("status", "watch", "exec", "get"):
        assert unknown in wf(command, unknown, ends=7).stderr
    assert wf.json("status", unknown, ends=7)["exit"] == 7


def test_a_stop_refuses_and_a_release_needs_its_name(wf: Wf) -> None:
    assert "Maintenance: ■ STOP" in wf("stop", "Maintenance", "--reason", "a drill").stdout
    try:
        assert "a drill" in wf("stops").stdout
        assert "refused by an emergency stop" in wf("submit", str(wf.file), ends=4).stderr
        wf("check", str(wf.file), ends=4)
        assert "give --yes" in wf("go", "Maintenance", "--reason", "over", ends=2).output
        assert "not confirmed" in wf("go", "Maintenance", "--reason", "over", typed="yes", ends=2).output
        entries = {entry["name"]: entry for entry in wf.json("stops")["stops"]}
        assert entries["Maintenance"]["engaged"] is True
    finally:
        wf("go", "Maintenance", "--reason", "over", typed="Maintenance")
    wf("check", str(wf.file))


def test_the_catalogue(wf: Wf) -> None:
    assert "seconds (mandatory, integer, at least 1)" in wf("jobs").stdout
    assert "AllowedJobs" in wf("policies").stdout
    assert "diskEraseSatellite" in wf("buckets").stdout
    assert [site["name"] for site in wf.json("sites", "--erasable")] == ["aap", "adg", "adv"]
    assert "is a cluster" in wf("sites").stdout
    for command in ("jobs", "policies", "buckets", "stops"):
        assert wf.json(command)


@pytest.mark.parametrize(
    ("site", "why"),
    [("zzz", "there is no site zzz"), ("aab", "is a cluster"), ("aaa", "is inService")],
)
def test_a_site_that_cannot_be_erased(wf: Wf, site: str, why: str) -> None:
    assert why in wf("erase-satellite", site, "--yes", ends=7).stderr


def test_an_erasure_shows_its_plan_and_wants_the_sites_name(wf: Wf) -> None:
    before = len(wf.json("list", "--limit", "1000"))
    shown = wf("erase-satellite", "aap", typed="no", ends=2)
    assert "disk erase machines aa00-aa04" in shown.stdout
    assert "pause between blocks: 60 s" in shown.stdout
    assert "not confirmed: nothing was done" in shown.stderr
    assert len(wf.json("list", "--limit", "1000")) == before


def test_usage_errors_are_2(wf: Wf, tmp_path: Path) -> None:
    wf("nonsense", ends=2)
    wf("go", "Maintenance", ends=2)
    assert "cannot be read" in wf("check", str(tmp_path / "none"), ends=2).stderr
    assert "no host or no port" in wf("--address", "nowhere", "stops", ends=2).stderr


def test_an_unreachable_server_is_6_and_the_options_stand_anywhere(wf: Wf, tmp_path: Path) -> None:
    nowhere = f"unix:{tmp_path}/none"
    for args in (["--address", nowhere, "stops"], ["stops", "--address", nowhere]):
        assert f"cannot connect to {nowhere}" in wf(*args, ends=6).stderr


def test_help_documents_the_exit_codes() -> None:
    shown = CliRunner().invoke(main, ["-h"]).output
    for code in ("0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "130"):
        assert f"\n    {code}" in shown
    assert "eraseSatellite" not in shown
    assert CliRunner().invoke(main, ["--version"]).output.startswith("wf, version ")


def test_a_reader_that_leaves_early_hears_nothing(wf: Wf) -> None:
    command = (
        f"'{sys.executable}' -c 'from wf_tui.cli import main; main()' --address {wf.address} sites | head -1"
    )
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("site")
    assert done.stderr == ""


def test_a_terminal_of_an_old_locale_gets_question_marks(wf: Wf) -> None:
    command = (sys.executable, "-c", "from wf_tui.cli import main; main()", "--address", wf.address, "stops")
    environment = {"PYTHONIOENCODING": "ascii", "PATH": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert re.search("Maintenance +[?] go", done.stdout)
