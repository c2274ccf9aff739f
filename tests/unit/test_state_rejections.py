"""The list of refused WorkReqs, and the tree of one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from wf_tui.state.filters import Filter
from wf_tui.state.models import Block, Job, RejectionSummary, Violation, WorkReq
from wf_tui.state.offence_tree import Kind, Line, OffenceTree
from wf_tui.state.rejections import Rejections
from wf_tui.state.samples import ago


def refused(number: int, **fields: object) -> RejectionSummary:
    base = RejectionSummary(
        f"r{number}", "Maintenance", f"Run {number}", "ada@ops-1", ago(60 * number), 1, 2, 1, "no such job"
    )
    return replace(base, **fields)  # type: ignore[arg-type]


def shown(rejections: Rejections) -> list[str]:
    return [rejections[at].id for at in range(len(rejections))]


def test_the_newest_come_first_and_a_change_replaces() -> None:
    rejections = Rejections()
    rejections.take_newest([refused(2), refused(1)], "")
    assert shown(rejections) == ["r1", "r2"]
    rejections.take_newest([refused(0), refused(1, mended_by="w1"), refused(2)], "")
    assert shown(rejections) == ["r0", "r1", "r2"]
    assert rejections.unmended == 2


def test_older_pages_stay_when_the_newest_is_read_again() -> None:
    rejections = Rejections()
    rejections.take_newest([refused(1), refused(2)], "older")
    rejections.take_older([refused(3)], "")
    rejections.take_newest([refused(0), refused(1)], "older")
    assert shown(rejections) == ["r0", "r1", "r2", "r3"]
    assert rejections.older == ""


def test_a_page_with_nothing_known_begins_anew() -> None:
    rejections = Rejections()
    rejections.take_newest([refused(5)], "")
    rejections.take_newest([refused(1), refused(2)], "more")
    assert shown(rejections) == ["r1", "r2"]
    assert rejections.older == "more"


def test_the_filter_knows_open_from_mended() -> None:
    rejections = Rejections()
    rejections.take_newest([refused(1), refused(2, mended_by="w1")], "")
    rejections.narrow(Filter.parse("MAINTENANCE mended"))
    assert shown(rejections) == ["r2"]
    rejections.narrow(Filter.parse("open"))
    assert shown(rejections) == ["r1"]
    assert rejections.total == 2
    assert rejections.find("r2") is None


def request(*sizes: int) -> WorkReq:
    return WorkReq(
        "W", "", tuple(Block(f"b{at}", 1, (Job("sleep"),) * size) for at, size in enumerate(sizes))
    )


def test_each_violation_stands_beneath_what_it_points_at() -> None:
    violations = [
        Violation("p", "late", 1, 1),
        Violation("p", "whole"),
        Violation("p", "block", 0),
        Violation("p", "first", 0, 0, "seconds"),
    ]
    tree = OffenceTree(request(1, 2), violations)
    assert tree.lines == [
        Line(Kind.REQUEST),
        Line(Kind.OFFENCE, -1, -1, 1),
        Line(Kind.BLOCK, 0),
        Line(Kind.OFFENCE, 0, -1, 2),
        Line(Kind.JOB, 0, 0),
        Line(Kind.OFFENCE, 0, 0, 3),
        Line(Kind.BLOCK, 1),
        Line(Kind.JOB, 1, 0),
        Line(Kind.JOB, 1, 1),
        Line(Kind.OFFENCE, 1, 1, 0),
    ]
    assert [tree.ordinal(line) for line in tree.lines if line.kind is Kind.OFFENCE] == [1, 2, 3, 4]


def test_a_large_block_shows_only_what_is_wrong_until_it_is_opened() -> None:
    tree = OffenceTree(request(3, 1000), [Violation("p", "m", 1, 700)])
    assert tree.lines == [
        Line(Kind.REQUEST),
        Line(Kind.BLOCK, 0),
        Line(Kind.BLOCK, 1),
        Line(Kind.JOB, 1, 700),
        Line(Kind.OFFENCE, 1, 700, 0),
        Line(Kind.REST, 1),
    ]
    assert tree.hidden(1) == 999
    tree.toggle(5)
    assert len(tree.lines) == 3 + 1000 + 1
    tree.toggle(2)
    assert len(tree.lines) == 3


def test_the_next_violation_is_found_in_closed_blocks_and_round_the_end() -> None:
    tree = OffenceTree(request(1, 1), [Violation("p", "a", 0, 0), Violation("p", "b", 1, 0)])
    tree.toggle(tree.lines.index(Line(Kind.BLOCK, 1)))
    first = tree.next_offence(0, 1)
    assert first is not None
    assert tree.lines[first].offence == 0
    second = tree.next_offence(first, 1)
    assert second is not None
    assert tree.lines[second].offence == 1
    assert tree.next_offence(second, 1) == first
    assert tree.next_offence(first, -1) == second
    assert OffenceTree(request(1), []).next_offence(0, 1) is None


place = st.one_of(st.none(), st.integers(-3, 5))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(place, place), max_size=20), st.lists(st.integers(0, 40), max_size=4))
def test_no_violation_is_ever_lost_wherever_it_points(
    places: list[tuple[int | None, int | None]], sizes: list[int]
) -> None:
    tree = OffenceTree(request(*sizes), [Violation("p", "m", block, job) for block, job in places])
    seen = [line.offence for line in tree.lines if line.kind is Kind.OFFENCE]
    assert sorted(seen) == list(range(len(places)))
