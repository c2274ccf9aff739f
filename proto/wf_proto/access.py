"""Who calls and what they may do (package access.v1), served beside workflow.v1."""

from wf_proto._gen.access.v1 import (
    AccessServiceBase,
    AccessServiceStub,
    Grant,
    WhoAmIRequest,
    WhoAmIResponse,
)

__all__ = ["AccessServiceBase", "AccessServiceStub", "Grant", "WhoAmIRequest", "WhoAmIResponse"]
