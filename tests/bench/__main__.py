"""`make bench`: runs every measurement and prints the table."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import console, engine, servers, stops, submit, watching
from tests.bench.table import Row, print_row, print_title

GROUPS = {
    "engine": engine.measure,
    "submit": submit.measure,
    "stop": stops.measure,
    "watch": watching.measure,
    "console": console.measure,
}


async def rows(names: list[str]) -> AsyncIterator[Row]:
    """Measures the named groups, one after the other, each in a directory of its own."""
    for name in names:
        with TemporaryDirectory(prefix="wf-bench-", ignore_cleanup_errors=True) as directory:
            async for row in GROUPS[name](Path(directory)):
                yield row


async def main() -> None:
    """Prints each row as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("group", nargs="*", choices=[*GROUPS, []], help="what to measure; default: all")
    parser.add_argument(
        "--tls", action="store_true", help="with TLS and a token as well, and what that costs (not console)"
    )
    given = parser.parse_args()
    names = given.group or list(GROUPS)
    print_title()
    if given.tls:
        await _both(names)
        return
    async for row in rows(names):
        print_row(row)
        sys.stdout.flush()


async def _both(names: list[str]) -> None:
    """Prints each figure without and with TLS and authentication, and the change."""
    for name in names:
        if name == "console":
            continue
        servers.plain()
        before = [row async for row in rows([name])]
        servers.secure()
        after = [row async for row in rows([name])]
        for plain, secured in zip(before, after, strict=True):
            print_row(plain)
            change = (secured.figure / plain.figure - 1) * 100 if plain.figure else 0.0
            print_row(replace(secured, what=f"  with TLS and a token ({change:+.0f} %)", note=""))
        sys.stdout.flush()


asyncio.run(main())
