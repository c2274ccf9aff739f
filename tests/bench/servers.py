"""The server that is measured: plaintext on loopback, or with TLS and callers who prove who they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.secured import SecuredServer
from tests.e2e.server_process import ServerProcess

#: `python -m tests.bench --tls` puts SecuredServer here.
kind: Callable[..., Any] = ServerProcess


def secure() -> None:
    """Measures with TLS, and a token with every call, from now on."""
    global kind  # noqa: PLW0603 - one choice for the whole program
    kind = SecuredServer


def plain() -> None:
    """Measures without, from now on."""
    global kind  # noqa: PLW0603 - one choice for the whole program
    kind = ServerProcess
