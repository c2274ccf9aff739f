"""policy test, policy explain: what a draft would do, and what the policies in force say."""

from __future__ import annotations

import json
from contextlib import aclosing
from pathlib import Path

import click
from rich.text import Text

from wf_tui.cli.exits import Exit
from wf_tui.cli.options import command
from wf_tui.cli.session import Session
from wf_tui.cli.watch_command import utc_now
from wf_tui.gateway import NotFound
from wf_tui.policy_cases import Case, load_cases
from wf_tui.state.format import count, moment
from wf_tui.state.text import clean
from wf_tui.state.trial import (
    Explanation,
    JudgedRequest,
    PolicyOutcome,
    TrialSummary,
    Verdict,
    breach_line,
    trial_lines,
)
from wf_tui.workreq_files import read_text

#: The exit code where a case fails; it is no internal error, but scripts know 1 as failed.
CASE_FAILED = 1
_STYLES = {Verdict.PASSES: "green", Verdict.WARNS: "yellow", Verdict.REFUSED: "bold red"}


async def _test_stored(session: Session, draft: str, limit: int, name: str) -> int:
    found: list[JudgedRequest] = []
    summary = TrialSummary(0)
    async with aclosing(session.gateway.test_policies(draft, limit=limit, name=name)) as news:
        async for piece in news:
            found += piece.found
            summary = piece.summary or summary
    terminal = session.terminal
    if terminal.as_json:
        terminal.json({"summary": summary, "found": found})
        return Exit.OK
    now = utc_now()
    rows = [
        (
            tested.change,
            tested.id,
            tested.name,
            tested.operator,
            moment(now, tested.submitted),
            breach_line(tested),
        )
        for tested in found
    ]
    terminal.table(
        ("outcome", "id", "type", "by", "submitted", "first of what is found"), rows, "no breaches"
    )
    for line in trial_lines(summary):
        terminal.say(line)
    for each in summary.policies:
        terminal.say(f"  {clean(each.policy)}{each.level.suffix}: {each.requests:,}")
    return Exit.OK


async def _test_cases(session: Session, draft: str, cases: tuple[Case, ...]) -> int:
    failed = 0
    told = []
    for case in cases:
        verdict, violations = await session.gateway.test_case(
            draft, case.request, at=case.at, acknowledge=case.acknowledge
        )
        failure = case.failure(verdict, violations)
        failed += bool(failure)
        told.append({"name": case.name, "failure": failure, "verdict": verdict, "violations": violations})
        if session.terminal.as_json:
            continue
        mark = Text("✗ failed  ", style="bold red") if failure else Text("✓ as expected  ", style="green")
        session.terminal.say(Text.assemble(mark, clean(case.name), f": {clean(failure)}" if failure else ""))
        if failure:
            session.terminal.violations(violations)
    if session.terminal.as_json:
        session.terminal.json({"cases": told, "failed": failed})
    else:
        session.terminal.say(f"{count(len(cases), 'case')}, {failed:,} failed")
    return CASE_FAILED if failed else Exit.OK


async def _explained(session: Session, of: str) -> Explanation:
    try:
        return await session.gateway.explain(of)
    except NotFound:
        return await session.gateway.explain_rejection(of)


def _tell_outcome(session: Session, outcome: PolicyOutcome) -> None:
    broken = outcome.violated
    mark = (
        Text(f"✗ {count(broken, 'breach', 'breaches')}", style="bold red")
        if broken
        else Text("✓ kept", style="green")
    )
    settings = json.dumps(outcome.settings, ensure_ascii=False)
    name = f"{clean(outcome.policy)}{outcome.level.suffix}"
    session.terminal.say(Text.assemble((name, "bold"), "  ", mark))
    session.terminal.say(Text(f"    demands   {clean(outcome.help)}", style="dim"))
    session.terminal.say(Text(f"    settings  {clean(settings)}", style="dim"))
    session.terminal.violations(outcome.violations)
    if broken > len(outcome.violations):
        session.terminal.note(f"and {broken - len(outcome.violations):,} more breaches")


def add_to(group: click.Group) -> None:
    """Adds the commands to `wf`."""

    @group.group("policy")
    def policy() -> None:
        """Try a draft of policies.json, or have the policies in force explained."""

    @command(policy, "test")
    @click.argument("file", metavar="FILE")
    @click.option(
        "--cases", metavar="CASES", help="WorkReqs with expected verdicts, instead of what is stored."
    )
    @click.option("--limit", type=click.IntRange(0, 5_000), default=0, help="Of each kind.  [default: 1000]")
    @click.option("--type", "name", default="", metavar="NAME", help="Only WorkReqs of this workflow type.")
    async def test(session: Session, file: str, cases: str | None, limit: int, name: str) -> int:
        """Show what the draft FILE of a policies.json would do; nothing is changed.

        It is tried on the newest stored and refused WorkReqs, each as of its submission, with the inventory
        of now. With --cases it is tried on the WorkReqs of a file, and the command ends with 1 where a
        verdict is not the expected one; `wf --demo policy test` needs no server for that.

        \b
        cases:
          - name: two machines of one site
            expect: pass               # or warn, or refuse
            workReq: {name: Maintenance, blocks: [...]}
          - name: a second site
            expect: refuse
            by: [sameArgs]             # exactly these are broken; optional
            file: two-sites.yaml       # instead of workReq
            at: 2026-03-29T02:30:00Z   # as of then; optional
            acknowledge: [maxJobs]     # optional
        """
        draft = read_text(Path(file))
        if cases is not None:
            return await _test_cases(session, draft, load_cases(cases))
        return await _test_stored(session, draft, limit, name)

    @command(policy, "explain")
    @click.argument("of", metavar="ID")
    async def explain(session: Session, of: str) -> int:
        """Show what each policy in force says of the WorkReq of a workflow or a rejection ID now."""
        explanation = await _explained(session, of)
        terminal = session.terminal
        if terminal.as_json:
            terminal.json(explanation)
            return Exit.OK
        verdict = Text(explanation.verdict.value, style=_STYLES[explanation.verdict])
        terminal.say(Text.assemble((clean(explanation.name), "bold"), f" {clean(explanation.id)}: ", verdict))
        for outcome in explanation.policies:
            _tell_outcome(session, outcome)
        if explanation.others:
            terminal.say("whatever the policies say:")
            terminal.violations(explanation.others)
        return Exit.OK
