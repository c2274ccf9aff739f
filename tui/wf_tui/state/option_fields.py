"""The options of the request, a block and a job as fields: how each is written, and read back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from wf_tui.state.models import Block, Job, OnFailure, Retry, WorkReq

H = TypeVar("H", WorkReq, Block, Job)

_YES, _NO = "yes", "no"
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


class BadValue(Exception):
    """A field cannot hold this; the text says what it can."""


@dataclass(frozen=True, slots=True)
class Option(Generic[H]):
    """One option; `name` is what the server calls it in a violation."""

    name: str
    label: str
    help: str
    get: Callable[[H], str]
    #: Returns a holder with the option as it is written, "": without it. Raises BadValue.
    put: Callable[[H, str], H]
    values: tuple[str, ...] = ()
    example: str = ""


def _flag(text: str) -> bool:
    word = text.strip().casefold()
    if word in ("", _NO, "false"):
        return False
    if word in (_YES, "true"):
        return True
    raise BadValue("yes, or nothing")


def _choice(text: str) -> OnFailure:
    word = text.strip().upper()
    if not word:
        return OnFailure.UNSPECIFIED
    if word in ("CONTINUE", "STOP"):
        return OnFailure[word]
    raise BadValue("continue, stop, or nothing")


def _whole(text: str) -> int:
    if not text.strip():
        return 0
    if _WHOLE.fullmatch(text.strip()):
        return int(text)
    raise BadValue("a whole number is expected, such as 3")


def _number(text: str) -> float:
    try:
        value = float(text.strip() or "0")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadValue("a number is expected, such as 1.5")
    return value


def _listed(text: str, between: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(between) if item.strip())


def _written(value: float) -> str:
    return f"{value:.15g}" if value else ""


def _text(field: str) -> tuple[Callable[[Any], str], Callable[[Any, str], Any]]:
    """How an option that is a text is read from its holder, and put there."""
    return lambda holder: getattr(holder, field), lambda holder, text: replace(
        holder, **{field: text.strip()}
    )


def _yes(field: str) -> tuple[Callable[[Any], str], Callable[[Any, str], Any]]:
    return (
        lambda holder: _YES if getattr(holder, field) else "",
        lambda holder, text: replace(holder, **{field: _flag(text)}),
    )


def _retry(
    field: str, write: Callable[[Any], str], read: Callable[[str], Any]
) -> tuple[Callable[[Job], str], Callable[[Job, str], Job]]:
    """The same of an option of a job's retry, which is there as long as one of them says something."""

    def put(job: Job, text: str) -> Job:
        retry = replace(job.retry or Retry(), **{field: read(text)})
        return replace(job, retry=retry if retry != Retry() else None)

    return lambda job: write(getattr(job.retry, field)) if job.retry is not None else "", put


def _budget(of: str) -> tuple[Option[Any], ...]:
    share = "a count, or a share as 20%"
    return (
        Option("maxFailures", "Max failures", f"nothing more starts at this failure {of}: {share}",
               *_text("max_failures"), example="3"),
        Option("noOvershoot", "No overshoot", "never more in flight than may still fail",
               *_yes("no_overshoot"), (_YES,)),
        Option("onFailure", "On failure", "of a block with errors: continue, or stop after it",
               lambda holder: holder.on_failure.name.lower() if holder.on_failure else "",
               lambda holder, text: replace(holder, on_failure=_choice(text)), ("continue", "stop")),
    )  # fmt: skip


REQUEST_OPTIONS: tuple[Option[WorkReq], ...] = _budget("of all jobs")
BLOCK_OPTIONS: tuple[Option[Block], ...] = (
    Option("hold", "Hold", "waits for an operator's go before its first job", *_yes("hold"), (_YES,)),
    Option("pointOfNoReturn", "No return", "it cannot be undone: the go asks for its targets' name",
           *_yes("point_of_no_return"), (_YES,)),
    Option("ramp", "Ramp", "waves: how many jobs each lets start, counts or shares",
           lambda block: ", ".join(block.ramp),
           lambda block, text: replace(block, ramp=_listed(text, ",")), example="1, 5, 20%"),
    Option("soak", "Soak", "how long to wait after each wave", *_text("soak"), example="30s"),
    *_budget("of its jobs"),
)  # fmt: skip
JOB_OPTIONS: tuple[Option[Job], ...] = (
    Option("timeout", "Timeout", "how long an attempt may take", *_text("timeout"), example="5m"),
    Option("retry.attempts", "Attempts", "in all, the first one included; empty: one",
           *_retry("attempts", lambda number: str(number) if number else "", _whole), example="3"),
    Option("retry.delay", "Delay", "before the second attempt; empty: 1s",
           *_retry("delay", str, str.strip), example="10s"),
    Option("retry.backoff", "Backoff", "how much longer each pause is than the one before; empty: 2",
           *_retry("backoff", _written, _number), example="2"),
    Option("retry.maxDelay", "Max delay", "no pause is longer; empty: 5m",
           *_retry("max_delay", str, str.strip), example="1m"),
    Option("retry.jitter", "Jitter", "up to this share of a pause is added, 0 to 1",
           *_retry("jitter", _written, _number), example="0.2"),
    Option("retry.errors", "Errors", "only after errors with one of these texts, between semicolons",
           *_retry("errors", "; ".join, lambda text: _listed(text, ";")), example="busy; timed out"),
)  # fmt: skip

_BY_NAME: Mapping[type, Mapping[str, Option[Any]]] = {
    WorkReq: {option.name: option for option in REQUEST_OPTIONS},
    Block: {option.name: option for option in BLOCK_OPTIONS},
    Job: {option.name: option for option in JOB_OPTIONS},
}


def options_of(holder: WorkReq | Block | Job) -> Iterable[Option[Any]]:
    """Returns what may be set of a request, a block or a job."""
    return _BY_NAME[type(holder)].values()


def with_option(holder: H, name: str, text: str) -> H:
    """Returns the holder with an option set. Raises BadValue."""
    changed: H = _BY_NAME[type(holder)][name].put(holder, text)
    return changed


def is_option(name: str, kind: type) -> bool:
    """Whether a violation's argument is an option of a request, a block or a job."""
    return name in _BY_NAME[kind]
