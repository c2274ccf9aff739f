"""References to secrets: what they may be, how they are read, and how their values are hidden."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wf_server.config import SecretSettings
from wf_server.jobs.base import Arg, ArgKind, JobContext, JobFailed, JobType, Recovery
from wf_server.jobs.secrets import HIDDEN, SHORTEST, Mask, Secrets, hidden, is_reference


class Uses(JobType):
    name = "uses"
    help = "Uses a secret."
    args = (Arg("key", ArgKind.SECRET, "The key."), Arg("text", ArgKind.TEXT, "A text."))
    recovery = Recovery.IDEMPOTENT

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Does nothing."""


def opener(directory: Path) -> Secrets:
    return Secrets(SecretSettings(directories=(str(directory),)))


@pytest.mark.parametrize("text", ["env:A", "file:/run/secrets/x", "env:WF_SECRET_1"])
def test_references(text: str) -> None:
    assert is_reference(text)
    assert hidden(Uses(), {"key": text}) == {"key": text}


@pytest.mark.parametrize(
    "text", ["hunter2", "env:", "env:A B", "env:1", "file:x", "env:A\n", "file:/a\nb", " env:A"]
)
def test_what_is_no_reference_is_hidden(text: str) -> None:
    assert not is_reference(text)
    assert hidden(Uses(), {"key": text, "text": text}) == {"key": HIDDEN, "text": text}
    assert not is_reference(HIDDEN)


async def test_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WF_SECRET_A", "hunter2")
    opened = await Secrets().open(Uses(), {"key": "env:WF_SECRET_A", "text": "t"})
    assert opened.args == {"key": "hunter2", "text": "t"}
    assert opened.mask("it was hunter2!") == "it was ***!"
    with pytest.raises(JobFailed, match="no variable of this name may be referred to"):
        await Secrets().open(Uses(), {"key": "env:PATH"})
    monkeypatch.setenv("WF_SECRET_A", "x" * (SHORTEST - 1))
    with pytest.raises(JobFailed, match="could not be hidden"):
        await Secrets().open(Uses(), {"key": "env:WF_SECRET_A"})


async def test_a_link_out_of_the_allowed_directory_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").write_text("not for jobs")
    (inside / "link").symlink_to(tmp_path / "outside")
    for name, told in (
        ("link", "leads to a file"),
        ("", "no regular file|cannot be read"),
        ("no", "cannot be read"),
    ):
        with pytest.raises(JobFailed, match=told):
            await opener(inside).open(Uses(), {"key": f"file:{inside}/{name}"})
    (inside / "bytes").write_bytes(b"\xff\xfe-binary")
    with pytest.raises(JobFailed, match="not UTF-8") as caught:
        await opener(inside).open(Uses(), {"key": f"file:{inside}/bytes"})
    assert "binary" not in str(caught.value)


@given(value=st.text(min_size=SHORTEST), around=st.text())
def test_no_usual_spelling_of_a_value_is_left(value: str, around: str) -> None:
    mask = Mask([value])
    try:
        encoded = base64.b64encode(value.encode()).decode()
    except UnicodeEncodeError:
        return
    for spelling in (value, repr(value)[1:-1], json.dumps(value)[1:-1], quote(value), encoded):
        assert mask(spelling).strip("*") == "" or spelling not in mask(f"{around}{spelling}{around}")
