"""The sample configuration and inventory, for a first server: `wf-server init`."""

from __future__ import annotations

from pathlib import Path

from wf_server.errors import ConfigError

_FILES = {
    "configs/policies.json": "configs/policies.json",
    "configs/es.json": "configs/es.json",
    "data/sites.json": "data/sites.json",
    "data/machines.json": "data/machines.json",
}
#: In the demo an erase takes seconds and a token comes back soon, so that one can watch.
_SERVER_TOML = {False: "configs/server.toml", True: "configs/demo.toml"}


def sample_root() -> Path:
    """Where the sample files are: inside the installed package, or in the source checkout.

    Raises ConfigError where an installation lacks them.
    """
    inside = Path(__file__).parent / "sample"
    checkout = Path(__file__).parents[2]
    for root in (inside, checkout):
        if (root / "configs" / "es.json").is_file():
            return root
    raise ConfigError(f"the sample files are missing from this installation ({inside})")


def write_sample(directory: Path, *, demo: bool) -> list[Path]:
    """Writes the sample files below `directory`; what exists already is left as it is.

    Returns the files written. Raises ConfigError where one cannot be written.
    """
    root = sample_root()
    written = []
    for target, source in {**_FILES, "configs/server.toml": _SERVER_TOML[demo]}.items():
        path = directory / target
        if path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((root / source).read_bytes())
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
        written.append(path)
    return written
