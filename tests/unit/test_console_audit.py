"""The audit in the console: pages, what the filter looks through, and lines of an export."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.snapshots.test_audit_pictures import entry
from wf_tui.screens.audit import AuditScreen
from wf_tui.state.audit import AuditEntry, AuditPage, Trail, read_entry
from wf_tui.state.filters import Filter
from wf_tui.state.samples import ago
from wf_tui.testing import FakeGateway, frozen_app, press, sample_gateway, settle, type_text


def numbered(first: int, last: int) -> tuple[AuditEntry, ...]:
    return tuple(
        entry(n, ago(10_000 - n), "ann" if n % 1_000 else "rare", "cancel") for n in range(first, last + 1)
    )


def seqs(trail: Trail) -> list[int]:
    return [trail[at].seq for at in range(len(trail))]


def test_a_trail_grows_at_both_ends() -> None:
    trail = Trail()
    trail.take_newest(AuditPage(numbered(5, 7), 5, 7, "ab"))
    trail.take_newest(AuditPage(numbered(6, 9), 6, 9, "cd"))
    assert (seqs(trail), trail.older, trail.head_hash) == ([9, 8, 7, 6, 5], 5, "cd")
    trail.take_older(AuditPage(numbered(1, 4), 0, 9, "cd"))
    assert (len(trail), trail.older) == (9, 0)
    # More was written than a page holds: what lies between is not known, so the list begins anew.
    trail.take_newest(AuditPage(numbered(20, 22), 20, 22, "ef"))
    assert (seqs(trail), trail.older) == ([22, 21, 20], 20)


def test_a_trail_is_filtered_by_fields() -> None:
    trail = Trail()
    trail.take_newest(
        AuditPage((*numbered(1, 3), entry(4, ago(1), "eve", "stop engaged", "refused")), 0, 4, "")
    )
    trail.narrow(Filter.parse("outcome:refused", ("outcome",)))
    assert (seqs(trail), trail.refused) == ([4], 1)


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"seq": 1}', '{"seq": {}}'])
def test_what_is_no_entry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_entry(text, b"", b"")


def test_a_line_of_the_export_holds_the_hashed_text_unchanged() -> None:
    told = entry(3, ago(5), "ann – €", "cancel")
    assert told.line.endswith(told.text[1:])
    assert told.line.startswith(f'{{"hash":"{told.hash}","previous":"{"00" * 32}",')


def many() -> FakeGateway:
    gateway = sample_gateway()
    gateway.entries = numbered(1, 3_000)
    return gateway


async def test_a_filter_looks_through_older_entries_by_itself() -> None:
    gateway = many()
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "W")
        screen = app.screen
        assert isinstance(screen, AuditScreen)
        assert len(screen.trail) == 200
        await press(pilot, "slash")
        await type_text(pilot, "who:rare")
        await settle(pilot)
        assert seqs(screen.trail) == [3_000, 2_000, 1_000]
        await press(pilot, "escape")
        assert len(screen.trail) == screen.trail.total == 3_000


async def test_older_entries_are_read_at_the_end_and_new_ones_come_on_top() -> None:
    gateway = many()
    app = frozen_app(gateway)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await press(pilot, "W")
        screen = app.screen
        assert isinstance(screen, AuditScreen)
        await press(pilot, "end")
        await settle(pilot)
        assert len(screen.trail) == 1_200
        gateway.entries = (*gateway.entries, replace(entry(3_001, ago(1), "bob", "submit")))
        await press(pilot, "ctrl+r")
        await settle(pilot)
        assert (screen.trail[0].seq, len(screen.trail)) == (3_001, 1_201)
