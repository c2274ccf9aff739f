"""`make fuzz`: damaged input without end, for a time, with counts and the memory that it took."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.fuzz.targets import TARGETS, Target, damaged

#: Inputs before the memory is looked at for the first time: caches are filled by then.
WARM_UP = 500
#: What it may grow by after that. MiB.
GROWTH = 32


def resident() -> float:
    """This process's memory. MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


async def run(name: str, target: Target, seeds: tuple[bytes, ...], seed: int, seconds: float) -> bool:
    """Feeds a target; False where it broke or grew."""
    chance, ends, count, before = random.Random(f"{seed} {name}"), time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < ends:
        data = damaged(seeds, chance)
        try:
            async with asyncio.timeout(10):
                await target(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not expected
            print(f"{name}: {type(error).__name__}: {error}\n  after {count} inputs: {data!r}")
            return False
        # The loop lets go of the timeouts that are over only when it has its turn.
        await asyncio.sleep(0)
        count += 1
        if count == WARM_UP:
            before = resident()
    grown = resident() - before if before else 0.0
    print(f"{name:14} {count:9,} inputs   memory {grown:+.1f} MiB")
    return grown < GROWTH


def with_atheris(name: str, seconds: int, seed: int) -> None:
    """Feeds one target by atheris, which is guided by coverage; it ends the process."""
    import atheris

    target = TARGETS[name][0]
    loop, corpus = asyncio.new_event_loop(), Path(tempfile.mkdtemp(prefix="wf-fuzz-"))
    for number, data in enumerate(TARGETS[name][1]):
        (corpus / str(number)).write_bytes(data)
    asyncio.set_event_loop(loop)
    atheris.instrument_all()
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-seed={seed}",
            "-rss_limit_mb=1024",
            "-timeout=10",
            str(corpus),
        ],
        lambda data: loop.run_until_complete(target(data)),
    )
    atheris.Fuzz()


def main() -> None:
    """`python -m tests.fuzz SECONDS SEED [atheris TARGET]`: seconds for each target."""
    seconds, seed = int(sys.argv[1]), int(sys.argv[2])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    if len(sys.argv) > 3:
        with_atheris(sys.argv[4], seconds, seed)
    print(f"seed {seed}, {seconds} s each")
    well = [asyncio.run(run(name, *parts, seed, seconds)) for name, parts in TARGETS.items()]
    sys.exit(not all(well))


if __name__ == "__main__":
    main()
