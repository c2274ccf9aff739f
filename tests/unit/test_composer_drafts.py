"""Drafts on disk: whole, one for each composer, and found again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wf_tui.drafts import Drafts, write_whole
from wf_tui.state.models import Block, Job, WorkReq

REQUEST = WorkReq("Maintenance", "übung\x1b[2J", (Block("one", 2, (Job("sleep", "", {"seconds": "1"}),)),))


def test_a_draft_that_nobody_holds_is_found_once(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path / "deep" / "drafts")
    assert drafts.left_behind() is None
    first = drafts.new()
    first.save(REQUEST, "r-1")
    assert drafts.left_behind() is None, "it is held"
    first.close()
    found = drafts.left_behind()
    assert found is not None
    saved = found.load()
    assert saved is not None
    assert (saved.request, saved.mends) == (REQUEST, "r-1")
    assert drafts.left_behind() is None
    found.discard()
    found.close()
    assert list((tmp_path / "deep" / "drafts").iterdir()) == []


def test_the_newest_is_found_and_what_is_no_draft_is_not(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    for age, name in ((300, "old"), (200, "new")):
        draft = drafts.new()
        draft.save(WorkReq(name, "", ()), "")
        os.utime(draft._path, (1_772_000_000 - age, 1_772_000_000 - age))
        draft.close()
    for number, text in enumerate(("", "{", "[]", '{"workreq": {"name": 5}, "mends": ""}', "[" * 100_000)):
        (tmp_path / f"{number}.json").write_text(text)
    found = drafts.left_behind()
    assert found is not None
    saved = found.load()
    assert saved is not None
    assert saved.request.name == "new"
    found.close()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "request.yaml"
    path.write_text("before")
    path.chmod(0o640)
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half \ud800")
    assert path.read_text() == "before"
    write_whole(path, "after")
    assert path.read_text() == "after"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text("before")
    link = tmp_path / "link.yaml"
    link.symlink_to("target.yaml")
    write_whole(link, "after")
    assert link.is_symlink()
    assert (tmp_path / "target.yaml").read_text() == "after"
