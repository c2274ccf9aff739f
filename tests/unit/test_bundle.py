"""Bundles: what the server writes verifies anywhere, and whatever is changed in one is found where it is."""

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.conftest import MakeEngine
from tests.unit.test_verify import work
from wf_server.engine.policy_log import PolicyLog
from wf_server.errors import NotFound
from wf_server.model import StopStatus
from wf_server.policy import PolicyBook
from wf_server.store.queries import load_queries
from wf_server.upkeep.bundle import bundle_lines
from wf_tui.bundle import verify
from wf_tui.cli.main import main

_SETTINGS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
async def database(make_engine: MakeEngine, tmp_path: Path) -> Path:
    """A database with workflows in all states; one of them was stopped while it ran."""
    engine = await make_engine()
    await PolicyLog(engine.store, engine.clock, PolicyBook).keep()
    await work(engine)
    await engine.stops.set("T", StopStatus.STOP, "ann", "smoke – €")
    await engine.until(lambda: not list(engine.executor.active()))
    await make_engine()
    return tmp_path / "wf.db"


def ids(database: Path) -> dict[str, str]:
    """A workflow's id for each status."""
    with closing(sqlite3.connect(database)) as reader:
        return {str(status): found for status, found in reader.execute("SELECT status, id FROM workflow")}


STOPPED = "10"


@pytest.fixture
def bundle(database: Path) -> bytes:
    """The bundle of the workflow that was stopped."""
    return b"".join(bundle_lines(database, ids(database)[STOPPED], "test", 7))


def parts(bundle: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bundle.splitlines()]


def test_every_workflows_bundle_verifies(database: Path) -> None:
    assert len(ids(database)) >= 4
    for workflow_id in ids(database).values():
        verdict = verify(b"".join(bundle_lines(database, workflow_id, "test", 7)))
        assert verdict.flaws == []
        assert verdict.told.startswith(f"workflow {workflow_id}: ")


def test_it_holds_all_there_is(bundle: bytes) -> None:
    names = [part["part"] for part in parts(bundle)]
    assert list(dict.fromkeys(names)) == [
        *("bundle", "row", "request", "policies", "history", "receipt", "audit", "end"),
    ]
    receipt = next(part for part in parts(bundle) if part["part"] == "receipt")
    assert (receipt["order"], receipt["operator"]) == ("stopped", "ann")
    assert receipt["reason"].endswith("smoke – €")
    assert sum(receipt["jobs"].values()) == 3
    acts = [json.loads(part["text"])["what"] for part in parts(bundle) if part["part"] == "audit"]
    assert acts == ["policies in force", "submit", "workflow ended"]


def test_there_is_none_of_what_is_not_there(database: Path) -> None:
    with pytest.raises(NotFound):
        list(bundle_lines(database, "nobody", "test", 7))


@_SETTINGS
@given(st.data())
def test_a_flipped_bit_anywhere_is_found_in_its_line(bundle: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(bundle) - 1))
    flipped = bytearray(bundle)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    (flaw,) = verify(bytes(flipped)).flaws
    assert flaw.line == bundle[:at].count(b"\n") + 1


def test_every_byte_counts(bundle: bytes) -> None:
    for at in range(0, len(bundle), 7):
        assert verify(bundle[:at] + bytes([bundle[at] ^ 1]) + bundle[at + 1 :]).flaws, at
    for at in range(0, len(bundle), 97):
        assert verify(bundle[:at]).flaws, at
    assert verify(bundle + b"x").flaws
    assert verify(bundle + b"\n").flaws
    assert verify(bundle + bundle).flaws


@_SETTINGS
@given(st.binary(max_size=300))
def test_nonsense_is_no_bundle_and_breaks_nothing(data: bytes) -> None:
    assert verify(data).flaws or not data


def chained(changed: list[dict[str, Any]]) -> bytes:
    """A bundle whose own hashes were all made anew, as whoever changes one would do."""
    head, lines = "", []
    for part in changed:
        rest = json.dumps(
            {k: v for k, v in part.items() if k != "hash"}, ensure_ascii=False, separators=(",", ":")
        )[1:].encode()
        head = hashlib.sha256(head.encode() + rest).hexdigest()
        lines.append(b'{"hash":"%s",%s\n' % (head.encode(), rest))
    return b"".join(lines)


def test_the_hashes_can_be_made_by_anybody(bundle: bytes) -> None:
    assert chained(parts(bundle)) == bundle


def _swap(name: str, key: str, old: str, new: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(found: list[dict[str, Any]]) -> None:
        part = next(part for part in found if part["part"] == name and old in str(part[key]))
        part[key] = type(part[key])(str(part[key]).replace(old, new, 1))

    return change


def _without(name: str) -> Callable[[list[dict[str, Any]]], None]:
    def change(found: list[dict[str, Any]]) -> None:
        found.remove(next(part for part in found if part["part"] == name))
        found[-1]["lines"] -= 1

    return change


def _receipt(found: list[dict[str, Any]]) -> None:
    receipt = next(part for part in found if part["part"] == "receipt")
    receipt["jobs"] = {"interrupted": 1, "never_started": 2}


FORGED: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str]] = {
    "the request": (_swap("request", "text", "wait", "fail"), "not what was sealed"),
    "the row": (_swap("row", "text", "tester", "eve"), "not what was sealed"),
    "a change": (_swap("history", "changes", "ann", "eve"), "not what was sealed"),
    "a seal": (_swap("history", "seal", "", "00"), "not what was sealed"),
    "a stretch": (_without("history"), "not what was sealed"),
    "an entry": (_swap("audit", "text", "tester", "eve"), "of the audit is not what was written"),
    "the policies": (_swap("policies", "text", "{", "{ "), "not those that had that hash"),
    "the receipt": (_receipt, "the receipt is not what the history adds up to"),
    "no receipt": (_without("receipt"), "its receipt is missing"),
    "the workflow": (_swap("bundle", "workflow", "w", "v"), "is about another history"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forgery_with_hashes_made_anew_is_found_too(bundle: bytes, kind: str) -> None:
    change, expected = FORGED[kind]
    changed = parts(bundle)
    change(changed)
    flaws = [str(flaw) for flaw in verify(chained(changed)).flaws]
    assert any(expected in flaw for flaw in flaws), flaws


def export(database: Path) -> bytes:
    with closing(sqlite3.connect(database)) as reader:
        reader.row_factory = sqlite3.Row
        rows = reader.execute(load_queries("audit")["select_entries"], (0,)).fetchall()
    lines, previous = [], bytes(32)
    for row in rows:
        told = {key: row[key] for key in row.keys() if key != "hash"}  # noqa: SIM118 - a Row is no mapping
        text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        lines.append(f'{{"hash":"{row["hash"].hex()}","previous":"{previous.hex()}",{text[1:]}\n'.encode())
        previous = row["hash"]
    return b"".join(lines)


def test_an_export_verifies_whole_and_in_parts(database: Path) -> None:
    whole = export(database)
    verdict = verify(whole)
    n = whole.count(b"\n")
    assert verdict.flaws == []
    assert verdict.told.startswith(
        f"{n} entries of the audit, without gaps; the last one, {n}, has the hash "
    )
    lines = whole.splitlines(keepends=True)
    part = verify(b"".join([*lines[1:3], *lines[5:]]))
    assert (part.flaws, "in 2 stretches" in part.told) == ([], True)
    assert "comes after" in str(verify(b"".join([lines[2], lines[1]])).flaws[0])


@_SETTINGS
@given(st.data())
def test_a_flipped_bit_in_an_export_is_found_in_its_line(database: Path, data: st.DataObject) -> None:
    whole = export(database)
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    lines = [flaw.line for flaw in verify(bytes(flipped)).flaws]
    assert whole[:at].count(b"\n") + 1 in lines


def test_the_command_says_where(bundle: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.bundle"
    path.write_bytes(bundle)
    good = CliRunner().invoke(main, ["verify", str(path)])
    assert (good.exit_code, "it is what was written; workflow w" in good.output) == (0, True), good.output
    path.write_bytes(bundle.replace(b"tester", b"TESTER", 1))
    bad = CliRunner().invoke(main, ["verify", "--json", str(path)])
    assert bad.exit_code == 5
    told = json.loads(bad.stdout)
    assert (told["verifies"], [flaw["line"] for flaw in told["flaws"]]) == (False, [2])
