"""Pictures of the policy workbench."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.snapshots.conftest import Picture

from wf_tui.gateway import InvalidRequest
from wf_tui.state.samples import sample_trial
from wf_tui.state.trial import TrialNews, TrialSummary
from wf_tui.testing import FakeGateway, sample_gateway


@pytest.fixture(autouse=True)
def _draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "draft.json").write_text("{}")


def bench(*news: TrialNews) -> FakeGateway:
    gateway = sample_gateway()
    gateway.trial = news or sample_trial()
    return gateway


def choosing() -> tuple[str, ...]:
    """The keys that choose the draft: what is offered is taken out first."""
    return ("F", "f", "home", "ctrl+k", "text:draft.json", "enter")


def test_empty(picture: Picture) -> None:
    assert picture(bench(), "F", size=(80, 24))


def test_choosing(picture: Picture) -> None:
    assert picture(bench(), "F", "f", size=(80, 24))


def test_outcome(picture: Picture) -> None:
    assert picture(bench(), *choosing(), size=(80, 24))


def test_outcome_wide(picture: Picture) -> None:
    assert picture(bench(), *choosing(), "down", size=(160, 48))


def test_described(picture: Picture) -> None:
    assert picture(bench(), *choosing(), "d", size=(100, 30))


def test_nothing_found(picture: Picture) -> None:
    assert picture(bench(TrialNews(312, 312, (), TrialSummary(312))), *choosing(), size=(80, 24))


def test_under_way(picture: Picture) -> None:
    assert picture(bench(sample_trial()[0]), *choosing(), size=(80, 24))


def test_no_draft(picture: Picture) -> None:
    gateway = bench()
    told = 'the draft:3: "Maintenance": Policies[0]: there is no policy "maxJob"; known are maxJobs, sameArgs'
    gateway.errors["test_policies"] = InvalidRequest(told)
    assert picture(gateway, *choosing(), size=(80, 24))
