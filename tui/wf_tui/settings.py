"""console.toml: how the console looks and answers, validated once, frozen.

theme = "wf-contrast"        # wf-night, wf-day, wf-contrast, wf-safe, or one of Textual's
read_only = true
bell = true
title = true

[keys]                       # a binding's id = its keys, with commas between them
"tree.next" = "n,ctrl+n"

[profiles.fra]
address = "wf.fra.example:8080"
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Words = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)


class BadSettings(Exception):
    """The file cannot be used; the text says which key of which file, and what is expected."""


class Profile(BaseModel):
    """A server by a name."""

    model_config = _STRICT

    address: Words
    """Where it listens: HOST:PORT or unix:PATH."""

    read_only: bool = False
    """Whether the console may change nothing there."""

    ca: str = ""
    """The server's authority, a PEM file, or `system`; makes the connection TLS."""

    cert: str = ""
    """This client's certificate, a PEM file."""

    key: str = ""
    """The certificate's key, a PEM file."""

    token_file: str = ""
    """A file that holds this client's token."""


class Settings(BaseModel):
    """What console.toml may hold; every key can be left out."""

    model_config = _STRICT

    theme: Words = "wf-night"
    """The colours to start with; the palette's `console: theme` changes them for the session."""

    read_only: bool = False
    """Whether everything that changes something on the server is left out."""

    bell: bool = False
    """Whether the terminal's bell rings when a workflow ends while one looks elsewhere."""

    title: bool = False
    """Whether the terminal's title tells what runs, what failed and what is stopped."""

    keys: dict[str, Words] = Field(default_factory=dict)
    """Other keys for bindings, by the binding's id; commas between several."""

    profiles: dict[str, Profile] = Field(default_factory=dict)
    """Servers for `--profile`."""

    def profile(self, name: str) -> Profile:
        """Returns a profile. Raises BadSettings, with the names there are."""
        if name in self.profiles:
            return self.profiles[name]
        known = ", ".join(sorted(self.profiles))
        raise BadSettings(
            f"there is no profile {name!r}; " + (f"there are {known}" if known else _NO_PROFILES)
        )

    def with_options(self, *, theme: str | None, read_only: bool) -> Settings:
        """Returns the settings with what the command line says."""
        return self.model_copy(
            update={"theme": theme or self.theme, "read_only": read_only or self.read_only}
        )

    def check_names(self, themes: Collection[str], bindings: Collection[str]) -> None:
        """Checks what only the console knows: its themes and its bindings. Raises BadSettings."""
        if self.theme not in themes:
            own = ", ".join(sorted(name for name in themes if name.startswith("wf-")))
            raise BadSettings(f"theme: there is no {self.theme!r}; there are {own} and Textual's own")
        for name in self.keys:
            if name not in bindings:
                near = ", ".join(get_close_matches(name, sorted(bindings)))
                meant = f"; near it are {near}" if near else ""
                raise BadSettings(f"keys: there is no binding {name!r}{meant}")


_NO_PROFILES = "console.toml has no [profiles.NAME] yet"


def settings_path() -> Path:
    """Returns where console.toml is looked for."""
    return user_config_path("wf") / "console.toml"


def load_settings(path: Path, *, required: bool = False) -> Settings:
    """Reads the file; one that is not there means defaults, unless it is required. Raises BadSettings."""
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        if required:
            raise BadSettings(f"{path}: there is no such file") from error
        return Settings()
    except OSError as error:
        raise BadSettings(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise BadSettings(f"{path}: it is not UTF-8 text (byte {error.start + 1})") from error
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{path}: this is no TOML: {error}") from error
    except ValidationError as error:
        raise BadSettings(f"{path}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first problem in one line, by its key."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = ", ".join(Profile.model_fields if len(problem["loc"]) > 1 else Settings.model_fields)
        return f"{key}: there is no such key; the keys are {known}"
    if problem["type"] == "missing":
        return f"{key}: is missing"
    found = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
    return f"{key}: {problem['msg'][:1].lower()}{problem['msg'][1:]}{found}"
