"""How `wf` ends when things go wrong around it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner, Result

from wf_tui import gateway
from wf_tui.cli import main
from wf_tui.cli.exits import Exit, exit_of_error, exit_of_status, exit_of_violations
from wf_tui.cli.session import Settings
from wf_tui.diskerase import CannotErase
from wf_tui.gateway import Gateway
from wf_tui.private_server import PrivateServerError
from wf_tui.state.models import Status, Violation
from wf_tui.submit_log import SubmitLog


class Failing:
    """A gateway on which everything fails in one way."""

    address = "here"

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self.closed = False

    def __getattr__(self, name: str) -> Callable[..., object]:
        async def fail(*args: object, **options: object) -> None:
            raise self._error

        return fail

    async def watch(self, workflow_id: str) -> AsyncIterator[object]:
        raise self._error
        yield

    async def close(self) -> None:
        self.closed = True


def wf(error: BaseException, *args: str) -> Result:
    failing = Failing(error)
    settings = Settings(connect=lambda _, __: cast("Gateway", failing))
    result = CliRunner().invoke(main, args, obj=settings, catch_exceptions=False)
    assert failing.closed
    return result


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (gateway.Refused("m", ()), 3),
        (gateway.EmergencyStopped("m", ()), 4),
        (gateway.Unreachable("m"), 6),
        (gateway.Overloaded("m"), 6),
        (gateway.NotFound("m"), 7),
        (gateway.AlreadyExecuted("m"), 7),
        (gateway.FailedPrecondition("m"), 7),
        (gateway.InvalidRequest("m"), 2),
        (gateway.ServerFault("m"), 1),
    ],
)
def test_every_error_of_the_gateway_has_its_code_and_words(error: Exception, code: int) -> None:
    result = wf(error, "stops")
    assert (result.exit_code, result.stderr) == (code, "wf: m\n")


def test_other_codes() -> None:
    assert exit_of_error(PrivateServerError("m")) is Exit.UNREACHABLE
    assert exit_of_error(CannotErase("m")) is Exit.IMPOSSIBLE
    assert exit_of_status(Status.COMPLETED) is Exit.OK
    assert exit_of_status(Status.STOPPED) is Exit.STOPPED
    assert {exit_of_status(status) for status in (Status.FAILED, Status.CANCELLED)} == {Exit.FAILED}
    assert exit_of_violations([]) is Exit.OK
    assert exit_of_violations([Violation("sameArgs", "m")]) is Exit.REJECTED
    assert exit_of_violations([Violation("emergencyStop", "m")]) is Exit.STOPPED


def test_what_the_server_says_cannot_reach_the_terminal() -> None:
    assert wf(gateway.NotFound("no\x1b[2J [red]such"), "stops").stderr == "wf: no [red]such\n"


def test_an_interrupt_says_that_the_workflow_goes_on() -> None:
    result = wf(KeyboardInterrupt(), "watch", "one")
    assert result.exit_code == 130
    assert "the workflow goes on; watch it again with: wf watch one" in result.stderr


def test_a_bug_is_one_line_and_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    result = wf(ZeroDivisionError("oops"), "stops")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "internal error: ZeroDivisionError: oops" in result.stderr
    assert "Traceback" in (tmp_path / "wf" / "wf-errors.log").read_text()


def test_a_demo_has_its_server_for_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    result = CliRunner().invoke(main, ["--demo", "sites", "--erasable"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "aap" in result.stdout
    assert not (tmp_path / "wf" / "demo" / "wf.sock").exists()


def test_a_demo_that_cannot_be_had_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    result = CliRunner().invoke(main, ["--demo", "stops"], catch_exceptions=False)
    assert result.exit_code == 6
    assert "cannot prepare" in result.stderr


def test_the_environment_names_server_and_log(tmp_path: Path) -> None:
    seen: list[Settings] = []

    def connect(settings: Settings, address: str) -> Gateway:
        seen.append(settings)
        return cast("Gateway", Failing(gateway.NotFound("m")))

    environment = {"WF_ADDRESS": "elsewhere:1", "WF_SUBMIT_LOG": str(tmp_path / "log")}
    CliRunner().invoke(main, ["stops", "--timeout", "3"], obj=Settings(connect=connect), env=environment)
    CliRunner().invoke(main, ["stops", "--address", "here:1"], obj=Settings(connect=connect), env=environment)
    assert (seen[0].address, seen[0].submit_log, seen[0].timeout) == ("elsewhere:1", tmp_path / "log", 3.0)
    assert seen[1].address == "here:1"


def test_the_submit_log_stays_one_line_for_each(tmp_path: Path) -> None:
    log = SubmitLog(tmp_path / "deep" / "log")
    assert log.note("one", "name\nwith\tbreaks", "here") == ""
    assert log.note("two", "name", "here") == ""
    lines = log.path.read_text().splitlines()
    assert [line.split("\t")[1:] for line in lines] == [
        ["one", "name with breaks", "here"],
        ["two", "name", "here"],
    ]
