"""Connections to the servers of console.toml, and to the one that the console was started on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from wf_tui.gateway import Gateway, InvalidRequest, Server
from wf_tui.grpc_gateway import GrpcGateway
from wf_tui.readonly_gateway import ReadOnlyGateway
from wf_tui.settings import Profile, Settings


class GrpcServers:
    """Opens gateways, and closes those that are still open in the end. See `wf_tui.gateway.Servers`."""

    def __init__(self, known: Sequence[Server]) -> None:
        self._known = tuple(known)
        self._opened: list[Gateway] = []

    def known(self) -> tuple[Server, ...]:
        """Returns the servers that one can go to."""
        return self._known

    def open(self, server: Server) -> Gateway:
        """Returns a gateway to a server; it connects at the first call. Raises InvalidRequest."""
        kind = ReadOnlyGateway if server.read_only else GrpcGateway
        try:
            gateway = kind(
                server.address,
                ca=server.ca,
                cert=server.cert,
                key=server.key,
                token_file=server.token_file,
            )
        except ValueError as error:
            raise InvalidRequest(str(error)) from error
        self._opened.append(gateway)
        return gateway

    async def close(self) -> None:
        """Closes every gateway."""
        for gateway in self._opened:
            await gateway.close()


def server_of(name: str, profile: Profile, settings: Settings) -> Server:
    """A profile as a server; paths may begin with ~."""
    paths = (profile.ca, profile.cert, profile.key, profile.token_file)
    ca, cert, key, token_file = map(os.path.expanduser, paths)
    return Server(name, profile.address, profile.read_only or settings.read_only, ca, cert, key, token_file)


def known_servers(settings: Settings, started: Server) -> tuple[Server, ...]:
    """Returns the profiles by name, and the server of the command line where it is none of them."""
    profiles = [server_of(name, profile, settings) for name, profile in sorted(settings.profiles.items())]
    return tuple(profiles) if started in profiles else (started, *profiles)
