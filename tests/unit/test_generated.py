"""The committed generated code is what the contract generates, and the exports are all of it."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import wf_proto
from wf_proto import published

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "proto" / "wf_proto" / "_gen"


def files(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*.py")}


def test_the_generated_code_is_not_stale(tmp_path: Path) -> None:
    out = tmp_path / "_gen"
    # The compiler looks for its plugin on the PATH.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        [sys.executable, ROOT / "proto" / "generate.py", out],
        check=True,
        capture_output=True,
        env={**os.environ, "PATH": path},
    )
    assert files(out) == files(COMMITTED), "run `make proto`"


@pytest.mark.parametrize(
    ("module", "generated"), [(wf_proto, "workflow/v1/__init__.py"), (published, "diskerase/__init__.py")]
)
def test_everything_generated_is_exported(module: object, generated: str) -> None:
    tree = ast.parse((COMMITTED / generated).read_text())
    classes = sorted(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    assert sorted(module.__all__) == classes  # type: ignore[attr-defined]
