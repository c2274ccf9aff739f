"""Which workflow type uses what."""

from __future__ import annotations

from wf_tui.state.catalogue import (
    Catalogue,
    Kind,
    allowed_jobs,
    argument_words,
    entries,
    policies_about,
    policy_users,
    users,
)
from wf_tui.state.filters import Filter
from wf_tui.state.models import ArgDeclaration, JobType, Policy, PolicyBook, WorkflowType


def restrict(*names: str) -> Policy:
    return Policy("restrictJobTypes", "", {"AllowedJobs": list(names)})


SAME = Policy("sameArgs", "", {"Jobs": {"erase": ["site"]}})
BOOK = PolicyBook(
    (
        WorkflowType("Erase", (restrict("erase", "sleep"), SAME)),
        WorkflowType("Narrow", (restrict("erase", "sleep"), restrict("sleep"))),
        WorkflowType("Anything", (Policy("startOrEnd", "", {"JobName": "sleep"}),)),
    )
)
JOBS = tuple(JobType(name, f"Does {name}.", (), "idempotent") for name in ("erase", "sleep"))


def test_what_a_workflow_type_may_hold_is_what_all_its_policies_allow() -> None:
    assert [allowed_jobs(kind) for kind in BOOK.workflow_types] == [("erase", "sleep"), ("sleep",), None]


def test_who_may_use_a_job_type() -> None:
    assert users(BOOK, "erase") == ("Erase", "Anything")
    assert users(BOOK, "sleep") == ("Erase", "Narrow", "Anything")


def test_settings_that_are_no_list_restrict_nothing() -> None:
    assert (
        allowed_jobs(WorkflowType("W", (Policy("restrictJobTypes", "", {"AllowedJobs": "erase"}),))) is None
    )
    assert allowed_jobs(WorkflowType("W", (Policy("restrictJobTypes", "", {}),))) is None


def test_policies_by_what_they_name_and_where_they_are_in_force() -> None:
    assert policies_about(BOOK, "erase") == (
        "Erase: restrictJobTypes",
        "Erase: sameArgs",
        "Narrow: restrictJobTypes",
    )
    assert policies_about(BOOK, "sleep")[-1] == "Anything: startOrEnd"
    assert policy_users(BOOK, "restrictJobTypes") == ("Erase", "Narrow")


def test_the_filter_keeps_a_workflow_type_above_its_policies() -> None:
    found = entries(Catalogue(JOBS, BOOK), Filter.parse("sameargs"))
    assert [(entry.kind, entry.name) for entry in found] == [
        (Kind.HEADING, "Workflow types and their policies"),
        (Kind.WORKFLOW_TYPE, "Erase"),
        (Kind.POLICY, "sameArgs"),
    ]
    assert entries(Catalogue(JOBS, BOOK), Filter.parse("zebra")) == ()


def test_entries_have_keys_of_their_own() -> None:
    keys = [entry.key for entry in entries(Catalogue(JOBS, BOOK))]
    assert len(keys) == len(set(keys)) == 2 + 2 + 3 + 5


def test_arguments_in_words() -> None:
    assert (
        argument_words(ArgDeclaration("s", "integer", True, "", minimum=1)) == "required, integer, at least 1"
    )
    assert (
        argument_words(ArgDeclaration("f", "boolean", False, "", ("true", "false")))
        == "optional, true or false"
    )
