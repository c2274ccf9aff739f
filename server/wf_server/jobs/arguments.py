"""Whether a job's arguments fit the declaration of its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from wf_server.inventory import MACHINE_NAME, SITE_NAME, Inventory
from wf_server.jobs.base import Arg, ArgKind, ArgProblem, JobType
from wf_server.jobs.secrets import EXPECTED, Secrets, is_reference

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
#: An argument's value longer than this is refused. Characters.
MAX_VALUE = 10_000
#: A message quotes at most this much of a value. Characters.
_QUOTED = 200


def quoted(value: str) -> str:
    """A value as a violation's `found` shows it."""
    return f'"{value}"' if len(value) <= _QUOTED else f'"{value[:_QUOTED]}" and {len(value) - _QUOTED} more'


def shape_problem(arg: Arg, value: str) -> ArgProblem | None:
    """What is wrong with a value by the declaration alone, whatever the inventory holds."""
    if arg.kind is ArgKind.SECRET:
        # Not quoted: it may be the secret itself.
        message = f"the argument {arg.name} is a secret: only a reference to it may stand here"
        return None if is_reference(value) else ArgProblem(arg.name, message, "no reference", EXPECTED)
    expected = _expected(arg, value)
    if expected is None:
        return None
    return ArgProblem(arg.name, f"bad value for the argument {arg.name}", quoted(value), expected)


def _expected(arg: Arg, value: str) -> str | None:
    """What should stand there instead; None where the value has the right shape."""
    if arg.choices:
        return None if value in arg.choices else " or ".join(f'"{choice}"' for choice in arg.choices)
    match arg.kind:
        case ArgKind.INTEGER:
            return _expected_integer(arg.minimum, value)
        case ArgKind.BOOLEAN:
            return None if value in ("true", "false") else '"true" or "false"'
        case ArgKind.SITE:
            return None if SITE_NAME.fullmatch(value) else "a site's name: three lowercase letters"
        case ArgKind.MACHINE:
            named = MACHINE_NAME.fullmatch(value)
            return None if named else "a machine's short name: two lowercase letters and two digits"
        case _:
            return None if len(value) <= MAX_VALUE else f"at most {MAX_VALUE} characters"


def _expected_integer(minimum: int | None, value: str) -> str | None:
    if _INTEGER.fullmatch(value) and (minimum is None or int(value) >= minimum):
        return None
    return "an integer" if minimum is None else f"an integer of at least {minimum}"


@dataclass(frozen=True, slots=True)
class ArgumentChecker:
    """Checks arguments against their declaration and what exists: sites, machines, buckets."""

    inventory: Callable[[], Inventory]
    buckets: Collection[str]
    secrets: Secrets = field(default_factory=Secrets)

    def check(self, job_type: JobType, args: Mapping[str, str]) -> list[ArgProblem]:
        """Finds everything wrong with a job's arguments; the type's own check runs where nothing is."""
        problems = []
        for arg in job_type.args:
            value = args.get(arg.name)
            if value is None or (value == "" and arg.required):
                if arg.required:
                    problems.append(_missing(arg, value))
                continue
            problem = shape_problem(arg, value) or self._existence_problem(arg, value, args)
            if problem is not None:
                problems.append(problem)
        if len(args) > len(job_type.args) or any(not _declares(job_type, name) for name in args):
            problems += _unknown(job_type, args)
        return problems or job_type.check(args)

    def _existence_problem(self, arg: Arg, value: str, args: Mapping[str, str]) -> ArgProblem | None:
        match arg.kind:
            case ArgKind.SITE if value not in self.inventory().sites:
                return ArgProblem(
                    arg.name, f"there is no site {value}", quoted(value), "a site of the inventory"
                )
            case ArgKind.SECRET if told := self.secrets.refusal(value):
                return ArgProblem(arg.name, told, quoted(value), "one that [secrets] of server.toml allows")
            case ArgKind.MACHINE:
                return self._machine_problem(arg, value, args.get("site", ""))
            case ArgKind.BUCKET if value not in self.buckets:
                known = ", ".join(self.buckets) or "a bucket of server.toml, which has none"
                return ArgProblem(
                    arg.name, "there is no token bucket of that name", quoted(value), f"one of: {known}"
                )
            case _:
                return None

    def _machine_problem(self, arg: Arg, machine: str, site: str) -> ArgProblem | None:
        inventory = self.inventory()
        # A bad site is a problem of its own; the machine cannot be judged then.
        if site not in inventory.sites or inventory.has_machine(site, machine):
            return None
        return ArgProblem(
            arg.name,
            f"there is no machine {machine}.{site}",
            quoted(machine),
            f"a machine of site {site}" if inventory.machines.get(site) else f"none: site {site} is empty",
        )


def _declares(job_type: JobType, name: str) -> bool:
    return any(arg.name == name for arg in job_type.args)


def _missing(arg: Arg, value: str | None) -> ArgProblem:
    what = "is missing" if value is None else "is empty"
    return ArgProblem(arg.name, f"the argument {arg.name} {what}", "" if value is None else '""', arg.help)


def _unknown(job_type: JobType, args: Mapping[str, str]) -> list[ArgProblem]:
    known = ", ".join(arg.name for arg in job_type.args) or "no arguments"
    return [
        ArgProblem(name[:_QUOTED], f"{job_type.name} has no argument of this name", quoted(name), known)
        for name in sorted(args)
        if not _declares(job_type, name)
    ]
