"""Text from outside, made safe to paint."""

from __future__ import annotations

import re
import unicodedata

#: Terminal sequences whole, so that their parameters do not stay behind as litter.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # cursor, colour, screen
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links, clipboard
    r"|\x1b[ -/]*[0-~]"
)
_BREAKS = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
#: More accents than this on one letter are no writing, and climb over the lines around them.
_ACCENTS = 3
_REPLACEMENT = "\ufffd"
#: What keeps a letter's column count honest stays; these join or restyle neighbours and make
#: terminals disagree about widths.
_DROPPED = frozenset({"Cc", "Cf"})
_REPLACED = frozenset({"Cs", "Co", "Cn"})
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def clean(text: str, newline: str = "⏎") -> str:
    """Returns `text` on one line without control characters, escapes, bidi marks or invisible ones.

    Line breaks become `newline`, tabs and odd spaces a space, halves of surrogate pairs, private and
    unassigned characters U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    flat = _BREAKS.sub(lambda _: newline, _SEQUENCES.sub("", text))
    out: list[str] = []
    accents = 0
    for character in flat:
        category = unicodedata.category(character)
        accents = accents + 1 if category in ("Mn", "Me") else 0
        if accents <= _ACCENTS:
            out.append(_kept(character, category))
    return "".join(out)


def _kept(character: str, category: str) -> str:
    if character == "\t" or category == "Zs":
        return " "
    if category in _DROPPED or ord(character) in _VARIATION_SELECTORS:
        return ""
    return _REPLACEMENT if category in _REPLACED else character
