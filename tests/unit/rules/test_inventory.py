"""The inventory: read whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from wf_server.errors import ConfigError
from wf_server.inventory import Inventory, LiveInventory, Site, SiteStatus, SiteType, load_inventory

SITES = (
    '{"Name":"aaa","Type":"satellite","Status":"decom"}\n{"Name":"aab","Type":"cluster","Status":"removed"}\n'
)
MACHINES = '{"Name":"aa01","Site":"aaa"}\n{"Name":"aa00","Site":"aaa"}\n'


def write(directory: Path, sites: str = SITES, machines: str = MACHINES) -> Path:
    (directory / "sites.json").write_text(sites)
    (directory / "machines.json").write_text(machines)
    return directory


def test_sites_and_machines_are_read_in_name_order(tmp_path: Path) -> None:
    found = load_inventory(write(tmp_path))
    assert found.sites == {
        "aaa": Site("aaa", SiteType.SATELLITE, SiteStatus.DECOM),
        "aab": Site("aab", SiteType.CLUSTER, SiteStatus.REMOVED),
    }
    assert found.machines == {"aaa": ("aa00", "aa01"), "aab": ()}
    assert found.has_machine("aaa", "aa01")
    assert not found.has_machine("aab", "aa01")
    assert not found.has_machine("aaa", "aa02")


def test_it_cannot_be_changed(tmp_path: Path) -> None:
    found = load_inventory(write(tmp_path))
    with pytest.raises(TypeError):
        found.sites["zzz"] = found.sites["aaa"]  # type: ignore[index]
    with pytest.raises(AttributeError):
        found.sites = {}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ('{"Name":"aaaa","Type":"cluster","Status":"decom"}', ':1: Name is "aaaa"; three lowercase letters'),
        ('{"Name":"xaaax","Type":"cluster","Status":"decom"}', ':1: Name is "xaaax"'),
        ('{"Name":"aaa\\n","Type":"cluster","Status":"decom"}', ":1: Name is"),
        ('{"Name":7,"Type":"cluster","Status":"decom"}', ":1: Name is 7"),
        ('\n{"Name":"aaa","Type":"Cluster","Status":"decom"}', ':2: Type is "Cluster"; "satellite" or'),
        ('{"Name":"aaa","Type":"cluster","Status":null}', ':1: Status is null; "inService" or "decom" or'),
        ('{"Name":"aaa","Type":"cluster"}', ':1: the field "Status" is missing'),
        ('{"Name":"aaa","Type":"cluster","Status":"decom","X":1}', ':1: unknown field "X"'),
        (SITES + SITES, ':3: site "aaa" stands here a second time'),
        (SITES + "{", ":3:2: not JSON"),
    ],
)
def test_bad_sites_are_refused_with_their_line(tmp_path: Path, sites: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_inventory(write(tmp_path, sites=sites))
    assert str(refused.value).startswith(f"{tmp_path}/sites.json{message}")


@pytest.mark.parametrize(
    ("machines", "message"),
    [
        ('{"Name":"aa1","Site":"aaa"}', ':1: Name is "aa1"; two lowercase letters and two digits'),
        ('{"Name":"xaa01","Site":"aaa"}', ':1: Name is "xaa01"'),
        ('{"Name":"aa٠١","Site":"aaa"}', ':1: Name is "aa٠١"'),
        ('{"Name":"aa01","Site":["aaa"]}', ":1: Site is"),
        (
            '{"Name":"aa01","Site":"zzz"}',
            ':1: machine "aa01" is at site "zzz", which sites.json does not have',
        ),
        ('{"Name":"aa01"}', ':1: the field "Site" is missing'),
        ('{"Name":"aa01","Site":"aaa","Rack":1}', ':1: unknown field "Rack"'),
        (MACHINES + MACHINES, ':3: machine "aa01.aaa" stands here a second time'),
    ],
)
def test_bad_machines_are_refused_with_their_line(tmp_path: Path, machines: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_inventory(write(tmp_path, machines=machines))
    assert str(refused.value).startswith(f"{tmp_path}/machines.json{message}")


async def test_the_last_good_one_stays_until_the_file_is_mended(tmp_path: Path) -> None:
    live = LiveInventory(write(tmp_path), settle_seconds=0)
    assert live.current == Inventory({}, {})
    await live.load()
    good = live.current
    assert set(good.sites) == {"aaa", "aab"}

    write(tmp_path, sites="{")
    await live.reload()
    assert live.current is good
    assert live.problem.startswith(f"{tmp_path}/sites.json:1:")

    write(tmp_path, sites=SITES.replace("removed", "decom"))
    await live.reload()
    assert live.problem == ""
    assert live.current.sites["aab"].status is SiteStatus.DECOM


async def test_a_broken_file_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sites\.json: cannot be read"):
        await LiveInventory(tmp_path).load()


def test_the_files_to_watch_are_named(tmp_path: Path) -> None:
    assert LiveInventory(tmp_path).files == (tmp_path / "sites.json", tmp_path / "machines.json")
