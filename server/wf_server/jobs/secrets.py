"""Arguments that are secrets: references in the WorkReq, values only while the job's code runs.

A value is never stored, logged, shown or exported: it is read when the job starts, and masked in whatever
the job says of itself. A plain value where a reference belongs is hidden before anything looks at it.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from wf_server.config import SecretSettings
from wf_server.jobs.base import ArgKind, JobFailed, JobType

#: What stands where a plain value was given: it is no reference, so the request is refused.
HIDDEN = "(hidden)"
#: What stands in the place of a value.
MASK = "***"
#: Shorter values could not be told from other text. Characters.
SHORTEST = 6
#: Larger files are no secrets. Bytes.
LARGEST = 64 * 2**10

_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,199}|file:/[^\x00-\x1f\x7f]{1,1000}")
EXPECTED = "a reference: env:NAME or file:/PATH, of the server"


def is_reference(value: str) -> bool:
    """Whether a value is spelt as a reference to a secret."""
    return _REFERENCE.fullmatch(value) is not None


def hidden(job_type: JobType, args: Mapping[str, str]) -> Mapping[str, str]:
    """The arguments, those that are secrets and no references replaced; themselves where there are none."""
    plain = [
        arg.name
        for arg in job_type.args
        if arg.kind is ArgKind.SECRET and args.get(arg.name) and not is_reference(args[arg.name])
    ]
    return MappingProxyType({**args, **dict.fromkeys(plain, HIDDEN)}) if plain else args


class Mask:
    """Takes the values of secrets out of texts, also where they are quoted or encoded in usual ways."""

    def __init__(self, values: Collection[str]) -> None:
        spellings = {spelling for value in values for spelling in _spellings(value)}
        # The longest first: one may be a part of another.
        self._spellings = sorted(spellings, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        for spelling in self._spellings:
            text = text.replace(spelling, MASK)
        return text


NO_MASK = Mask(())


def _spellings(value: str) -> set[str]:
    lines = {line.strip() for line in value.splitlines() if len(line.strip()) >= SHORTEST}
    return {
        value,
        *lines,
        repr(value)[1:-1],
        json.dumps(value)[1:-1],
        quote(value),
        quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
        base64.urlsafe_b64encode(value.encode()).decode(),
    }


class Opened(NamedTuple):
    """A job's arguments as its code gets them, and what hides the secrets among them."""

    args: Mapping[str, str]
    mask: Mask


class Secrets:
    """Which references server.toml lets jobs use, and what they stand for."""

    def __init__(self, settings: SecretSettings | None = None) -> None:
        self._settings = settings or SecretSettings()

    def refusal(self, reference: str) -> str:
        """Why a reference may not be used here; empty: it may. It need not exist yet."""
        kind, _, name = reference.partition(":")
        if kind == "env":
            prefixes = self._settings.env_prefixes
            return "" if name.startswith(prefixes) else "no variable of this name may be referred to"
        path = Path(os.path.normpath(name))
        allowed = any(path.is_relative_to(directory) for directory in self._settings.directories)
        return "" if allowed else "no file there may be referred to"

    async def open(self, job_type: JobType, args: Mapping[str, str]) -> Opened:
        """Reads the secrets among a job's arguments. Raises JobFailed, without their values."""
        names = [arg.name for arg in job_type.args if arg.kind is ArgKind.SECRET and args.get(arg.name)]
        if not names:
            return Opened(args, NO_MASK)
        values = {name: await self._value(args[name]) for name in names}
        return Opened(MappingProxyType({**args, **values}), Mask(values.values()))

    async def _value(self, reference: str) -> str:
        if not is_reference(reference):
            raise JobFailed(f"a secret is no reference: expected {EXPECTED}")
        refusal = self.refusal(reference)
        if refusal:
            raise JobFailed(f"{reference}: {refusal}; [secrets] of server.toml says which may")
        kind, _, name = reference.partition(":")
        if kind == "env":
            value = os.environ.get(name, "")
        else:
            value = await asyncio.to_thread(self._file, reference, Path(name))
        if len(value) < SHORTEST:
            told = (
                "is not set" if not value else f"has fewer than {SHORTEST} characters: it could not be hidden"
            )
            raise JobFailed(f"{reference} {told}")
        return value

    def _file(self, reference: str, path: Path) -> str:
        """Reads a secret's file, less its last line break. Blocks."""
        try:
            real = path.resolve(strict=True)
            # A link may lead elsewhere.
            if not any(real.is_relative_to(Path(d).resolve()) for d in self._settings.directories):
                raise JobFailed(f"{reference}: leads to a file that may not be referred to")
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
            with open(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise JobFailed(f"{reference}: is no regular file")
                data = file.read(LARGEST + 1)
        except OSError as error:
            raise JobFailed(f"{reference}: cannot be read: {error.strerror}") from None
        if len(data) > LARGEST:
            raise JobFailed(f"{reference}: has more than {LARGEST} bytes")
        try:
            return data.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            # The error itself would quote the bytes.
            raise JobFailed(f"{reference}: is not UTF-8 text") from None
