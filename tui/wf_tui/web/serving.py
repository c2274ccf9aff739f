"""Serves the console to browsers through textual-serve: every page gets a console process of its own.

Who has the page's address is the operator: it holds a token, because other users of this machine reach the
port too. A browser is let in only from a page that was served here as well, so that no other web site
that the operator visits can press keys in the console.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import shlex
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

from wf_tui.web.place import is_loopback

_log = logging.getLogger(__name__)

_PAGE = Path(__file__).parent
#: Seconds that a console has to end in order; then it is killed.
_END_SECONDS = 5.0
#: Cells; no window is larger.
_LARGEST = 1000
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(
    listener: socket.socket, command: Sequence[str], token: str, *, ready: Callable[[], None]
) -> None:
    """Serves until SIGINT or SIGTERM, then ends every console and returns.

    `command` is what a console is started with, word by word; `ready` is called once browsers can come.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console = WebConsole(command, listener.getsockname()[0], token)
    runner = web.AppRunner(
        await console.application(), access_log=None, shutdown_timeout=2 * _END_SECONDS, handle_signals=False
    )
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        ready()
        await stop.wait()
    finally:
        await runner.cleanup()


class WebConsole(Server):
    """The page, and behind its socket a console; `host` is the address that it listens on.

    Whoever does not have the token gets nothing but the page's pictures and letters.
    """

    def __init__(self, command: Sequence[str], host: str, token: str) -> None:
        # One process per console: the shell that textual-serve starts becomes it.
        super().__init__(f"exec {shlex.join(command)}", host=host, title="wf")
        self._only_here = is_loopback(host)
        self._token = token
        self._sockets: set[web.WebSocketResponse] = set()

    async def application(self) -> web.Application:
        """Returns the web application."""
        app = await self._make_app()
        for name in ("page.css", "page.js"):
            app.router.add_get(f"/{name}", _file(name))
        app.router.add_get("/ws/{token}", self.handle_websocket)
        app.middlewares.append(self._guard)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Says nothing: `ready` has the word."""

    async def on_shutdown(self, app: web.Application) -> None:
        """Takes leave of every browser; each handler then ends its console."""
        closings = (socket.close(code=WSCloseCode.GOING_AWAY) for socket in tuple(self._sockets))
        await asyncio.gather(*closings, return_exceptions=True)

    async def handle_index(self, request: web.Request) -> web.StreamResponse:
        """Answers with the page."""
        return web.FileResponse(_PAGE / "page.html")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Runs a console for as long as the page is open."""
        websocket = web.WebSocketResponse(heartbeat=15, timeout=2)
        await websocket.prepare(request)
        self._sockets.add(websocket)
        session = _Session(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=_closing(websocket),
            download_manager=self.download_manager,
        )
        try:
            await session.start(
                _cells(request.query.get("width"), 80), _cells(request.query.get("height"), 24)
            )
            await self._process_messages(websocket, session)
        except (ValueError, AssertionError, LookupError, TypeError, AttributeError) as error:
            _log.warning("a browser sent what no page of ours does: %r", error)
            await websocket.close(code=WSCloseCode.PROTOCOL_ERROR)
        finally:
            await session.stop()
            self._sockets.discard(websocket)
        return websocket

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Turns away what another web site has the browser do, by its origin or under a name of its own."""
        host = request.headers.get("Host", "")
        if self._only_here and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            raise web.HTTPForbidden(text=f"wf-tui serves this machine alone, not {host!r}\n")
        opens = request.path.startswith("/ws")
        token = request.match_info.get("token", "") if opens else request.query.get("token", "")
        if (opens or request.path == "/") and not self._is_known(token):
            raise web.HTTPForbidden(text="the address that wf-tui printed ends in a token: open that one\n")
        if opens and urlsplit(request.headers.get("Origin", "")).netloc != host:
            raise web.HTTPForbidden(text="the console opens from its own page only\n")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    def _is_known(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(errors="replace"), self._token.encode())


class _Session(AppService):
    """A console process behind one browser page."""

    async def run(self) -> None:
        """Passes on what it paints; when it has ended, however that was, the page says so."""
        await super().run()
        await self.remote_close()

    async def on_data(self, payload: bytes) -> None:
        """Paints; once the page is closed, what still comes is read all the same, so that nothing blocks."""
        with suppress(ConnectionResetError):
            await super().on_data(payload)

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tells the console its size in cells."""
        await super().set_terminal_size(_cells(width, 80), _cells(height, 24))

    async def stop(self) -> None:
        """Ends the console, by force where it does not end in time."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                await super().stop()
                if self._process is not None:
                    await self._process.wait()
        except TimeoutError:
            _log.warning("a console did not end within %g s and was killed", _END_SECONDS)
            assert self._process is not None
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


def _closing(websocket: web.WebSocketResponse) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        await websocket.close()

    return close


def _cells(asked: Any, otherwise: int) -> int:
    """Returns a width or height that a console can have."""
    try:
        return min(max(int(asked), 1), _LARGEST)
    except (TypeError, ValueError, OverflowError):
        return otherwise


def _file(name: str) -> _Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE / name)

    return answer
