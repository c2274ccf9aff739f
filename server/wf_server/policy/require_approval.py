"""requireApproval: nothing of a workflow type starts before others than its submitter have agreed."""

from __future__ import annotations

from wf_server.jobs.registry import JobRegistry
from wf_server.model import ApprovalRule, Violation, WorkReq
from wf_server.policy.approval_settings import ApprovalSettings
from wf_server.policy.base import Facts, Policy


class RequireApproval(Policy[ApprovalSettings]):
    """Other people agree before anything starts."""

    name = "requireApproval"
    help = (
        "A workflow waits until Count of Approvers, never its submitter, have approved it, and can be "
        "executed while those approvals count: for Validity, and only as long as neither the WorkReq nor the "
        "policies change. Without Approvers everyone with the role approver may. It fails where the "
        "approvals do not come within Validity."
    )
    settings_type = ApprovalSettings

    def check_settings(self, registry: JobRegistry) -> None:
        """Takes any: they name no job types."""

    async def check(self, request: WorkReq, facts: Facts) -> list[Violation]:
        """Finds nothing: it makes wait, and refuses nothing."""
        return []

    def approval_rule(self) -> ApprovalRule:
        """What the settings ask for."""
        return self.settings.rule(self.name)
