"""Pictures of the inbox, and of what there is to decide on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wf_tui.gateway import FailedPrecondition
from wf_tui.state.approval_samples import erasure_plan, nap_plan, sample_plans
from wf_tui.state.approvals import ApprovalPlan
from wf_tui.testing import FakeGateway, sample_gateway

Picture = Callable[..., bool]

SIZES = [(80, 24), (160, 48)]


def inbox(*plans: ApprovalPlan) -> FakeGateway:
    gateway = sample_gateway()
    gateway.plans = {plan.case.summary.id: plan for plan in plans} if plans else sample_plans()
    return gateway


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_inbox(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(inbox(), "A", size=size)


def test_nothing_waits(picture: Picture) -> None:
    assert picture(sample_gateway(), "A", size=(80, 24))


def test_what_others_decide(picture: Picture) -> None:
    assert picture(inbox(), "A", "down", size=(80, 24))


def test_filtered(picture: Picture) -> None:
    assert picture(inbox(), "A", "slash", "text:state:approved", size=(80, 24))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_plan(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(inbox(erasure_plan()), "A", "enter", size=size)


def test_the_rest_of_a_plan(picture: Picture) -> None:
    assert picture(inbox(erasure_plan()), "A", "enter", "end", size=(80, 24))


def test_plan_of_ones_own(picture: Picture) -> None:
    own = erasure_plan(why_not="ada submitted it, and the submitter never counts")
    assert picture(inbox(own), "A", "enter", size=(80, 24))


def test_approved(picture: Picture) -> None:
    assert picture(inbox(nap_plan()), "A", "enter", size=(80, 24))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_approve_what_is_final(picture: Picture, size: tuple[int, int]) -> None:
    assert picture(inbox(erasure_plan()), "A", "enter", "a", size=size)


def test_reject(picture: Picture) -> None:
    assert picture(inbox(erasure_plan()), "A", "enter", "x", "text:wrong week", size=(80, 24))


def test_what_was_looked_at_has_changed(picture: Picture) -> None:
    gateway = inbox(erasure_plan())
    told = "the workflow is not what was looked at, or its policies have changed: look at it again"
    gateway.errors["approve"] = FailedPrecondition(told)
    keys = ("A", "enter", "a", "tab", "text:seen", "enter", "text:SatelliteDiskErase", "enter")
    assert picture(gateway, *keys, size=(80, 24))
