"""The published contract (package diskerase), served beside workflow.v1."""

from wf_proto._gen.diskerase import (
    BlockStatus,
    ExecReq,
    ExecResp,
    JobStatus,
    Status,
    StatusReq,
    StatusResp,
    WorkflowBase,
    WorkflowStub,
    WorkResp,
)

__all__ = [
    "BlockStatus",
    "ExecReq",
    "ExecResp",
    "JobStatus",
    "Status",
    "StatusReq",
    "StatusResp",
    "WorkResp",
    "WorkflowBase",
    "WorkflowStub",
]
