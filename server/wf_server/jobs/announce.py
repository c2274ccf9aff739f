"""announce: tells people, by a webhook, that a workflow has come so far."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.settings import AnnounceSettings

#: Of an answer, this much is told. Bytes.
_TOLD = 200


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would take the token to whatever place it names."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Announce(JobType):
    """POSTs a text as JSON to the address of `[jobs.announce]`, with a bearer token."""

    name = "announce"
    help = (
        'Posts a text to the webhook that server.toml names, as {"text": ...} with a bearer token. '
        "Fails where the webhook does not take it; after a crash it may be posted twice."
    )
    args = (
        Arg("text", ArgKind.TEXT, "What to announce.", example="the disks of aap are being erased"),
        Arg("token", ArgKind.SECRET, "The webhook's bearer token.", example="env:WF_SECRET_ANNOUNCE"),
    )
    recovery = Recovery.IDEMPOTENT

    def __init__(self, settings: AnnounceSettings) -> None:
        self._settings = settings
        # Nor does a proxy of the server's environment get the token.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects())

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Posts it."""
        if not self._settings.url:
            raise JobFailed("server.toml names no webhook: set url in [jobs.announce]")
        if not args["token"].isascii() or not args["token"].isprintable():
            raise JobFailed("the token is no line of ASCII text")
        status = await asyncio.to_thread(self._post, args["text"], args["token"])
        ctx.log(f"the webhook answered {status}")

    def _post(self, text: str, token: str) -> int:
        """Blocks, for at most some seconds."""
        request = urllib.request.Request(  # noqa: S310 - the settings take http and https only
            self._settings.url,
            json.dumps({"text": text}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
        )
        try:
            with self._opener.open(request, timeout=self._settings.seconds) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            told = error.read(_TOLD).decode(errors="replace")
            raise JobFailed(f"the webhook answered {error.code}: {told}") from None
        except OSError as error:
            raise JobFailed(f"the webhook cannot be reached: {getattr(error, 'reason', error)}") from None
