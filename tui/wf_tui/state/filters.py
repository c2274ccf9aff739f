"""The language in which every list is filtered.

Words between spaces are regular expressions that ignore case; a line is let through if all of them
match it. `!word` turns one round, `status:word` looks at that field only, and a space stands in a word
if it is in brackets or quotes: `"no route"`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

_OPENS, _CLOSES = "([", ")]"


class BadPattern(Exception):
    """A word is no regular expression; the text says why and where."""


class Pattern(Protocol):
    """A compiled regular expression."""

    def search(self, text: str, /) -> object | None:
        """Finds the first match; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Term:
    """One word: what it looks for, whether it must be absent, and in which field; "" in all."""

    pattern: Pattern
    inverse: bool = False
    field: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """What was typed and what it means; false where it lets everything through."""

    text: str = ""
    terms: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms)

    @classmethod
    def parse(cls, text: str, names: Collection[str] = ()) -> Filter:
        """Reads what was typed; `names` are the fields that can be asked for. Raises BadPattern."""
        terms = [_term(word, at, names) for at, word in _words(text)]
        return cls(text.strip(), tuple(term for term in terms if term is not None))

    def lets_through(self, fields: Mapping[str, str]) -> bool:
        """Tells whether a line with these fields is shown; `^` and `$` are a field's ends."""
        if not self.terms:
            return True
        whole = "\n".join(fields.values())
        return all(
            (term.pattern.search(fields[term.field] if term.field else whole) is None) is term.inverse
            for term in self.terms
        )

    def only_in(self, name: str) -> bool:
        """Tells whether nothing but this field has to be known."""
        return all(term.field == name for term in self.terms)


#: Lets everything through.
NO_FILTER = Filter()


def _words(text: str) -> Iterator[tuple[int, str]]:
    """Cuts the text at the spaces outside brackets and quotes; yields where each word begins, and it."""
    start, depth, quoted, escaped = 0, 0, False, False
    for at, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif not quoted and character in _OPENS:
            depth += 1
        elif not quoted and character in _CLOSES:
            depth = max(0, depth - 1)
        elif character.isspace() and not depth and not quoted:
            if at > start:
                yield start, text[start:at]
            start = at + 1
    if start < len(text):
        yield start, text[start:]


def _term(word: str, at: int, names: Collection[str]) -> Term | None:
    """Reads a word that begins at a character; None while there is nothing to look for yet."""
    left = word.removeprefix("!")
    inverse = left != word
    name, colon, rest = left.partition(":")
    field = name.casefold() if colon and name.casefold() in names else ""
    wanted = rest if field else left
    offset = at + len(word) - len(wanted)
    if wanted.startswith('"'):
        wanted, offset = wanted[1:].removesuffix('"'), offset + 1
    if not wanted:
        return None
    return Term(_compile(wanted, offset), inverse, field)


def _compile(wanted: str, offset: int) -> Pattern:
    """Reads a regular expression with Python's own reader, which says what is wrong and where.

    It is matched by RE2, whose time grows with the text only: a slip of the keyboard must not freeze the
    console. What RE2 does not know (looking ahead or behind, references back) is refused.
    """
    try:
        with warnings.catch_warnings():
            # What may mean something else in a later Python is no concern of who types it now.
            warnings.simplefilter("ignore")
            re.compile(wanted)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(_complaint(error, offset)) from error
    # Imported when somebody filters: the first paint does not wait for it.
    import re2

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    try:
        return cast("Pattern", re2.compile(f"(?m){wanted}", options))
    except re2.error as error:
        told = (
            error.args[0].decode(errors="replace")
            if error.args and isinstance(error.args[0], bytes)
            else error
        )
        raise BadPattern(f"{told} (not supported in a filter)") from error


def _complaint(error: Exception, offset: int) -> str:
    position = error.pos if isinstance(error, re.error) else None
    where = f" (character {offset + position + 1})" if position is not None else ""
    return f"{getattr(error, 'msg', error)}{where}"
