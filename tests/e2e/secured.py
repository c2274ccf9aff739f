"""A real server on loopback that asks who calls, over TLS, and what it takes to call it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from tests.e2e.server_process import PATIENCE, ServerProcess
from wf_proto.client import Client
from wf_proto.credentials import Credentials
from wf_proto.errors import PermissionDenied, Unauthenticated
from wf_server.cli.certs import make_certificates
from wf_server.model.caller import Grant, Role
from wf_server.store import Store
from wf_server.store.operators import OperatorTable

_TOML = """
[tls]
certificate = "{tls}/server.pem"
key = "{tls}/server.key"
client_ca = "{tls}/ca.pem"
[access]
required = true
"""
#: Microseconds.
HOUR_US = 3_600_000_000


class SecuredServer(ServerProcess):
    """The operator `root` is its admin; `clients` get certificates."""

    def __init__(self, directory: Path, clients: Iterable[str] = (), *, erase_seconds: float = 0.05) -> None:
        super().__init__(directory, erase_seconds=erase_seconds)
        self.tls = directory / "tls"
        self._clients = tuple(clients)

    async def init(self) -> None:
        """Writes the sample files, the certificates, the settings that ask for them, and an admin."""
        await super().init()
        make_certificates(self.tls, ("127.0.0.1",), self._clients, 10)
        with (self.configs / "server.toml").open("a") as file:
            file.write(_TOML.format(tls=self.tls))
        store = await Store.open(self.database)
        await store.close()
        self.add("root", [Grant(Role.ADMIN)])

    def table(self) -> OperatorTable:
        """The table of operators, as `wf-server operator` opens it."""
        return OperatorTable(self.database)

    def add(self, name: str, grants: Iterable[Grant], expires_us: int = HOUR_US) -> str:
        """Adds an operator; returns the token, which is in a file of the operator's name too."""
        table, now = self.table(), now_us()
        table.put_operator(name, grants, "test", now)
        token = table.add_token(name, now + expires_us, "test", now)
        table.close()
        (self.directory / name).write_text(token)
        return token

    def credentials(self, name: str = "root") -> Credentials:
        """An operator's token, over TLS."""
        return Credentials(ca=str(self.tls / "ca.pem"), token_file=str(self.directory / name))

    def certificate(self, name: str, directory: Path | None = None) -> Credentials:
        """An operator's certificate."""
        where = directory or self.tls
        return Credentials(str(self.tls / "ca.pem"), str(where / f"{name}.pem"), str(where / f"{name}.key"))

    def client(self, operator: str = "root", timeout: float = PATIENCE) -> Client:
        """A client with the operator's token."""
        return Client(self.address, credentials=self.credentials(operator), timeout=timeout)


def now_us() -> int:
    """The wall time, in microseconds since 1970-01-01 UTC."""
    return int(time.time() * 1_000_000)


async def known(client: Client) -> None:
    """Waits until the server has heard of the operator."""
    while True:
        try:
            await client.list()
        except (Unauthenticated, PermissionDenied):
            await asyncio.sleep(0.02)
        else:
            return
