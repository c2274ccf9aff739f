"""The sample inventory is what its generator makes, and what everybody expects of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wf_server.inventory import Inventory, SiteStatus, SiteType


def generate(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "data" / "generate.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_committed_files_are_the_generators(root: Path, tmp_path: Path) -> None:
    assert generate(root, str(tmp_path)).returncode == 0
    for name in ("sites.json", "machines.json"):
        assert (tmp_path / name).read_bytes() == (root / "data" / name).read_bytes()


def test_it_says_what_it_cannot_do(root: Path, tmp_path: Path) -> None:
    absent = generate(root, str(tmp_path / "absent"))
    assert absent.returncode == 2
    assert "cannot be written: No such file" in absent.stderr
    assert "Traceback" not in absent.stderr
    assert generate(root, "a", "b").returncode == 2


def test_the_sites(inventory: Inventory) -> None:
    names = list(inventory.sites)
    assert len(names) == 100
    assert (names[0], names[1], names[25], names[26], names[-1]) == ("aaa", "aab", "aaz", "aba", "adv")
    satellites = [site.name for site in inventory.sites.values() if site.type is SiteType.SATELLITE]
    assert satellites == names[::3]
    assert len(satellites) == 34
    decom = {site.name for site in inventory.sites.values() if site.status is SiteStatus.DECOM}
    assert decom == {"aap", "adg", "adv"}
    assert all(
        site.status is SiteStatus.IN_SERVICE for site in inventory.sites.values() if site.name not in decom
    )


def test_aap_is_a_satellite_in_decom(inventory: Inventory) -> None:
    site = inventory.sites["aap"]
    assert (site.type, site.status) == (SiteType.SATELLITE, SiteStatus.DECOM)


def test_the_machines(inventory: Inventory) -> None:
    expected = tuple(f"a{rack}{number:02}" for rack in "abcde" for number in range(10))
    for site in inventory.sites.values():
        assert inventory.machines[site.name] == (expected if site.type is SiteType.SATELLITE else ())
    assert sum(map(len, inventory.machines.values())) == 1_700
