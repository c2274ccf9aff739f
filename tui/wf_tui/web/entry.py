"""`wf-tui --serve`: from the command line to a running web server."""

from __future__ import annotations

import importlib.util
import os
import secrets
import sys
from collections.abc import Sequence

import click

from wf_tui.web.place import BadPlace, Place

#: How a console is started that has a browser for its terminal.
_CONSOLE = (sys.executable, "-m", "wf_tui")


def is_served() -> bool:
    """Whether this process is a console whose terminal is a browser."""
    return os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver")


def check_place(text: str, *, exposed: bool) -> Place:
    """Returns where to serve. Raises BadPlace where that cannot be, or would let others in unasked."""
    if importlib.util.find_spec("textual_serve") is None:
        raise BadPlace("--serve needs textual-serve: install it with `pip install 'wf[web]'`")
    place = Place.parse(text)
    if not (place.is_loopback or exposed):
        raise BadPlace(
            f"other machines reach {place.text}, and whoever reads the console's traffic is its operator:"
            " there is no TLS; --serve-exposed serves there all the same"
        )
    return place


async def serve_console(place: Place, options: Sequence[str]) -> int:
    """Serves consoles that are started with these options until a signal ends it. Raises BadPlace."""
    from wf_tui.web.serving import serve

    token = secrets.token_urlsafe(24)
    with place.bind() as listener:
        port = listener.getsockname()[1]

        def ready() -> None:
            if not place.is_loopback:
                click.echo("wf-tui: whoever reads this traffic is the operator: no TLS", err=True)
            url = f"http://{Place(place.host, port).text}/?token={token}"
            click.echo(f"The console is at {url} (Ctrl-C ends it)")

        await serve(listener, [*_CONSOLE, *options], token, ready=ready)
    return 0
