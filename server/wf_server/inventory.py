"""The sites and machines that jobs act on, read whole from sites.json and machines.json."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import structlog

from wf_server.errors import ConfigError
from wf_server.files import read_objects
from wf_server.wording import told

log = structlog.get_logger(__name__)

SITE_NAME = re.compile(r"[a-z]{3}")
MACHINE_NAME = re.compile(r"[a-z]{2}[0-9]{2}")

_Choice = TypeVar("_Choice", bound=Enum)


class SiteType(Enum):
    """The values are those of sites.json."""

    SATELLITE = "satellite"
    CLUSTER = "cluster"


class SiteStatus(Enum):
    """The values are those of sites.json."""

    IN_SERVICE = "inService"
    DECOM = "decom"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Site:
    """A place where machines are."""

    name: str
    type: SiteType
    status: SiteStatus


@dataclass(frozen=True, slots=True)
class Inventory:
    """All sites, and the short names of each site's machines, both in name order. Immutable."""

    sites: Mapping[str, Site]
    #: By site; a site without machines may be missing.
    machines: Mapping[str, tuple[str, ...]]
    _full_names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        full = frozenset(f"{name}.{site}" for site, names in self.machines.items() for name in names)
        object.__setattr__(self, "_full_names", full)

    def has_machine(self, site: str, machine: str) -> bool:
        """Whether the site has a machine of that short name."""
        return f"{machine}.{site}" in self._full_names


def load_inventory(data_dir: Path) -> Inventory:
    """Reads and validates sites.json and machines.json whole. Blocks.

    Raises ConfigError "path:line: what is wrong and what to do".
    """
    sites = _load_sites(data_dir / "sites.json")
    machines = _load_machines(data_dir / "machines.json", sites)
    return Inventory(MappingProxyType(sites), MappingProxyType(machines))


def _load_sites(path: Path) -> dict[str, Site]:
    sites: dict[str, Site] = {}
    for line, found in read_objects(path):
        where = f"{path}:{line}"
        _expect_fields(where, found, ("Name", "Type", "Status"))
        name = _name(where, "Name", found["Name"], SITE_NAME, "three lowercase letters")
        if name in sites:
            raise ConfigError(f'{where}: site "{name}" stands here a second time; remove one of the lines')
        kind = _choice(where, "Type", found["Type"], SiteType)
        sites[name] = Site(name, kind, _choice(where, "Status", found["Status"], SiteStatus))
    return dict(sorted(sites.items()))


def _load_machines(path: Path, sites: Mapping[str, Site]) -> dict[str, tuple[str, ...]]:
    machines: dict[str, set[str]] = {name: set() for name in sites}
    for line, found in read_objects(path):
        where = f"{path}:{line}"
        _expect_fields(where, found, ("Name", "Site"))
        name = _name(where, "Name", found["Name"], MACHINE_NAME, "two lowercase letters and two digits")
        site = _name(where, "Site", found["Site"], SITE_NAME, "three lowercase letters")
        if site not in machines:
            raise ConfigError(
                f'{where}: machine "{name}" is at site "{site}", which sites.json does not have'
            )
        if name in machines[site]:
            again = f'machine "{name}.{site}" stands here a second time'
            raise ConfigError(f"{where}: {again}; remove one of the lines")
        machines[site].add(name)
    return {site: tuple(sorted(names)) for site, names in machines.items()}


def _expect_fields(where: str, found: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in found:
        if name not in names:
            raise ConfigError(f"{where}: unknown field {told(name)}; the fields are {', '.join(names)}")
    for name in names:
        if name not in found:
            raise ConfigError(f'{where}: the field "{name}" is missing; add it')


def _name(where: str, field_name: str, value: object, pattern: re.Pattern[str], expected: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ConfigError(f"{where}: {field_name} is {told(value)}; {expected} are expected")
    return value


def _choice(where: str, field_name: str, value: object, choices: type[_Choice]) -> _Choice:
    for choice in choices:
        if choice.value == value:
            return choice
    expected = " or ".join(f'"{choice.value}"' for choice in choices)
    raise ConfigError(f"{where}: {field_name} is {told(value)}; {expected} is expected")


class LiveInventory:
    """The inventory in force, which follows its files; a broken file leaves the last good one in force."""

    def __init__(self, data_dir: Path, settle_seconds: float = 0.1) -> None:
        self._data_dir = data_dir
        self._current = Inventory(MappingProxyType({}), MappingProxyType({}))
        self._problem = ""
        self._settle_seconds = settle_seconds
        self._reading = asyncio.Lock()

    @property
    def current(self) -> Inventory:
        """The inventory in force; empty before `load`."""
        return self._current

    @property
    def problem(self) -> str:
        """Why the files as they are now are not in force; empty when they are."""
        return self._problem

    @property
    def files(self) -> tuple[Path, ...]:
        """The files to watch."""
        return (self._data_dir / "sites.json", self._data_dir / "machines.json")

    async def load(self) -> None:
        """Reads the files. Raises ConfigError."""
        async with self._reading:
            self._current = await asyncio.to_thread(load_inventory, self._data_dir)
            self._problem = ""

    async def reload(self) -> None:
        """Reads the files again; where they are broken, keeps what is in force and the reason."""
        # An editor may have written a part of them: less than the whole can look right.
        await asyncio.sleep(self._settle_seconds)
        before, known = self._current, self._problem
        try:
            await self.load()
        except ConfigError as error:
            self._problem = str(error)
            if self._problem != known:
                log.warning("inventory not in force, the last good one stays", problem=self._problem)
            return
        if known or self._current != before:
            log.info("inventory in force", sites=len(self._current.sites))
