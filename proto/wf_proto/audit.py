"""Who did what (package audit.v1), served beside workflow.v1."""

from wf_proto._gen.audit.v1 import (
    AuditServiceBase,
    AuditServiceStub,
    BundlePiece,
    BundleRequest,
    Entry,
    ListEntriesRequest,
    ListEntriesResponse,
)

__all__ = [
    "AuditServiceBase",
    "AuditServiceStub",
    "BundlePiece",
    "BundleRequest",
    "Entry",
    "ListEntriesRequest",
    "ListEntriesResponse",
]
