"""A console that changes nothing: which bindings and commands vanish then."""

from __future__ import annotations

from textual.binding import BindingsMap

from wf_tui.state.permits import APPROVER, OPERATOR
from wf_tui.wizards import WIZARDS

#: Bindings that lead to a change on the server, by their id.
DANGEROUS_BINDINGS = frozenset(
    {
        *(f"app.{wizard}" for wizard in WIZARDS),
        "approval.approve",
        "approval.reject",
        "approval.withdraw",
        "composer.execute",
        "composer.submit",
        "queue.again",
        "queue.give_up",
        "queue.hold",
        "queue.leave_out",
        "sites.erase",
        "stops.engage",
        "stops.release",
        "stops.withdraw",
        "workflow.cancel",
        "workflow.execute",
        "workflow.go",
        "workflow.pause",
        "workflow.resolve",
        "workflow.stop",
        "workflows.cancel",
        "workflows.erase",
        "workflows.execute",
        "workflows.pause",
        "workflows.stop",
    }
)
#: Commands by the group before their colon, or by their whole name.
DANGEROUS_COMMANDS = frozenset(
    {
        *(wizard.command.partition(":")[0] for wizard in WIZARDS.values()),
        "approval",
        "stop",
        "workflow: cancel",
        "workflow: go",
        "workflow: pause",
        "workflow: resolve",
        "workflow: resume",
    }
)


def role_for(binding_id: str) -> str:
    """The role that the server asks for whatever a dangerous binding leads to."""
    return APPROVER if binding_id.startswith("approval.") else OPERATOR


def orders_in(bindings: BindingsMap) -> dict[str, str]:
    """The ids of the dangerous ones of a node's bindings, by the names of their own actions."""
    return {
        binding.action.partition("(")[0]: binding.id
        for bound in bindings.key_to_bindings.values()
        for binding in bound
        if binding.id in DANGEROUS_BINDINGS
    }


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
    return not DANGEROUS_COMMANDS.isdisjoint((command, command.partition(":")[0]))
