"""Writes the sample inventory, sites.json and machines.json: `python data/generate.py [DIRECTORY]`.

A hundred sites `aaa`, `aab`, ... in order; every third, from the first on, is a satellite with fifty
machines, the others are clusters without any. Three sites are in decom. The output is always the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase

_SITES = 100
_DECOM = frozenset({"aap", "adg", "adv"})


def sites() -> Iterator[dict[str, str]]:
    """Yields the sites in name order."""
    names = ("a" + second + third for second, third in product(ascii_lowercase, repeat=2))
    for index, name in enumerate(islice(names, _SITES)):
        kind = "satellite" if index % 3 == 0 else "cluster"
        yield {"Name": name, "Type": kind, "Status": "decom" if name in _DECOM else "inService"}


def machines() -> Iterator[dict[str, str]]:
    """Yields the machines of all satellites, in the order of the sites."""
    for site in sites():
        if site["Type"] == "satellite":
            for rack, number in product("abcde", range(10)):
                yield {"Name": f"a{rack}{number:02}", "Site": site["Name"]}


def lines(objects: Iterable[dict[str, str]]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(found) + "\n" for found in objects)


def main(arguments: list[str]) -> int:
    """Writes both files; returns the exit code."""
    if len(arguments) > 1:
        print("usage: generate.py [DIRECTORY]", file=sys.stderr)
        return 2
    directory = Path(arguments[0]) if arguments else Path(__file__).parent
    try:
        (directory / "sites.json").write_text(lines(sites()), encoding="utf-8", newline="\n")
        (directory / "machines.json").write_text(lines(machines()), encoding="utf-8", newline="\n")
    except OSError as error:
        print(f"{error.filename}: cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
