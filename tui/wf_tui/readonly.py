"""A console that changes nothing: which bindings and commands vanish then."""

from __future__ import annotations

from textual.binding import BindingsMap

#: Bindings that lead to a change on the server, by their id.
DANGEROUS_BINDINGS = frozenset(
    {
        "app.erase",
        "composer.execute",
        "composer.submit",
        "sites.erase",
        "stops.engage",
        "stops.release",
        "workflow.execute",
        "workflow.stop",
        "workflows.erase",
        "workflows.execute",
        "workflows.stop",
    }
)
#: Commands by the group before their colon.
DANGEROUS_COMMANDS = frozenset({"erase", "stop"})


def forbid(bindings: BindingsMap) -> None:
    """Takes what is dangerous out of a node's bindings."""
    for key, bound in list(bindings.key_to_bindings.items()):
        kept = [binding for binding in bound if binding.id not in DANGEROUS_BINDINGS]
        if kept:
            bindings.key_to_bindings[key] = kept
        else:
            del bindings.key_to_bindings[key]


def is_dangerous(command: str) -> bool:
    """Tells whether a command of the palette leads to a change on the server."""
    return command.partition(":")[0] in DANGEROUS_COMMANDS
