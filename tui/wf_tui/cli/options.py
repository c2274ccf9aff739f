"""The options that every command takes, before or after its name, and how commands are run."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from wf_tui.cli.session import DEFAULT_ADDRESS, Session, Settings, run

_GIVEN = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    name = parameter.name
    if name and context.get_parameter_source(name) in _GIVEN:
        setattr(context.find_root().ensure_object(Settings), name, value)


def _option(*names: str, **attributes: Any) -> Callable[[Any], Any]:
    return click.option(*names, expose_value=False, callback=_remember, **attributes)


_LENGTH = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|h|d)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SECONDS = click.FloatRange(min=0, min_open=True, max=86400)


def _shared(*, environment: bool) -> list[Callable[[Any], Any]]:
    def env(name: str) -> str | None:
        return name if environment else None

    return [
        _option(
            "--address",
            metavar="ADDRESS",
            envvar=env("WF_ADDRESS"),
            help=f"The server: HOST:PORT or unix:PATH; or WF_ADDRESS.  [default: {DEFAULT_ADDRESS}]",
        ),
        _option(
            "--ca", metavar="FILE|system", envvar=env("WF_CA"), help="The server's authority: TLS; or WF_CA."
        ),
        _option("--cert", metavar="FILE", envvar=env("WF_CERT"), help="Your certificate; or WF_CERT."),
        _option("--key", metavar="FILE", envvar=env("WF_KEY"), help="Its key; or WF_KEY."),
        _option(
            "--token-file",
            metavar="FILE",
            envvar=env("WF_TOKEN_FILE"),
            help="A file that holds your token; or WF_TOKEN_FILE.",
        ),
        _option("--profile", metavar="NAME", help="A server by its name in console.toml."),
        _option("--demo", is_flag=True, help="Use a private server, started for this command."),
        _option("--operator", metavar="NAME", help="Who is calling.  [default: you at this host]"),
        _option("--timeout", type=_SECONDS, metavar="SECONDS", help="For every call.  [default: 10]"),
        _option("--json", "as_json", is_flag=True, help="Print JSON; JSON lines for a watch."),
        _option(
            "--submit-log",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar=env("WF_SUBMIT_LOG"),
            help="Where submitted ids are noted; or WF_SUBMIT_LOG.",
        ),
    ]


def shared_options(function: Any) -> Any:
    """Adds the global options, with their environment variables, to the program itself."""
    for option in reversed(_shared(environment=True)):
        function = option(function)
    return function


class Seconds(click.ParamType[float]):
    """A length of time as people write it, `90s`, `30m`, `2h`, `1d`; its value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Reads one. Raises BadParameter."""
        if isinstance(value, (int, float)):
            return float(value)
        match = _LENGTH.fullmatch(value)
        if match is None or not float(match[1]):
            self.fail(f"{value!r} is not a duration such as 90s, 30m, 2h or 1d", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


def watch_options(function: Any) -> Any:
    """Adds the options of commands that watch."""
    return _option(
        "--timeout-unreachable",
        type=_SECONDS,
        metavar="SECONDS",
        help="How long to look for a server that went away.  [default: 60]",
    )(function)


def acknowledge_option(function: Any) -> Any:
    """Adds the option of commands that submit, `acknowledge`: a tuple of names."""
    return click.option(
        "--acknowledge",
        multiple=True,
        metavar="POLICY",
        help="Accept the warnings of this policy; may be given more than once.",
    )(function)


def command(
    group: click.Group, name: str, **attributes: Any
) -> Callable[[Callable[..., Awaitable[int]]], click.Command]:
    """Makes a coroutine function, which gets a Session and returns an exit code, a command of `group`."""

    def made(function: Callable[..., Awaitable[int]]) -> click.Command:
        @functools.wraps(function)
        def callback(**arguments: Any) -> None:
            context = click.get_current_context()

            async def action(session: Session) -> int:
                return await function(session, **arguments)

            context.exit(run(context.find_root().ensure_object(Settings), action))

        callback.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        decorated: Any = callback
        for option in reversed(_shared(environment=False)):
            decorated = option(decorated)
        help_text = inspect.getdoc(function)
        return group.command(name, help=help_text, **attributes)(decorated)

    return made
