"""Workflows, blocks, jobs, their statuses and the legal steps between them. No I/O."""

from wf_server.model.bucket import BucketLevel
from wf_server.model.rejection import Rejection, RejectionSummary
from wf_server.model.status import (
    BLOCK_FINAL,
    JOB_FINAL,
    JOB_TROUBLE,
    WORKFLOW_ACTIVE,
    WORKFLOW_FINAL,
    Status,
)
from wf_server.model.stop import EVERYTHING, StopRecord, StopStatus
from wf_server.model.workflow import (
    FATAL,
    WHOLE,
    BlockState,
    Change,
    IllegalStep,
    Progress,
    Standing,
    Summary,
    Workflow,
)
from wf_server.model.workreq import Block, Job, JobId, Violation, WorkReq

__all__ = [
    "BLOCK_FINAL",
    "EVERYTHING",
    "FATAL",
    "JOB_FINAL",
    "JOB_TROUBLE",
    "WHOLE",
    "WORKFLOW_ACTIVE",
    "WORKFLOW_FINAL",
    "Block",
    "BlockState",
    "BucketLevel",
    "Change",
    "IllegalStep",
    "Job",
    "JobId",
    "Progress",
    "Rejection",
    "RejectionSummary",
    "Standing",
    "Status",
    "StopRecord",
    "StopStatus",
    "Summary",
    "Violation",
    "WorkReq",
    "Workflow",
]
