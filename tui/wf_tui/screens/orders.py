"""Orders to one workflow or to several: what they are about is fixed when the dialog opens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from wf_tui.dialogs.order import Order, OrderDialog, Verb
from wf_tui.gateway import GatewayError, Unreachable
from wf_tui.screens.base import WfScreen
from wf_tui.state.format import count, short_id
from wf_tui.state.marks import mark
from wf_tui.state.models import Resolution, Summary
from wf_tui.state.standing import can_cancel, can_pause, can_resume
from wf_tui.state.workflow import LiveWorkflow
from wf_tui.widgets.facts import Fact

#: More ids than these are told by their number.
_MOST_NAMED = 6

_NO_RETURN = (
    "What it does cannot be undone, not even by a stop. The server checks stop and policies once more before."
)


def pause_or_resume(screen: WfScreen, chosen: Sequence[Summary]) -> None:
    """Asks why, and pauses those that can be; where none can, resumes those that were."""
    pausable = [summary for summary in chosen if can_pause(summary.status)]
    paused = [summary for summary in chosen if can_resume(summary.status)]
    if pausable:
        _ask(screen, _pause(screen, pausable, len(chosen)))
    elif paused:
        _ask(screen, _resume(screen, paused, len(chosen)))
    else:
        screen.say(_cannot(chosen, "paused or resumed"))


def cancel(screen: WfScreen, chosen: Sequence[Summary]) -> None:
    """Asks why, and cancels those that have not ended."""
    open_ones = [summary for summary in chosen if can_cancel(summary.status)]
    if open_ones:
        _ask(screen, _cancel(screen, open_ones, len(chosen)))
    else:
        screen.say(_cannot(chosen, "cancelled"))


def release(screen: WfScreen, workflow: LiveWorkflow, number: int) -> None:
    """Gives the go for the block before which it is held; of a point of no return its targets are typed."""
    block, summary = workflow.blocks[number], workflow.summary
    gateway = screen.context.gateway

    async def give(reason: str, confirm: str) -> str:
        await gateway.release(summary.id, number, reason, confirm)
        return f"Block {number} of {summary.name} {short_id(summary.id)} has its go."

    facts = [
        Fact("Workflow", summary.name),
        Fact("Id", summary.id),
        Fact("Block", f"{number}: {block.desc or '(no description)'}"),
        Fact("Targets", block.confirm or "none is named"),
        Fact("Jobs", f"{block.total:,}, {max(1, block.rate_limit):,} at once"),
    ]
    warning = _NO_RETURN if block.point_of_no_return else ""
    verb = "Past the point of no return" if block.point_of_no_return else "Go"
    _ask(
        screen,
        Order(
            f"◆ Go for block {number}?",
            facts,
            [Verb(verb, give)],
            "why it may go on",
            needs_reason=False,
            confirm=block.confirm if block.point_of_no_return else "",
            warning=warning,
            danger=block.point_of_no_return,
            doing="giving the go…",
            failure="It is not known to have its go.",
            focus="#cancel",
        ),
    )


def resolve(screen: WfScreen, summary: Summary, block: int, job: int, facts: Sequence[Fact]) -> None:
    """Says what became of a job whose outcome is unknown; `facts` are what is known of it."""
    gateway = screen.context.gateway

    def give(resolution: Resolution, words: str) -> Callable[[str, str], Awaitable[str]]:
        async def given(reason: str, confirm: str) -> str:
            await gateway.resolve(summary.id, block, job, resolution, reason)
            return f"Job {job} of block {block} {words}."

        return given

    _ask(
        screen,
        Order(
            f"? What became of job {job} of block {block}?",
            [Fact("Id", summary.id), *facts],
            [
                Verb("Done", give(Resolution.DONE, "counts as done")),
                Verb("Failed", give(Resolution.FAILED, "counts as failed")),
                Verb("Run again", give(Resolution.RERUN, "runs again")),
            ],
            "how you found out",
            doing="telling the server…",
            failure="The outcome is still unknown to the server.",
        ),
    )


def _pause(screen: WfScreen, chosen: Sequence[Summary], marked: int) -> Order:
    gateway = screen.context.gateway
    in_flight = sum(summary.jobs.running for summary in chosen)

    async def one(workflow_id: str, reason: str) -> None:
        await gateway.pause(workflow_id, reason)

    return Order(
        f"◐ Pause {_whom(chosen)}?",
        [
            *_about(*chosen),
            *_left_out(chosen, marked),
            Fact("In flight", f"{count(in_flight, 'job')}: {'it ends' if in_flight == 1 else 'they end'}"
                 " by themselves, nothing more starts"),
        ],
        [Verb("Pause", _each(chosen, one, "pausing"))],
        "why",
        doing="pausing…",
        failure="NOT known to be paused.",
    )  # fmt: skip


def _resume(screen: WfScreen, chosen: Sequence[Summary], marked: int) -> Order:
    gateway = screen.context.gateway

    async def one(workflow_id: str, reason: str) -> None:
        await gateway.resume(workflow_id, reason)

    return Order(
        f"▶ Resume {_whom(chosen)}?",
        [*_about(*chosen), *_left_out(chosen, marked)],
        [Verb("Resume", _each(chosen, one, "going on"))],
        "why it may go on",
        needs_reason=False,
        doing="resuming…",
        failure="Not known to go on.",
        focus="#cancel",
    )


def _cancel(screen: WfScreen, chosen: Sequence[Summary], marked: int) -> Order:
    gateway = screen.context.gateway
    running = sum(summary.jobs.running for summary in chosen)
    left = sum(summary.jobs.total - summary.jobs.over for summary in chosen) - running

    async def one(workflow_id: str, reason: str) -> None:
        await gateway.cancel(workflow_id, reason)

    return Order(
        f"⊘ Cancel {_whom(chosen)} for good?",
        [
            *_about(*chosen),
            *_left_out(chosen, marked),
            Fact("Running", f"{count(running, 'job')}, cut short at once"),
            Fact("Never begins", count(left, "job")),
        ],
        [Verb("Cancel for good", _each(chosen, one, "being cancelled"))],
        "why",
        danger=True,
        doing="cancelling…",
        failure="NOT known to be cancelled!",
        focus="#cancel",
    )


def _ask(screen: WfScreen, order: Order) -> None:
    def answered(words: str | None) -> None:
        if words is not None:
            screen.say(words)

    screen.app.push_screen(OrderDialog(order), answered)


def _whom(chosen: Sequence[Summary]) -> str:
    return "this workflow" if len(chosen) == 1 else f"these {len(chosen):,} workflows"


def _about(*chosen: Summary) -> list[Fact]:
    if len(chosen) == 1:
        summary = chosen[0]
        return [
            Fact("Workflow", summary.name),
            *[Fact("About", summary.desc)] * bool(summary.desc),
            Fact("Id", summary.id),
            Fact("Stands", mark(summary.status)),
        ]
    facts = [
        Fact(short_id(summary.id), f"{summary.name}  {mark(summary.status)}")
        for summary in chosen[:_MOST_NAMED]
    ]
    if len(chosen) > _MOST_NAMED:
        ids = ", ".join(short_id(summary.id) for summary in chosen[_MOST_NAMED:])
        facts.append(Fact("and", f"{len(chosen) - _MOST_NAMED:,} more: {ids}"))
    return facts


def _left_out(chosen: Sequence[Summary], marked: int) -> list[Fact]:
    left = marked - len(chosen)
    return [Fact("Left out", f"{left:,} of {marked:,} marked: it makes no sense for them now")] * bool(left)


def _cannot(chosen: Sequence[Summary], what: str) -> str:
    if len(chosen) == 1:
        return f"It is {chosen[0].status.label}: it cannot be {what}."
    return f"None of the {count(len(chosen), 'workflow')} can be {what}."


def _each(
    chosen: Sequence[Summary], order: Callable[[str, str], Awaitable[None]], words: str
) -> Callable[[str, str], Awaitable[str]]:
    """Gives an order to each; what of it failed is told, and if all of it did the error is raised."""

    async def give(reason: str, confirm: str) -> str:
        failed: list[str] = []
        for summary in chosen:
            try:
                await order(summary.id, reason)
            except Unreachable:
                raise
            except GatewayError as error:
                if len(chosen) == 1:
                    raise
                failed.append(f"{short_id(summary.id)}: {error}")
        done = len(chosen) - len(failed)
        if len(chosen) == 1:
            return f"{chosen[0].name} {short_id(chosen[0].id)} is {words}."
        told = f"{done:,} of {count(len(chosen), 'workflow')} {'is' if done == 1 else 'are'} {words}."
        return "  ".join((told, *(f"NOT {words}: {why}" for why in failed)))

    return give
