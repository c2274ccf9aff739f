"""The machine-readable part of an error: google.rpc.Status in `grpc-status-details-bin`.

Both ends pass `DetailsCodec()` to grpclib as their `status_details_codec`; a server then raises
GRPCError with a Refusal or a RetryInfo as its details, and a client finds that in the error it catches.
"""

from __future__ import annotations

import betterproto.lib.google.protobuf as well_known
from grpclib.const import Status
from grpclib.encoding.base import StatusDetailsCodecBase

from wf_proto import Refusal
from wf_proto._gen.google.rpc import RetryInfo
from wf_proto._gen.google.rpc import Status as RpcStatus

__all__ = ["DetailsCodec", "RetryInfo"]

#: The type of the detail that a refusal carries.
REFUSAL_URL = "type.googleapis.com/workflow.v1.Refusal"
#: The type of the detail that says when to try again.
RETRY_URL = "type.googleapis.com/google.rpc.RetryInfo"


class DetailsCodec(StatusDetailsCodecBase):
    """Carries one Refusal or RetryInfo; details of any other type are left alone."""

    def encode(self, status: Status, message: str | None, details: object) -> bytes:
        """Packs a Refusal or a RetryInfo; anything else becomes a status without details."""
        packed = []
        if isinstance(details, Refusal):
            packed.append(well_known.Any(type_url=REFUSAL_URL, value=bytes(details)))
        elif isinstance(details, RetryInfo):
            packed.append(well_known.Any(type_url=RETRY_URL, value=bytes(details)))
        return bytes(RpcStatus(code=status.value, message=message or "", details=packed))

    def decode(self, status: Status, message: str | None, data: bytes) -> Refusal | RetryInfo | None:
        """Unpacks what it carries; None where there is none, or where the bytes are not what they claim."""
        try:
            for detail in RpcStatus().parse(data).details:
                if detail.type_url == REFUSAL_URL:
                    return Refusal().parse(detail.value)
                if detail.type_url == RETRY_URL:
                    return RetryInfo().parse(detail.value)
        except (RuntimeError, ValueError):
            return None
        return None
