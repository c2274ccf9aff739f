"""approvals, approve, reject, withdraw."""

from __future__ import annotations

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.session import Session
from wf_tui.cli.terminal import status_text
from wf_tui.cli.watch_command import utc_now
from wf_tui.state.approvals import ApprovalCase, ApprovalPlan, ends_words, plan_lines, progress_words
from wf_tui.state.models import Status, Summary
from wf_tui.state.text import clean

_ID = click.argument("workflow_id", metavar="ID")
_LIMIT = 1_000


def _show_cases(session: Session, cases: tuple[ApprovalCase, ...], total: int) -> None:
    now = utc_now()
    rows = [
        (
            case.summary.id,
            case.summary.name,
            status_text(case.summary.status),
            progress_words(case),
            ends_words(case, now),
            case.summary.operator,
            case.why_not or "you may",
        )
        for case in cases
    ]
    heads = ("id", "name", "status", "#approvals", "ends", "submitted by", "approve")
    session.terminal.table(heads, rows, "nothing waits for approval")
    if total > len(cases):
        session.terminal.note(f"{total - len(cases):,} more wait")


def _show_plan(session: Session, plan: ApprovalPlan) -> None:
    summary = plan.case.summary
    session.terminal.say(
        Text.assemble(status_text(summary.status), f"  {clean(summary.id)}  ", (clean(summary.name), "bold"))
    )
    session.terminal.say(Text(clean(f"{summary.desc or 'no description'}, submitted by {summary.operator}")))
    for line in plan_lines(plan, utc_now()):
        style = "bold red" if line.is_grave else "bold" if line.is_head else ""
        session.terminal.say(Text(clean(line.text), style=style))


def _tell(session: Session, summary: Summary) -> int:
    line = Text.assemble(status_text(summary.status), f"  {clean(summary.id)}  {clean(summary.name)}")
    if summary.status is Status.NOT_STARTED:
        line.append(f"  {clean(summary.reason)}; wf {session.how_to_reach}exec {clean(summary.id)}")
    elif summary.activity:
        line.append(f"  {clean(summary.activity)}")
    session.terminal.say(line)
    if session.terminal.as_json:
        session.terminal.json(summary)
    return Exit.OK


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @command(group, "approvals")
    @click.argument("workflow_id", metavar="[ID]", required=False)
    async def approvals(session: Session, workflow_id: str | None) -> int:
        """Show what awaits approval, or is approved and was not executed.

        With an ID, what there is to decide on: what the workflow would reach, who is asked, who has agreed.
        """
        if workflow_id is None:
            cases, total = await session.gateway.approvals(_LIMIT)
            if session.terminal.as_json:
                session.terminal.json(cases)
            _show_cases(session, cases, total)
            return Exit.OK
        plan = await session.gateway.approval(workflow_id)
        if session.terminal.as_json:
            session.terminal.json(plan)
        _show_plan(session, plan)
        return Exit.OK

    @command(group, "approve")
    @_ID
    @click.option("--comment", default="", help="Kept with the approval.")
    @click.option(
        "--digest",
        default="",
        metavar="DIGEST",
        help="Of the plan that you have looked at: wf approvals ID. Asks nothing.",
    )
    @click.option("--yes", is_flag=True, help="Don't ask for the workflow type to be typed.")
    async def approve(session: Session, workflow_id: str, comment: str, digest: str, yes: bool) -> int:
        """Agree to a workflow, after a look at what it would reach.

        It counts for exactly this WorkReq under exactly these policies, for a while, and once. With the last
        approval that is asked for the workflow can be executed; it does not start by itself.
        """
        if not digest:
            plan = await session.gateway.approval(workflow_id)
            _show_plan(session, plan)
            name = plan.case.summary.name
            if not yes and not session.confirm(f"Approve {clean(workflow_id)}", name):
                return Exit.USAGE
            digest = plan.digest
        return _tell(session, await session.gateway.approve(workflow_id, digest, comment))

    @command(group, "reject")
    @_ID
    @click.option("--reason", required=True, help="Why; kept in the history.")
    async def reject(session: Session, workflow_id: str, reason: str) -> int:
        """End a workflow that awaits approval, or is approved and has not begun."""
        return _tell(session, await session.gateway.reject(workflow_id, reason))

    @command(group, "withdraw")
    @_ID
    @click.option("--reason", default="", help="Why; kept with the approval.")
    async def withdraw(session: Session, workflow_id: str, reason: str) -> int:
        """Take your own approval back, while the workflow has not begun."""
        return _tell(session, await session.gateway.withdraw(workflow_id, reason))
