"""The fields of the request, a block or a job, from the declarations of the server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from wf_tui.state.composition import Place, block_at, job_at
from wf_tui.state.edits import with_arg, with_block, with_job
from wf_tui.state.known import Known
from wf_tui.state.models import ArgDeclaration, Job, JobType, Violation, WorkReq

NAME, DESC, RATE_LIMIT, TYPE = "name", "desc", "rate_limit", "type"
_ARG = "arg."
_INT32 = range(-(2**31), 2**31)
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


class BadValue(Exception):
    """A field cannot hold this; the text says what it can."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field, with what is wrong with it."""

    key: str
    label: str
    value: str
    help: str
    required: bool = False
    #: What it may be, where that is known.
    values: tuple[str, ...] = ()
    example: str = ""
    offences: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one place, and what is wrong with the place as a whole."""

    place: Place
    title: str
    help: str
    fields: tuple[FormField, ...]
    offences: tuple[Violation, ...] = ()

    def first_wrong(self) -> str:
        """Returns the key of the first field with an offence; "": none has."""
        return next((one.key for one in self.fields if one.offences), "")


def arg_key(name: str) -> str:
    """Returns the key of an argument's field."""
    return _ARG + name


def form_of(request: WorkReq, place: Place, known: Known, offences: Sequence[Violation] = ()) -> Form:
    """Returns the form of a place; `offences` are those at that very place."""
    if place.is_request:
        form = Form(place, "Request", "", _request_fields(request, known))
    elif not place.is_job:
        form = Form(place, f"Block {place.block}", "", _block_fields(request, place))
    else:
        kind = known.job_type(job_at(request, place).name)
        words = kind.help if kind is not None else ""
        form = Form(place, f"Block {place.block} job {place.job}", words, _job_fields(request, place, known))
    return _with_offences(form, offences)


def _request_fields(request: WorkReq, known: Known) -> tuple[FormField, ...]:
    names = known.workflow_types
    about = "the workflow type; its policies decide what is allowed"
    return (
        FormField(NAME, "Name", request.name, about, True, names, example=names[0] if names else ""),
        FormField(DESC, "Description", request.desc, "what it is for, in your words"),
    )


def _block_fields(request: WorkReq, place: Place) -> tuple[FormField, ...]:
    block = block_at(request, place)
    return (
        FormField(DESC, "Description", block.desc, "what its jobs do together"),
        FormField(RATE_LIMIT, "Rate limit", str(block.rate_limit), "how many of its jobs run at once"),
    )


def _job_fields(request: WorkReq, place: Place, known: Known) -> tuple[FormField, ...]:
    job = job_at(request, place)
    kind = known.job_type(job.name)
    names = tuple(each.name for each in known.job_types)
    declared = kind.args if kind is not None else ()
    return (
        FormField(TYPE, "Type", job.name, "what the job does", True, names),
        *(_declared(arg, job, known) for arg in declared),
        *(_undeclared(name, job, kind) for name in sorted(job.args.keys() - {arg.name for arg in declared})),
        FormField(DESC, "Description", job.desc, "shown wherever the job is"),
    )


def _declared(arg: ArgDeclaration, job: Job, known: Known) -> FormField:
    words = f"at least {arg.minimum}: {arg.help}" if arg.minimum is not None else arg.help
    value = job.args.get(arg.name, "")
    return FormField(
        arg_key(arg.name), arg.name, value, words, arg.required, known.values(arg, job), arg.example
    )


def _undeclared(name: str, job: Job, kind: JobType | None) -> FormField:
    words = "not an argument of this type; empty takes it away" if kind is not None else "an argument"
    return FormField(arg_key(name), name, job.args[name], words)


def _with_offences(form: Form, offences: Iterable[Violation]) -> Form:
    by_key: dict[str, list[Violation]] = {}
    for offence in offences:
        by_key.setdefault(field_of(offence), []).append(offence)
    fields = tuple(replace(one, offences=tuple(by_key.pop(one.key, ()))) for one in form.fields)
    return replace(form, fields=fields, offences=tuple(v for rest in by_key.values() for v in rest))


def field_of(violation: Violation) -> str:
    """Returns the key of the field that a violation is about; "": the place as a whole."""
    if violation.arg:
        return arg_key(violation.arg)
    if "description" in violation.message:
        return DESC
    if violation.job is not None:
        return TYPE
    if violation.block is None and violation.found.startswith(('"', "'")):
        return NAME
    return ""


def value_at(request: WorkReq, place: Place, key: str) -> str:
    """Returns what a field of a place holds; "": nothing."""
    fields = form_of(request, place, Known()).fields
    return next((one.value for one in fields if one.key == key), "")


def with_value(request: WorkReq, place: Place, key: str, value: str, known: Known) -> WorkReq:
    """Returns the request with a field set. Raises BadValue.

    An argument that is left empty is taken away. A known type takes along only arguments that it has.
    """
    if key.startswith(_ARG):
        return with_arg(request, place, key.removeprefix(_ARG), value or None)
    if place.is_request:
        return replace(request, name=value) if key == NAME else replace(request, desc=value)
    if not place.is_job:
        block = block_at(request, place)
        changed = replace(block, desc=value) if key == DESC else replace(block, rate_limit=_rate_limit(value))
        return with_block(request, place.block, changed)
    job = job_at(request, place)
    return with_job(request, place, replace(job, desc=value) if key == DESC else _retyped(job, value, known))


def _retyped(job: Job, name: str, known: Known) -> Job:
    kind = known.job_type(name)
    if kind is None:
        return replace(job, name=name)
    kept = {arg.name: job.args[arg.name] for arg in kind.args if arg.name in job.args}
    return replace(job, name=name, args=kept)


def _rate_limit(text: str) -> int:
    if _WHOLE.fullmatch(text.strip()) and int(text) in _INT32:
        return int(text)
    raise BadValue("a whole number is expected, such as 5")
