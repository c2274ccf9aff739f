"""Generates the Python messages and stubs of the contract: `make proto`.

The output directory is made anew, so nothing in it is ever edited by hand.
"""

import shutil
import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).parent
PROTOS = (
    "workflow/v1/workflow.proto",
    "access/v1/access.proto",
    "audit/v1/audit.proto",
    "diskerase/diskerase.proto",
    "google/rpc/error_details.proto",
    "google/rpc/status.proto",
    "health/v1/health.proto",
)


def generate(out: Path) -> None:
    """Writes the generated packages into `out`, which is emptied first.

    Raises RuntimeError where the compiler refuses the contract; it has said why on stderr.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    include = Path(protoc.__file__).parent / "_proto"
    code = protoc.main(["protoc", f"-I{ROOT}", f"-I{include}", f"--python_betterproto_out={out}", *PROTOS])
    if code:
        raise RuntimeError(f"protoc failed with exit code {code}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]))
