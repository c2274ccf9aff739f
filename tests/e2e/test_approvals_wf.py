"""Approvals by `wf`, on a real server."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from tests.e2e.approvals import ApprovalServer, serving

NAP = """\
name: Maintenance
desc: a nap
blocks:
  - desc: nap
    pointOfNoReturn: true
    jobs: [{name: sleep, args: {seconds: 1}}]
"""


async def wf(server: ApprovalServer, who: str, *arguments: str, ends: int = 0) -> str:
    """Runs `wf` as somebody; returns what it printed."""
    proofs = {"WF_CA": str(server.tls / "ca.pem"), "WF_TOKEN_FILE": str(server.directory / who)}
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("wf")),
        *arguments,
        env={**os.environ, "WF_ADDRESS": server.address, "WF_SUBMIT_LOG": "/dev/null", **proofs},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == ends, out.decode()
    return out.decode()


async def test_others_agree_by_wf(tmp_path: Path) -> None:
    file = tmp_path / "nap.yaml"
    file.write_text(NAP)
    async with serving(tmp_path / "server", Count=2, Message="is it empty?") as server:
        workflow_id = json.loads(await wf(server, "ann", "--json", "submit", str(file)))["id"]
        told = await wf(server, "ann", "exec", workflow_id, ends=7)
        assert "awaits approval: 0 of 2 approvals, by anyone with the role approver" in told
        assert "you may" in await wf(server, "bob", "approvals")
        # Nobody approves unseen: without a terminal somebody has to say --yes, or name the digest.
        assert "nobody can be asked here" in await wf(server, "bob", "approve", workflow_id, ends=2)
        seen = await wf(server, "bob", "approve", workflow_id, "--yes", "--comment", "saw it")
        assert "Blast radius: 0 machines at 0 sites, 1 job" in seen
        assert "1 point of no return" in seen
        assert "is it empty?" in seen
        assert "1 of 2 approvals" in seen.splitlines()[-1]
        plan = json.loads(await wf(server, "carl", "--json", "approvals", workflow_id))
        assert [given["operator"] for given in plan["approvals"]] == ["bob"]
        assert "bob approved" in await wf(server, "carl", "approvals", workflow_id)
        done = await wf(server, "carl", "approve", workflow_id, "--digest", plan["digest"])
        assert f"approved by bob and carl; wf exec {workflow_id}" in done
        assert "awaiting approval" in await wf(server, "carl", "withdraw", workflow_id, "--reason", "oh")
        assert "withdrawn (oh)" in await wf(server, "bob", "approvals", workflow_id)
        ended = await wf(server, "dora", "reject", workflow_id, "--reason", "no")
        assert "cancelled" in ended
        assert "nothing waits for approval" in await wf(server, "bob", "approvals")
        assert "lacks the role approver" in await wf(
            server, "eve", "reject", workflow_id, "--reason", "no", ends=7
        )
