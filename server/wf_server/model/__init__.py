"""Workflows, blocks, jobs, their statuses and the legal steps between them. No I/O."""

from wf_server.model.approval import Approval, ApprovalRule, Scope, Tally
from wf_server.model.attempt import Attempt, LogLine, attempts_in
from wf_server.model.block import BlockState, Progress
from wf_server.model.bucket import BucketLevel
from wf_server.model.caller import EVERY_GRANT, Caller, Grant, Role, Way
from wf_server.model.change import FATAL, WHOLE, Change, IllegalStep
from wf_server.model.quota import QuotaToken
from wf_server.model.receipt import Fate, Receipt, receipt_of
from wf_server.model.rejection import Rejection, RejectionSummary
from wf_server.model.standing import Lineage, LineageKind, Standing, Summary
from wf_server.model.status import (
    BLOCK_FINAL,
    JOB_FINAL,
    JOB_TROUBLE,
    WORKFLOW_ACTIVE,
    WORKFLOW_ENDING,
    WORKFLOW_FINAL,
    WORKFLOW_PARKED,
    Status,
)
from wf_server.model.stop import EVERYTHING, ReleaseKey, StopRecord, StopStatus
from wf_server.model.verdict import Verdict, verdict_of
from wf_server.model.workflow import Order, Plan, Workflow
from wf_server.model.workreq import Block, Job, JobId, Level, OnFailure, Retry, Violation, WorkReq

__all__ = [
    "BLOCK_FINAL",
    "EVERYTHING",
    "EVERY_GRANT",
    "FATAL",
    "JOB_FINAL",
    "JOB_TROUBLE",
    "WHOLE",
    "WORKFLOW_ACTIVE",
    "WORKFLOW_ENDING",
    "WORKFLOW_FINAL",
    "WORKFLOW_PARKED",
    "Approval",
    "ApprovalRule",
    "Attempt",
    "Block",
    "BlockState",
    "BucketLevel",
    "Caller",
    "Change",
    "Fate",
    "Grant",
    "IllegalStep",
    "Job",
    "JobId",
    "Level",
    "Lineage",
    "LineageKind",
    "LogLine",
    "OnFailure",
    "Order",
    "Plan",
    "Progress",
    "QuotaToken",
    "Receipt",
    "Rejection",
    "RejectionSummary",
    "ReleaseKey",
    "Retry",
    "Role",
    "Scope",
    "Standing",
    "Status",
    "StopRecord",
    "StopStatus",
    "Summary",
    "Tally",
    "Verdict",
    "Violation",
    "Way",
    "WorkReq",
    "Workflow",
    "attempts_in",
    "receipt_of",
    "verdict_of",
]
