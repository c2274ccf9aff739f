"""What somebody may do, by how the server knows them: what it would refuse is not offered."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from wf_tui.state.models import Identity

VIEWER, OPERATOR, APPROVER, ADMIN = "viewer", "operator", "approver", "admin"

#: The roles that a role brings with it, as the server counts them.
_INCLUDED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        VIEWER: frozenset({VIEWER}),
        OPERATOR: frozenset({VIEWER, OPERATOR}),
        APPROVER: frozenset({VIEWER, APPROVER}),
        ADMIN: frozenset({VIEWER, OPERATOR, APPROVER, ADMIN}),
    }
)
#: Ways in by which a name is more than a claim.
_PROVEN = frozenset({"certificate", "token", "unix"})


def may(identity: Identity | None, role: str, workflow_types: Collection[str] = ()) -> bool:
    """Whether they have a role for one of some workflow types; none named: for any type.

    Of somebody unknown nothing is held back: the server decides in any case.
    """
    if identity is None:
        return True
    for grant in identity.grants:
        granted, _, only = grant.partition(":")
        if role in _INCLUDED.get(granted, ()) and (not only or not workflow_types or only in workflow_types):
            return True
    return False


def only_views(identity: Identity | None) -> bool:
    """Whether they may change nothing at all."""
    return not (may(identity, OPERATOR) or may(identity, APPROVER))


def proven_name(identity: Identity | None) -> str:
    """By which name the server knows them, where that is more than what the console says; "": it is not."""
    return identity.name if identity is not None and identity.way in _PROVEN else ""
