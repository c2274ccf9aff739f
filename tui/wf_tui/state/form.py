"""The fields of the request, a block or a job, from the declarations of the server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from wf_tui.state.composition import Place, block_at, job_at
from wf_tui.state.edits import with_arg, with_block, with_job
from wf_tui.state.known import Known
from wf_tui.state.models import ArgDeclaration, Block, Job, JobType, Violation, WorkReq
from wf_tui.state.option_fields import BadValue as BadValue
from wf_tui.state.option_fields import is_option, options_of, with_option

NAME, DESC, RATE_LIMIT, TYPE = "name", "desc", "rate_limit", "type"
_ARG = "arg."
#: The kind of an argument.
_SECRET = "secret"  # noqa: S105 - a kind
_OPTION = "option."
_INT32 = range(-(2**31), 2**31)
_WHOLE = re.compile(r"[+-]?[0-9]{1,10}")


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


def form_of(
    request: WorkReq,
    place: Place,
    known: Known,
    offences: Sequence[Violation] = (),
    *,
    options: bool = False,
) -> Form:
    """Returns the form of a place; `offences` are those at that very place.

    Its options are there if they are wanted (`options`), if one is set, or if something is wrong with one.
    """
    if place.is_request:
        form = Form(place, "Request", "", _request_fields(request, known))
    elif not place.is_job:
        form = Form(place, f"Block {place.block}", "", _block_fields(request, place))
    else:
        kind = known.job_type(job_at(request, place).name)
        words = kind.help if kind is not None else ""
        form = Form(place, f"Block {place.block} job {place.job}", words, _job_fields(request, place, known))
    fields = tuple(_option_fields(_holder(request, place)))
    wanted = options or any(one.value for one in fields)
    if wanted or any(field_of(offence).startswith(_OPTION) for offence in offences):
        form = replace(form, fields=form.fields + fields)
    return _with_offences(form, offences)


def _holder(request: WorkReq, place: Place) -> WorkReq | Block | Job:
    if place.is_request:
        return request
    return job_at(request, place) if place.is_job else block_at(request, place)


def _option_fields(holder: WorkReq | Block | Job) -> Iterator[FormField]:
    for option in options_of(holder):
        yield FormField(
            _OPTION + option.name,
            option.label,
            option.get(holder),
            option.help,
            values=option.values,
            example=option.example,
        )


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
    if arg.kind == _SECRET:
        words = f"only a reference, env:NAME or file:/PATH of the server: {arg.help}"
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
        kind = WorkReq if violation.block is None else Block if violation.job is None else Job
        return _OPTION + violation.arg if is_option(violation.arg, kind) else arg_key(violation.arg)
    if "description" in violation.message:
        return DESC
    if violation.job is not None:
        return TYPE
    if violation.block is None and violation.found.startswith(('"', "'")):
        return NAME
    return ""


def is_option_key(key: str) -> bool:
    """Whether a field is one of the options."""
    return key.startswith(_OPTION)


def option_key(name: str) -> str:
    """Returns the key of an option's field, by what the server calls it."""
    return _OPTION + name


def value_at(request: WorkReq, place: Place, key: str) -> str:
    """Returns what a field of a place holds; "": nothing."""
    fields = form_of(request, place, Known(), options=True).fields
    return next((one.value for one in fields if one.key == key), "")


def with_value(request: WorkReq, place: Place, key: str, value: str, known: Known) -> WorkReq:
    """Returns the request with a field set. Raises BadValue.

    An argument that is left empty is taken away. A known type takes along only arguments that it has.
    """
    if key.startswith(_ARG):
        return with_arg(request, place, key.removeprefix(_ARG), value or None)
    if key.startswith(_OPTION):
        return _with_option(request, place, key.removeprefix(_OPTION), value)
    if place.is_request:
        return replace(request, name=value) if key == NAME else replace(request, desc=value)
    if not place.is_job:
        block = block_at(request, place)
        changed = replace(block, desc=value) if key == DESC else replace(block, rate_limit=_rate_limit(value))
        return with_block(request, place.block, changed)
    job = job_at(request, place)
    return with_job(request, place, replace(job, desc=value) if key == DESC else _retyped(job, value, known))


def _with_option(request: WorkReq, place: Place, name: str, value: str) -> WorkReq:
    if place.is_request:
        return with_option(request, name, value)
    if place.is_job:
        return with_job(request, place, with_option(job_at(request, place), name, value))
    return with_block(request, place.block, with_option(block_at(request, place), name, value))


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
