"""The wizard's answers in words: pre-checks, the plan, and what the server says to it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content

from wf_tui.state.format import count, duration
from wf_tui.state.models import Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.state.wizard import PlanBlock, PreCheck, World, place, plan_sentence
from wf_tui.widgets.theme import MUTED


def checks_content(checks: Sequence[PreCheck], width: int) -> Content:
    """Paints the pre-checks in lines of so many cells, their words in a column."""
    titles = max((len(check.title) for check in checks), default=0)
    return Content("\n").join(_check(check, titles, max(20, width - titles - 4)) for check in checks)


def _check(check: PreCheck, titles: int, room: int) -> Content:
    glyph, style = ("✓", "$text-success") if check.passed else ("✗", "bold $text-error")
    if not check.passed and not check.blocks:
        glyph, style = "!", "bold $text-warning"
    words = ("\n" + " " * (titles + 4)).join(wrap(clean(check.words), room))
    return Content.assemble((f"{glyph} ", style), (f"{check.title:<{titles}}  ", "bold"), (words, style))


def plan_content(request: WorkReq, blocks: Sequence[PlanBlock], pause_seconds: int) -> Content:
    """Paints the plan: a sentence, then a line for every block."""
    lines = [
        Content.assemble((clean(request.name), "bold"), f": {clean(request.desc)}"),
        Content(plan_sentence(blocks)),
        Content(
            f"Machines of a block are erased at once; pause between blocks: {count(pause_seconds, 'second')}."
        ),
        Content(""),
    ]
    for block in blocks:
        told = [f"{count(block.at_once, 'job')} at once"]
        if block.pause_seconds:
            told.append(f"pause {duration(block.pause_seconds)}")
        if block.seconds is not None:
            told.append(f"about {duration(block.seconds)}")
        lines.append(
            Content.assemble(
                (f"{block.number:>3}  ", MUTED),
                (clean(block.desc), "bold"),
                (f"  {', '.join(told)}", MUTED),
            )
        )
        lines.append(Content.styled(f"     {clean(block.work)}", MUTED))
    return Content("\n").join(lines)


def violations_content(violations: Sequence[Violation], request: WorkReq) -> Content:
    """Paints the server's verdict."""
    if not violations:
        return Content.styled("✓ The server would accept it as it stands now.", "$text-success")
    lines = [_judgement(violations)]
    for violation in violations:
        lines.append(Content(""))
        lines.append(
            Content.assemble(
                (clean(violation.rule), "bold"),
                (f"  at {clean(place(violation, request))}", "$text-warning"),
            )
        )
        lines.append(Content(f"  {clean(violation.message)}"))
        if violation.found or violation.expected:
            told = [f"found {clean(violation.found)}"] * bool(violation.found)
            told += [f"expected {clean(violation.expected)}"] * bool(violation.expected)
            lines.append(Content.styled(f"  {', '.join(told)}", MUTED))
    return Content("\n").join(lines)


def _judgement(violations: Sequence[Violation]) -> Content:
    if refused := refusals(violations):
        return Content.styled(f"✗ The server refuses it: {count(refused, 'violation')}.", "bold $text-error")
    names = ", ".join(map(clean, to_acknowledge(violations)))
    if names:
        told = f"! The server warns. Whoever goes on acknowledges {names}."
        return Content.styled(told, "bold $text-warning")
    told = f"✓ The server would accept it. It breaks {count(len(violations), 'rule')} in a dry run."
    return Content.styled(told, "$text-success")


def question_content(request: WorkReq, world: World, pause_seconds: int, server: str) -> Content:
    """Paints what is about to be done for good."""
    site, machines = clean(world.site.name), world.machines
    return Content.assemble(
        "All disks of ",
        (count(len(machines), "machine"), "bold $text-error"),
        " of satellite ",
        (site, "bold $text-error"),
        f" will be erased by {clean(server)}.\n",
        f"Machines {clean(machines[0])} to {clean(machines[-1])}; ",
        f"{count(len(request.blocks), 'block')}, {pause_seconds} s of pause between them.\n\n",
        ("Erased disks cannot be brought back.", "bold"),
        " A stop engaged later saves only what has not been erased by then.",
    )
