"""jobs, policies, sites, buckets, quotas."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import utc_now
from wf_tui.diskerase import erasable
from wf_tui.state.format import bar, duration, moment
from wf_tui.state.models import ArgDeclaration, JobType, Site
from wf_tui.state.quotas import pace, share, taken_words, what


def _argument(declaration: ArgDeclaration) -> str:
    kind = "|".join(declaration.choices) or declaration.kind
    least = "" if declaration.minimum is None else f", at least {declaration.minimum}"
    need = "mandatory" if declaration.required else "optional"
    return f"{declaration.name} ({need}, {kind}{least}): {declaration.help}"


def _job_rows(types: Sequence[JobType]) -> list[tuple[str, str]]:
    rows = []
    for kind in types:
        rows.append((kind.name, f"{kind.help} [{kind.recovery}]"))
        rows += [("", f"  {_argument(declaration)}") for declaration in kind.args]
    return rows


def _site_row(site: Site) -> tuple[str, ...]:
    reason = erasable(site)
    return site.name, site.type.value, site.status.value, str(site.machine_count), reason or "yes"


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "whoami")
    async def whoami(session: Session) -> int:
        """Show how the server knows you, and what you may do there."""
        who = await session.gateway.who_am_i()
        if session.terminal.as_json:
            session.terminal.json(who)
        row = (who.name, who.way, who.origin, ", ".join(who.grants))
        session.terminal.table(("name", "known by", "from", "roles"), [row], "")
        return Exit.OK

    @command(group, "jobs")
    async def jobs(session: Session) -> int:
        """Show the job types of the server, with their arguments."""
        types = await session.gateway.job_types()
        if session.terminal.as_json:
            session.terminal.json(types)
        session.terminal.table(("type", "what it does, and its arguments"), _job_rows(types), "no job types")
        return Exit.OK

    @command(group, "policies")
    async def policies(session: Session) -> int:
        """Show the policies in force for each workflow type."""
        book = await session.gateway.policies()
        if session.terminal.as_json:
            session.terminal.json(book)
        rows = [
            (
                kind.name if first else "",
                policy.name + policy.level.suffix,
                json.dumps(policy.settings, ensure_ascii=False),
            )
            for kind in book.workflow_types
            for first, policy in zip([True] + [False] * len(kind.policies), kind.policies, strict=False)
        ]
        session.terminal.table(("workflow type", "policy", "settings"), rows, "no policies")
        if book.problem:
            session.terminal.fail(f"a newer policies.json is not in force: {book.problem}")
        return Exit.OK

    @command(group, "sites")
    @click.option("--erasable", "only_erasable", is_flag=True, help="Only those that can be erased.")
    async def sites(session: Session, only_erasable: bool) -> int:
        """List the sites, and whether their disks can be erased."""
        found = [site for site in await session.gateway.sites() if not only_erasable or not erasable(site)]
        if session.terminal.as_json:
            session.terminal.json(found)
        heads = ("site", "type", "status", "#machines", "erasable")
        session.terminal.table(heads, [_site_row(site) for site in found], "no sites")
        return Exit.OK

    @command(group, "buckets")
    async def buckets(session: Session) -> int:
        """Show the token buckets and when their next token comes back."""
        found = await session.gateway.buckets()
        if session.terminal.as_json:
            session.terminal.json(found)
        now = utc_now()
        rows = [
            (
                bucket.name,
                f"{bucket.tokens}/{bucket.size}",
                f"{bucket.refill} every {duration(bucket.every_seconds)}",
                moment(now, bucket.next_refill) if bucket.next_refill else "full",
            )
            for bucket in found
        ]
        session.terminal.table(("bucket", "#tokens", "refill", "next refill"), rows, "no buckets")
        return Exit.OK

    @command(group, "quotas")
    async def quotas(session: Session) -> int:
        """Show the quotas, how much of each is taken, and who waits."""
        found = await session.gateway.quotas()
        if session.terminal.as_json:
            session.terminal.json(found)
        now = utc_now()
        rows = [
            (
                what(quota),
                "".join(bar(share(quota), 10)),
                taken_words(quota),
                pace(quota),
                ", ".join(quota.job_types) or "all",
                moment(now, quota.next_token) if quota.next_token else "–",
                str(quota.waiting),
            )
            for quota in found
        ]
        heads = ("quota", "level", "#taken", "limit", "job types", "next token", "#waiting")
        session.terminal.table(heads, rows, "no quotas")
        return Exit.OK
