"""One rule: an expression of CEL that has to be true of a WorkReq, and what is wrong where it is not.

Where the whole is not true, or takes too long, its parts are asked one by one: the operands of `&&`, and for
`list.all(x, …)` the body for each element, so that a failing part comes with its values, block and job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cel_expr_python import cel

from wf_server.expressions.finding import Finding
from wf_server.expressions.syntax import (
    Mention,
    Tokens,
    bound_names,
    conjuncts,
    for_all,
    is_literal,
    mentions,
    position,
    sides,
    span,
    tokenize,
)
from wf_server.wording import printable, storable, told

#: In characters.
MAX_LENGTH = 2_000
#: Brackets in brackets.
MAX_DEPTH = 20
#: What one evaluation may take, by the library: elements that its macros look at.
STEPS = 10_000
#: A rule tells at most so many places at which it is broken.
MAX_FINDINGS = 20
#: Of a failing part, at most so many values are told.
_MAX_VALUES = 4
#: Of a failing part's text, at most so many characters are told.
_MAX_TOLD = 200
_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_BUDGET = "Iteration budget exceeded"
_TOO_DEEP = "recursion"
#: How the library begins and ends its messages: with a code.
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")

#: The variables, and the fields of those whose fields are known.
FIELDS: Mapping[str, frozenset[str]] = {
    "request": frozenset({"name", "desc", "blocks", "maxFailures", "noOvershoot", "onFailure"}),
    "inventory": frozenset({"sites", "machines"}),
    "now": frozenset(),
}
_BLOCK = frozenset(
    {
        *("desc", "rateLimit", "jobs", "maxFailures", "noOvershoot", "onFailure"),
        *("hold", "pointOfNoReturn", "ramp", "soak"),
    }
)
_JOB = frozenset({"name", "desc", "args", "timeout", "attempts"})

_VARIABLES = {
    "request": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "inventory": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
    "now": cel.Type.TIMESTAMP,
}
#: Tells at which element of the so-many-eth `all` the judge is; not to be had in rules.
_AT = "wf_at"


class RuleError(ValueError):
    """An expression that is no rule: what is wrong, and where in it."""


@dataclass(frozen=True, slots=True)
class _Element:
    """A name for an element of a list, at the position that the judge is at."""

    variable: str
    path: tuple[str, ...]


_Scope = tuple[_Element, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a rule, with the names that are bound around it."""

    tokens: Tokens
    scope: _Scope
    #: Those that all have to be true; of every element of a list, where their scope has one name more.
    parts: tuple[_Part, ...] = ()

    @property
    def quantified(self) -> _Element | None:
        if self.parts and len(self.parts[0].scope) > len(self.scope):
            return self.parts[0].scope[-1]
        return None


class Rule:
    """A rule, ready to be asked. Raises RuleError."""

    def __init__(self, text: str) -> None:
        self.text = text
        if len(text) > MAX_LENGTH:
            raise RuleError(f"an expression of {len(text):,} characters; at most {MAX_LENGTH:,} are allowed")
        if text != storable(text):
            raise RuleError("it is no text: it holds half a character")
        try:
            tokens = tokenize(text)
        except ValueError as error:
            raise RuleError(str(error)) from None
        deepest = max(tokens, key=lambda token: token.depth, default=None)
        if deepest is None:
            raise RuleError("there is no expression")
        if deepest.depth > MAX_DEPTH:
            where = position(text, deepest.start)
            raise RuleError(f"{where}: nested {deepest.depth} deep; at most {MAX_DEPTH} is allowed")
        _check_type(text)
        self._root = _parts(tokens, ())
        _check_names(text, self._root)
        self._compiled: dict[tuple[str, _Scope], cel.Expression | None] = {}

    def judge(self, case: Case) -> list[Finding]:
        """Finds where it is not true."""
        return list(islice(self._broken(case, self._root), MAX_FINDINGS))

    def _broken(self, case: Case, part: _Part) -> Iterator[Finding]:
        """Yields where a part is not true."""
        value = self._value(case, span(self.text, part.tokens), part.scope)
        if value is True:
            return
        found = False
        for finding in self._broken_inside(case, part):
            found = True
            yield finding
        # What takes too long as a whole may be true of each element.
        if not found and not (part.parts and isinstance(value, _Failed) and value.took_too_long):
            yield self._finding(case, part, value)

    def _broken_inside(self, case: Case, part: _Part) -> Iterator[Finding]:
        element = part.quantified
        if element is None:
            for inner in part.parts:
                yield from self._broken(case, inner)
            return
        for at in range(self._length(case, part.scope, element)):
            case.at[len(part.scope)] = at
            for inner in part.parts:
                yield from self._broken(case, inner)

    def _length(self, case: Case, scope: _Scope, element: _Element) -> int:
        """How many elements there are to ask one by one; none, where it is no list."""
        path = ".".join(element.path)
        length = self._value(case, f"type({path}) == list ? size({path}) : 0", scope)
        return length if isinstance(length, int) else 0

    def _value(self, case: Case, expression: str, scope: _Scope) -> Any:
        """The value of an expression among the names of its scope, or _Failed."""
        if (expression, scope) not in self._compiled:
            try:
                self._compiled[expression, scope] = _SCOPED.compile(_wrapped(expression, scope))
            except RuntimeError:
                self._compiled[expression, scope] = None
        compiled = self._compiled[expression, scope]
        return _Failed("it cannot be taken apart") if compiled is None else case.value(compiled)

    def _finding(self, case: Case, part: _Part, value: Any) -> Finding:
        text = span(self.text, part.tokens)
        if isinstance(value, _Failed):
            problem = value.words
        else:
            problem = "is false" if value is False else f"is {told(value)}, and not true or false"
        at = position(self.text, part.tokens[0].start)
        values = tuple(self._values(case, part))
        return Finding(_short(text), at, problem, values, *_place(case, part.scope))

    def _values(self, case: Case, part: _Part) -> Iterator[str]:
        """Tells what a failing part looked at."""
        shown = 0
        texts = [span(self.text, side) for side in sides(part.tokens) if not is_literal(side)]
        texts += [span(self.text, mention.whole) for mention in mentions(part.tokens)]
        for text in dict.fromkeys(texts):
            value = self._value(case, text, part.scope)
            if isinstance(value, (_Failed, dict, list)):
                continue
            yield f"{_short(text)} is {told(value)}"
            shown += 1
            if shown == _MAX_VALUES:
                return


class Case:
    """A WorkReq to be judged, with what may be known besides."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        #: At which element of each `all` the judge is, the outermost first.
        self.at = [0] * (MAX_DEPTH + 1)
        where = cel.Function(_AT, [cel.Type.INT], False, self.at.__getitem__)
        self._activation = _SCOPED.Activation(dict(facts), functions=[where])

    def value(self, expression: cel.Expression) -> Any:
        """What an expression gives, or _Failed."""
        try:
            value = expression.eval(self._activation)
            plain = value.plain_value()
        except (RuntimeError, ValueError, OverflowError) as error:
            return _Failed(_reason(str(error)), took_too_long=_BUDGET in str(error))
        return _Failed(_reason(str(plain))) if value.type() == cel.Type.ERROR else plain


@dataclass(frozen=True, slots=True)
class _Failed:
    """That an expression has no value, and why."""

    words: str
    took_too_long: bool = False


def _reason(error: str) -> str:
    if _BUDGET in error:
        return f"looks at more than {STEPS:,} elements, which is the limit"
    return f"has no value: {_plain(error)}"


def _plain(error: str) -> str:
    """What the library says, in one line."""
    line = error.partition("\n")[0]
    return printable(_CODE.sub("", line))[:_MAX_TOLD] or "nobody knows why"


def _environment(*, scoped: bool) -> cel.Env:
    overload = cel.Overload(f"{_AT}_int", cel.Type.INT, [cel.Type.INT], False)
    extension = cel.CelExtension("wf", [cel.FunctionDecl(_AT, [overload])])
    return cel.NewEnv(variables=_VARIABLES, extensions=[extension] if scoped else [])


_PLAIN = _environment(scoped=False)
_SCOPED = _environment(scoped=True)


def _check_type(text: str) -> None:
    """Raises RuleError for what is no expression, or one whose value can be neither true nor false."""
    try:
        kind = _PLAIN.compile(text).return_type()
    except Exception as error:  # noqa: BLE001 - whatever the library raises of a text, it is no rule
        found = _ERROR.search(str(error))
        if found is None and _TOO_DEEP in str(error):
            raise RuleError("it is nested too deeply, or is too long a chain; write it as several") from None
        if found is None:
            raise RuleError(_plain(str(error))) from None
        line, column, what = found.groups()
        raise RuleError(f"line {line} column {column}: {printable(what)[:_MAX_TOLD]}") from None
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        raise RuleError(f"line 1 column 1: its value is of type {kind.name()}; true or false is expected")


def _check_names(text: str, root: _Part) -> None:
    """Raises RuleError for a field that there is not, and for a variable's name that is given away."""
    for name in bound_names(tokenize(text)):
        if name.text in FIELDS:
            where = position(text, name.start)
            raise RuleError(f"{where}: {name.text} is what the rule is about; call the element otherwise")
    for part in _leaves(root):
        fields = {**FIELDS, **_fields_in(part.scope)}
        shadowed = {name.text for name in bound_names(part.tokens)}
        for mention in mentions(part.tokens):
            if mention.path[0] not in shadowed:
                _check_field(text, mention, fields)


def _check_field(text: str, mention: Mention, fields: Mapping[str, frozenset[str]]) -> None:
    known = fields.get(mention.path[0])
    if known is None or len(mention.path) < 2 or mention.path[1] in known:
        return
    has = ", ".join(sorted(known)) or "none"
    where = position(text, mention.token.start)
    raise RuleError(f"{where}: {mention.path[0]} has no field {mention.path[1]}; it has {has}")


def _fields_in(scope: _Scope) -> dict[str, frozenset[str]]:
    """The fields of the elements whose kind is known."""
    fields: dict[str, frozenset[str]] = {}
    for element in scope:
        fields.pop(element.variable, None)
        if element.path == ("request", "blocks"):
            fields[element.variable] = _BLOCK
        elif len(element.path) == 2 and element.path[1] == "jobs" and fields.get(element.path[0]) is _BLOCK:
            fields[element.variable] = _JOB
    return fields


def _place(case: Case, scope: _Scope) -> tuple[int | None, int | None]:
    """Which block and job a part is about."""
    block = job = None
    kinds: dict[str, frozenset[str]] = {}
    for depth, element in enumerate(scope):
        kinds = _fields_in(scope[: depth + 1])
        if kinds.get(element.variable) is _BLOCK:
            block, job = case.at[depth], None
        elif kinds.get(element.variable) is _JOB:
            job = case.at[depth]
    return block, job


def _parts(tokens: Tokens, scope: _Scope) -> _Part:
    """Takes an expression apart."""
    operands = conjuncts(tokens)
    if len(operands) > 1:
        return _Part(tokens, scope, tuple(_parts(operand, scope) for operand in operands))
    every = for_all(tokens)
    if every is None or len(scope) == MAX_DEPTH:
        return _Part(tokens, scope)
    inner = (*scope, _Element(every.variable, every.path))
    return _Part(tokens, scope, (_parts(every.body, inner),))


def _leaves(part: _Part) -> Iterator[_Part]:
    if not part.parts:
        yield part
    for inner in part.parts:
        yield from _leaves(inner)


def _wrapped(expression: str, scope: _Scope) -> str:
    """An expression that gives the value of another one among the names of its scope.

    By positions, so that nothing large is copied for each element.
    """
    wrapped = f"dyn({expression}\n)"
    for depth in reversed(range(len(scope))):
        element = scope[depth]
        wrapped = f"[{'.'.join(element.path)}[{_AT}({depth})]].map({element.variable}, {wrapped})[0]"
    return wrapped


def _short(text: str) -> str:
    text = printable(" ".join(text.split()))
    return text if len(text) <= _MAX_TOLD else f"{text[: _MAX_TOLD - 3]}..."
