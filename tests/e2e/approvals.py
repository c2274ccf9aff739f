"""A secured server whose policies ask for approvals, and the people who give them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import wf_proto as pb
from tests.e2e.requests import until
from tests.e2e.secured import SecuredServer, known
from wf_proto.client import Client
from wf_server.model.caller import Grant, Role

TYPE = "Maintenance"
#: Everyone may submit; the submitter is one of the approvers, which must not help.
PEOPLE = {
    "ann": [Grant(Role.OPERATOR), Grant(Role.APPROVER)],
    "bob": [Grant(Role.APPROVER)],
    "carl": [Grant(Role.APPROVER), Grant(Role.OPERATOR)],
    "dora": [Grant(Role.APPROVER, TYPE)],
    "eve": [Grant(Role.OPERATOR)],
    "mia": [Grant(Role.APPROVER)],
}
#: They can show a certificate too.
BY_CERTIFICATE = ("ann", "bob")
PATIENCE = 20


class ApprovalServer(SecuredServer):
    """Naps of type Maintenance need approvals; `people` have a client each once it runs."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        super().__init__(directory, BY_CERTIFICATE)
        self.settings = settings
        self.people: dict[str, Client] = {}

    async def init(self) -> None:
        """Writes the policies and the operators too."""
        await super().init()
        self.write_policies(**self.settings)
        for name, grants in PEOPLE.items():
            self.add(name, grants)

    def write_policies(
        self, *, more: dict[str, Any] | None = None, level: str = "deny", **settings: Any
    ) -> None:
        """Puts other policies in place of those in force."""
        asked = {"Name": "requireApproval", "Level": level, "Settings": settings}
        jobs = {"Name": "restrictJobTypes", "Settings": {"AllowedJobs": ["sleep"], **(more or {})}}
        path = self.configs / "policies.json"
        path.with_suffix(".new").write_text(json.dumps({"Name": TYPE, "Policies": [jobs, asked]}))
        path.with_suffix(".new").replace(path)

    def demote(self, name: str, *grants: Grant) -> None:
        """Leaves an operator these grants."""
        table = self.table()
        table.put_operator(name, grants, "test", 0)
        table.close()

    def __getitem__(self, name: str) -> Client:
        return self.people[name]


@asynccontextmanager
async def serving(directory: Path, **settings: Any) -> AsyncIterator[ApprovalServer]:
    """A running server, and a client for everyone."""
    async with ApprovalServer(directory, **settings) as server, connected(server):
        yield server


@asynccontextmanager
async def connected(server: ApprovalServer) -> AsyncIterator[None]:
    """Clients for everyone, by their tokens."""
    async with AsyncExitStack() as stack:
        for name in PEOPLE:
            server.people[name] = await stack.enter_async_context(server.client(name))
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(known(client) for client in server.people.values()))
        yield


async def agree(client: Client, workflow_id: str, comment: str = "") -> pb.WorkflowSummary:
    """Looks at a plan, and approves what was seen."""
    plan = await client.get_approval(workflow_id)
    return await client.approve(workflow_id, plan.digest, comment)


async def becomes(client: Client, workflow_id: str, status: int) -> pb.WorkflowSummary:
    """Waits until a workflow has a status."""

    async def there() -> bool:
        return (await client.get(workflow_id)).summary.status == status

    await until(there, PATIENCE)
    return (await client.get(workflow_id)).summary
