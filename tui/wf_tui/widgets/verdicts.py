"""The wizard's answers in words: pre-checks, the plan, and what the server says to it."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import cell_len
from textual.content import Content

from wf_tui.state.format import count, duration
from wf_tui.state.models import EVERYTHING, Stop, Violation, WorkReq
from wf_tui.state.text import clean
from wf_tui.state.verdict import refusals, to_acknowledge
from wf_tui.state.wizard import Item, PlanBlock, PreCheck, place, plan_sentence
from wf_tui.widgets.rows import fit
from wf_tui.widgets.theme import MUTED
from wf_tui.wizards import Words

_WIDEST_TITLE = 24
_LOOKS = {"": "", "strong": "bold", "danger": "bold $text-error"}


def checks_content(checks: Sequence[PreCheck], width: int) -> Content:
    """Paints the pre-checks in lines of so many cells, their words in a column."""
    titles = min(_WIDEST_TITLE, max((cell_len(clean(check.title)) for check in checks), default=0))
    return Content("\n").join(_check(check, titles, max(20, width - titles - 4)) for check in checks)


def _check(check: PreCheck, titles: int, room: int) -> Content:
    glyph, style = ("✓", "$text-success") if check.passed else ("✗", "bold $text-error")
    if not check.passed and not check.blocks:
        glyph, style = "!", "bold $text-warning"
    words = ("\n" + " " * (titles + 4)).join(wrap(clean(check.words), room))
    return Content.assemble(
        (f"{glyph} ", style), (f"{fit(clean(check.title), titles)}  ", "bold"), (words, style)
    )


def plan_content(request: WorkReq, blocks: Sequence[PlanBlock], note: str) -> Content:
    """Paints the plan: a sentence, a note, then a line for every block."""
    lines = [
        Content.assemble((clean(request.name), "bold"), f": {clean(request.desc)}"),
        Content(plan_sentence(blocks)),
        *([Content(note)] if note else []),
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


def verdicts_content(items: Sequence[Item], verdicts: Sequence[Sequence[Violation]]) -> Content:
    """Paints the server's verdict on each of several WorkReqs."""
    if len(items) == 1:
        return violations_content(verdicts[0], items[0].request)
    told = [
        Content.assemble(
            (clean(", ".join(item.sites)), "bold"), "  ", violations_content(found, item.request)
        )
        for item, found in zip(items, verdicts, strict=True)
    ]
    return Content("\n\n" if any(verdicts) else "\n").join(told)


def stop_content(stop: Stop, workflow: str) -> Content:
    """Paints that a stop was engaged while one was at it."""
    who = f" by {clean(stop.operator)}" if stop.operator else ""
    why = f": {clean(stop.reason)}" if stop.reason else ""
    name = "everything" if stop.name == EVERYTHING else clean(workflow)
    return Content.assemble(
        (f"■ An emergency stop is engaged for {name}{who}{why}", "bold $text-error"),
        "\nNothing can be confirmed before it is released.",
    )


def words_content(words: Words) -> Content:
    """Paints what a wizard says, in its looks."""
    return Content.assemble(*((_unbroken(text), _LOOKS[look]) for text, look in words))


def _unbroken(text: str) -> str:
    """Only a part that is nothing but line breaks breaks lines: names from outside cannot."""
    return clean(text) if text.strip("\n") else text


def dry_run_content(
    title: str, checks: Sequence[PreCheck], verdicts: Sequence[Sequence[Violation]]
) -> Content:
    """Paints how it would go, and that it did not."""
    failed = sum(1 for check in checks if not check.passed and check.blocks)
    refused = sum(1 for found in verdicts if refusals(found))
    warned = to_acknowledge(violation for found in verdicts for violation in found)
    accepted = "✓ The server would accept " + (
        "it." if len(verdicts) == 1 else f"all {len(verdicts)} WorkReqs."
    )
    return Content("\n").join(
        (
            Content.assemble((f"Dry run: {clean(title)}", "bold")),
            Content(""),
            Content.styled(f"✗ {count(failed, 'pre-check')} failed.", "bold $text-error")
            if failed
            else Content.styled("✓ The pre-checks passed.", "$text-success"),
            Content.styled(f"✗ The server would refuse {refused} of {len(verdicts)}.", "bold $text-error")
            if refused
            else Content.styled(accepted, "$text-success"),
            *(
                [Content.styled(f"! Warnings of {', '.join(map(clean, warned))}.", "$text-warning")]
                if warned
                else []
            ),
            Content(""),
            Content.styled("Nothing was submitted, and nothing will be.", "bold"),
            Content.styled("enter ends the dry run; d makes it the real thing, which asks before.", MUTED),
        )
    )
