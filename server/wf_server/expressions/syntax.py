"""What an expression consists of, as far as is needed to say which part of it failed.

Whether it is an expression at all is the CEL library's business: what is not understood here stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
      | (?P<text>(?:[rR][bB]?|[bB][rR])(?:\"{3}(?s:.*?)\"{3}|'{3}(?s:.*?)'{3}|"[^"\n]*"|'[^'\n]*')
               | [bB]?(?:\"{3}(?s:\\.|.)*?\"{3}|'{3}(?s:\\.|.)*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      | (?P<number>[0-9](?:[eE][+-][0-9]|[0-9A-Za-z.])*)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>&&|\|\||[=!<>]=|(?s:.))""",
    re.VERBOSE,
)
_OPENS = {"(": ")", "[": "]", "{": "}"}
_COMPARES = frozenset({"==", "!=", "<=", ">=", "<", ">", "in"})
#: Names that are no variables.
_WORDS = frozenset({"true", "false", "null", "in"})
#: Macros that bind a name to each element in turn.
_BINDING = frozenset({"all", "exists", "exists_one", "map", "filter"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression, and how many brackets are open around it; a bracket is outside itself."""

    kind: str
    text: str
    start: int
    end: int
    depth: int


Tokens = Sequence[Token]


def tokenize(expression: str) -> list[Token]:
    """Splits an expression. Raises ValueError where brackets do not match."""
    tokens: list[Token] = []
    closing: list[str] = []
    for match in _TOKEN.finditer(expression):
        kind, text = str(match.lastgroup), match[0]
        if kind == "blank":
            continue
        if kind == "sign" and text in _OPENS.values() and (not closing or closing.pop() != text):
            raise ValueError(f"{position(expression, match.start())}: this {text} closes nothing")
        tokens.append(Token(kind, text, match.start(), match.end(), len(closing)))
        if kind == "sign" and text in _OPENS:
            closing.append(_OPENS[text])
    if closing:
        raise ValueError(f"{position(expression, len(expression))}: {closing[-1]} is missing")
    return tokens


def position(expression: str, offset: int) -> str:
    """A place in an expression, as people count: `line 1 column 5`."""
    before = expression[:offset]
    return f"line {before.count(chr(10)) + 1} column {offset - (before.rfind(chr(10)) + 1) + 1}"


def span(expression: str, tokens: Tokens) -> str:
    """What tokens stand for, as it was written."""
    return expression[tokens[0].start : tokens[-1].end]


def conjuncts(tokens: Tokens) -> list[Tokens]:
    """The operands of the outermost `&&`, all of which have to be true; one, where there is none."""
    tokens = _bare(tokens)
    top = tokens[0].depth
    outermost = [at for at, token in enumerate(tokens) if token.depth == top]
    if any(tokens[at].text in ("||", "?") and tokens[at].kind == "sign" for at in outermost):
        return [tokens]
    parts: list[Tokens] = []
    start = 0
    for at in (*(at for at in outermost if tokens[at].text == "&&"), len(tokens)):
        if at == start:
            return [tokens]
        parts.append(tokens[start:at])
        start = at + 1
    return parts


def _bare(tokens: Tokens) -> Tokens:
    """Without the brackets around the whole."""
    while len(tokens) > 2 and tokens[0].text == "(" and _closes(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closes(tokens: Tokens, opening: int) -> int:
    """Where the bracket ends that opens there."""
    depth = tokens[opening].depth
    return next(at for at in range(opening + 1, len(tokens)) if tokens[at].depth == depth)


@dataclass(frozen=True, slots=True)
class ForAll:
    """`request.blocks.all(b, …)`: each element, by a name, has to fulfil the body."""

    path: tuple[str, ...]
    variable: str
    body: Tokens


def for_all(tokens: Tokens) -> ForAll | None:
    """An expression that demands something of every element of a named list; None: it is none."""
    tokens = _bare(tokens)
    path, at = _path(tokens, 0)
    if len(path) < 2 or path[-1] != "all" or at >= len(tokens) or tokens[at].text != "(":
        return None
    inside = tokens[at + 1 : -1]
    if _closes(tokens, at) != len(tokens) - 1 or len(inside) < 3:
        return None
    variable, comma, body = inside[0], inside[1], inside[2:]
    if variable.kind != "name" or comma.text != "," or any(_is_comma(token, comma.depth) for token in body):
        return None
    return ForAll(path[:-1], variable.text, body)


def _is_comma(token: Token, depth: int) -> bool:
    return token.kind == "sign" and token.text == "," and token.depth == depth


def _path(tokens: Tokens, at: int) -> tuple[tuple[str, ...], int]:
    """The names joined by dots that begin at a token, and where they end."""
    path: list[str] = []
    while at < len(tokens) and tokens[at].kind == "name" and tokens[at].text not in _WORDS:
        path.append(tokens[at].text)
        if not (at + 1 < len(tokens) and tokens[at + 1].text == "."):
            return tuple(path), at + 1
        at += 2
    return tuple(path), at


def sides(tokens: Tokens) -> list[Tokens]:
    """What is compared, of an expression that compares two things; none: it does not."""
    tokens = _bare(tokens)
    top = tokens[0].depth
    outermost = [at for at, token in enumerate(tokens) if token.depth == top and token.kind != "text"]
    if any(tokens[at].text in ("||", "&&", "?") for at in outermost):
        return []
    signs = [at for at in outermost if tokens[at].text in _COMPARES]
    if len(signs) != 1 or signs[0] in (0, len(tokens) - 1):
        return []
    return [tokens[: signs[0]], tokens[signs[0] + 1 :]]


def is_literal(tokens: Tokens) -> bool:
    """Whether it says by itself what its value is."""
    return all(token.kind != "name" or token.text in _WORDS for token in tokens)


@dataclass(frozen=True, slots=True)
class Mention:
    """A variable, with the fields that are taken from it one after the other."""

    token: Token
    path: tuple[str, ...]
    #: The same with what is taken by index and key too: `inventory.sites[j.args.site].status`.
    whole: Tokens


def mentions(tokens: Tokens) -> Iterator[Mention]:
    """Yields every variable that an expression names; a method's name is no field."""
    at = 0
    while at < len(tokens):
        path, end = _path(tokens, at)
        follows_dot = at > 0 and tokens[at - 1].text == "."
        if path and not follows_dot:
            if end < len(tokens) and tokens[end].text == "(":
                path = path[:-1]
            if path:
                yield Mention(tokens[at], path, tokens[at : _whole(tokens, at + 2 * len(path) - 1)])
        at = max(end, at + 1)


def _whole(tokens: Tokens, at: int) -> int:
    """Where it ends what is taken from the variable whose path ends there; methods are not called."""
    while at < len(tokens):
        if tokens[at].text == "[" and tokens[at].kind == "sign":
            at = _closes(tokens, at) + 1
        elif tokens[at].text == "." and not (at + 2 < len(tokens) and tokens[at + 2].text == "("):
            at += 2
        else:
            break
    return min(at, len(tokens))


def bound_names(tokens: Tokens) -> Iterator[Token]:
    """Yields the names that macros give to elements."""
    for dot, macro, opening, name in zip(tokens, tokens[1:], tokens[2:], tokens[3:], strict=False):
        if (dot.text, opening.text) == (".", "(") and macro.text in _BINDING and name.kind == "name":
            yield name
