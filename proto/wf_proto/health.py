"""The standard health checking protocol (package grpc.health.v1), served beside workflow.v1."""

from wf_proto._gen.grpc.health.v1 import (
    HealthBase,
    HealthCheckRequest,
    HealthCheckResponse,
    HealthStub,
)
from wf_proto._gen.grpc.health.v1 import HealthCheckResponseServingStatus as ServingStatus

__all__ = ["HealthBase", "HealthCheckRequest", "HealthCheckResponse", "HealthStub", "ServingStatus"]
