"""TLS for the server: its certificate, the authority of its clients, and both anew when the files change."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import structlog

from wf_server.errors import ConfigError

log = structlog.get_logger(__name__)


class ServerTls:
    """Serves each new connection with the files as they are now; broken ones leave the last good in force."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None) -> None:
        """Reads the files. Raises ConfigError."""
        self._paths = (certificate, key, client_ca)
        self._current = _context(*self._paths)
        #: What connections begin with; each goes over to the newest at its first message.
        self.front = _context(*self._paths)
        self.front.sni_callback = self._switch
        #: What is wrong with the newest files; empty: nothing.
        self.problem = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """What is read."""
        return tuple(path for path in self._paths if path is not None)

    async def reload(self) -> None:
        """Takes the files as they are now, where they are whole and fit together."""
        try:
            self._current = await asyncio.to_thread(_context, *self._paths)
        except ConfigError as error:
            self.problem = f"{error}; the certificates from before stay in force"
            log.error("certificates not taken", reason=str(error))
        else:
            self.problem = ""
            log.info("certificates read anew")

    def _switch(self, connection: Any, name: str | None, front: ssl.SSLContext) -> None:
        connection.context = self._current


def _context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    for path in filter(None, (certificate, key, client_ca)):
        try:
            path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        # A key with a pass phrase would be asked for on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: "")
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        told = f"{certificate} and {key} are no certificate and its key in PEM without a pass phrase"
        raise ConfigError(f"{told}: {reason}") from None
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except (ssl.SSLError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise ConfigError(f"{client_ca}: no certificate of an authority in PEM: {reason}") from None
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
