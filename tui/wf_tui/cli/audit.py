"""audit: who did what, from where, why, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import Seconds, command
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import utc_now
from wf_tui.state.audit import AuditEntry, AuditPage, AuditQuery
from wf_tui.state.format import count
from wf_tui.state.text import clean

_PAGE = 1_000
#: Entries shown to people who do not say how many.
_SHOWN = 100
_STYLES = {"done": "green", "completed": "green", "refused": "yellow", "failed": "bold red"}


async def _newest(session: Session, query: AuditQuery, many: int) -> tuple[list[AuditEntry], AuditPage]:
    """The newest entries, in the order in which they were written, and the page that told of the head."""
    page = await session.gateway.audit(query, limit=min(many, _PAGE))
    first, found = page, list(page.entries)
    while page.next and len(found) < many:
        page = await session.gateway.audit(query, before=page.next, limit=min(many - len(found), _PAGE))
        found += page.entries
    return found[::-1], first


async def _all(session: Session, query: AuditQuery, after: int) -> AsyncIterator[AuditPage]:
    while True:
        page = await session.gateway.audit(query, after=after, oldest_first=True, limit=_PAGE)
        yield page
        if not page.next:
            return
        after = page.next


def _say(session: Session, entry: AuditEntry) -> None:
    if session.terminal.as_json:
        session.terminal.raw(entry.line)
        return
    about = " ".join(part for part in (entry.workflow_type, entry.target) if part)
    times = f" ({entry.times} times)" if entry.times > 1 else ""
    told = ": ".join(part for part in (entry.why, entry.told) if part)
    line = Text(f"{entry.seq:>6}  {entry.time.astimezone():%Y-%m-%d %H:%M:%S}  ")
    line.append(f"{clean(entry.what)} ", style="bold")
    line.append(clean(entry.outcome), style=_STYLES.get(entry.outcome, ""))
    line.append(f"{times}  by {clean(entry.who) or 'nobody known'} ({clean(entry.source)})  {clean(about)}")
    line.append(f"  {clean(told)}")
    session.terminal.say_on_one_line(line)


def _tell_head(session: Session, page: AuditPage) -> None:
    session.terminal.note(f"the newest entry is {page.head_seq}, with the hash {page.head_hash}")


def add_to(group: click.Group) -> None:
    """Adds the command to `wf`."""

    @command(group, "audit")
    @click.option("--text", default="", metavar="TEXT", help="Only what has this anywhere.")
    @click.option("--who", default="", metavar="NAME", help="Only what this operator did.")
    @click.option(
        "--what", default="", metavar="ACT", help='Only such acts: submit, cancel, "stop engaged"...'
    )
    @click.option("--outcome", default="", metavar="WORD", help="done, refused, failed, or how it ended.")
    @click.option("--about", default="", metavar="ID|NAME", help="Only what is about this.")
    @click.option("--since", type=Seconds(), metavar="DURATION", help="Only of the last 90s, 30m, 2h, 1d.")
    @click.option("--after", type=click.IntRange(min=0), metavar="N", help="Only what follows entry N.")
    @click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
    async def audit(
        session: Session,
        text: str,
        who: str,
        what: str,
        outcome: str,
        about: str,
        since: float | None,
        after: int | None,
        last: int | None,
    ) -> int:
        """Print who did what, from where, why, and what became of it.

        With --json it is an export: a line an entry, all there are, which `wf verify` checks. Otherwise the
        newest 100, unless told how many.
        """
        if after is not None and last is not None:
            raise click.UsageError("--after and --last exclude each other")
        start = utc_now() - timedelta(seconds=since) if since else None
        query = AuditQuery(text, who, what, outcome, about, start)
        if last is None and after is None and not session.terminal.as_json:
            last = _SHOWN
        if last is not None:
            entries, page = await _newest(session, query, last)
            for entry in entries:
                _say(session, entry)
            if page.next and len(entries) == last:
                session.terminal.note(f"only the newest {count(last, 'entry', 'entries')}; --last shows more")
        else:
            async for page in _all(session, query, after or 0):
                for entry in page.entries:
                    _say(session, entry)
        _tell_head(session, page)
        return Exit.OK
