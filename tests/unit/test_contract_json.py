"""Proto JSON as Google's own implementation reads it, from a contract compiled anew."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import betterproto
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

import wf_proto as pb
from wf_proto.proto_json import to_proto_json

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Any:
    out = tmp_path_factory.mktemp("descriptors") / "set"
    include = Path(protoc.__file__).parent / "_proto"
    proto = "workflow/v1/workflow.proto"
    arguments = ["protoc", f"-I{ROOT / 'proto'}", f"-I{include}", "--include_imports", f"-o{out}", proto]
    assert protoc.main(arguments) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
        pool.Add(file)
    return lambda name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"workflow.v1.{name}"))


NOON = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
MESSAGES: list[betterproto.Message] = [
    pb.StatusResponse(),
    pb.StatusResponse(
        id="one",
        status=pb.Status["NEEDS_OPERATOR"],
        created=NOON,
        started=NOON,
        had_errors=True,
        seq=2**53 + 1,
        blocks=[
            pb.BlockStatus(
                rate_limit=5,
                jobs=[pb.JobStatus(args={"seconds": "1"}, progress=0.25, log=["a", "ü"], error="e")],
            )
        ],
    ),
    pb.WatchResponse(snapshot=pb.Snapshot(blocks=[pb.BlockSnapshot(job_statuses=b"\x01\x02\xff")])),
    pb.WatchResponse(batch=pb.ChangeBatch(first_seq=1, blocks=[-1, 3], times_us=[2**53 + 1])),
    pb.WatchResponse(),
    pb.Refusal(violations=[pb.Violation(block=0), pb.Violation(policy="p", job=3)]),
    pb.SetStopRequest(name="*", status=pb.StopStatus["STOP"]),
    pb.ListRequest(statuses=[pb.Status["RUNNING"], pb.Status["FAILED"]]),
    pb.ArgDeclaration(kind=pb.ArgKind["MACHINE"], minimum=0),
    pb.Bucket(every_seconds=1800.0),
    pb.Site(type=pb.SiteType.SATELLITE, status=99),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_reads_what_was_written(google: Any, message: betterproto.Message) -> None:
    kind = google(type(message).__name__)
    message = type(message)().parse(bytes(message))
    assert json_format.Parse(to_proto_json(message), kind()) == kind.FromString(bytes(message))


def test_fields_at_their_defaults_are_written() -> None:
    assert '"hadErrors": false' in to_proto_json(pb.StatusResponse())
    assert "started" not in to_proto_json(pb.StatusResponse())
