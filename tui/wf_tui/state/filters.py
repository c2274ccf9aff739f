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

_OPENS, _CLOSES = "([", ")]"


class BadPattern(Exception):
    """A word is no regular expression; the text says why and where."""


@dataclass(frozen=True, slots=True)
class Term:
    """One word: what it looks for, whether it must be absent, and in which field; "" in all."""

    pattern: re.Pattern[str]
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
    try:
        with warnings.catch_warnings():
            # What may mean something else in a later Python is no concern of who types it now.
            warnings.simplefilter("ignore")
            return Term(re.compile(wanted, re.IGNORECASE | re.MULTILINE), inverse, field)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(_complaint(error, offset)) from error


def _complaint(error: Exception, offset: int) -> str:
    position = error.pos if isinstance(error, re.error) else None
    where = f" (character {offset + position + 1})" if position is not None else ""
    return f"{getattr(error, 'msg', error)}{where}"
