"""Whose agreement a policy asks for: who, how many, for how long."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from wf_server.config import Section
from wf_server.model import ApprovalRule
from wf_server.policy.base import Text
from wf_server.units import parse_duration

#: The most approvals that can be asked for.
MAX_COUNT = 20
MAX_APPROVERS = 200
#: A year: longer than that is a slip of the pen. Seconds.
MAX_SECONDS = 366 * 86_400.0
_MICROSECONDS = 1_000_000


def _validity(written: str) -> str:
    if not 0 < parse_duration(written) <= MAX_SECONDS:
        raise ValueError(f"{written} is not more than nothing and at most 366d")
    return written


class ApprovalSettings(Section):
    """Who has to agree."""

    approvers: tuple[Annotated[Text, Field(min_length=1, max_length=200)], ...] = Field(
        default=(), alias="Approvers", max_length=MAX_APPROVERS
    )
    """The operators who may approve, by name; they need the role approver too. Without it, whoever has it."""
    count: Annotated[int, Strict()] = Field(default=1, alias="Count", ge=1, le=MAX_COUNT)
    """How many of them have to."""
    validity: Annotated[Text, AfterValidator(_validity)] = Field(default="24h", alias="Validity")
    """For how long an approval counts, and a workflow waits for its approvals: `8h`."""
    message: Text = Field(default="", alias="Message", max_length=500)
    """What approvers should look at before they decide."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        names = set(self.approvers)
        if len(names) < len(self.approvers):
            raise ValueError("Approvers names somebody twice")
        if names and self.count > len(names):
            told = f"Count is {self.count}, and Approvers names {len(names)}; the submitter never counts"
            raise ValueError(told)
        return self

    def rule(self, policy: str, *, needs_reason: bool = False) -> ApprovalRule:
        """The same as the rule of a policy."""
        validity_us = round(parse_duration(self.validity) * _MICROSECONDS)
        return ApprovalRule(policy, self.approvers, self.count, validity_us, self.message, needs_reason)
