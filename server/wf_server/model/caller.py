"""Who makes a call, by which way, and what they may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from wf_server.model.stop import EVERYTHING


class Role(StrEnum):
    """What someone may do; the values are how roles are spelt."""

    #: Sees everything and changes nothing.
    VIEWER = "viewer"
    #: Submits, executes, gives orders, stops.
    OPERATOR = "operator"
    #: Decides on what others have submitted; is no operator by that.
    APPROVER = "approver"
    #: May do all of that, and what concerns the server itself.
    ADMIN = "admin"


#: The roles that a role brings with it.
INCLUDED = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.APPROVER}),
    Role.ADMIN: frozenset(Role),
}


class Way(StrEnum):
    """How someone came to be known."""

    LOOPBACK = "loopback"
    UNIX = "unix"
    TOKEN = "token"  # noqa: S105 - a way in, no secret
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role for the workflows of one type; `*` is every type."""

    role: Role
    workflow_type: str = EVERYTHING

    def __str__(self) -> str:
        return self.role if self.workflow_type == EVERYTHING else f"{self.role}:{self.workflow_type}"


#: Whoever may do everything.
EVERY_GRANT = frozenset({Grant(Role.ADMIN)})


def may(grants: Iterable[Grant], role: Role, workflow_type: str) -> bool:
    """Whether grants bring a role for a workflow type; `*`: for every type."""
    return any(
        grant.workflow_type in (EVERYTHING, workflow_type) and role in INCLUDED[grant.role]
        for grant in grants
    )


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call."""

    #: The operator's name, which goes on record.
    name: str
    grants: frozenset[Grant] = frozenset()
    way: Way = Way.LOOPBACK
    #: The address that the call came from.
    origin: str = ""
    #: Whether the name is proved, not only claimed: what takes two people counts no others.
    proven: bool = False

    @property
    def source(self) -> str:
        """How they came in and from where, in a few words: `token 10.0.0.7:41000`."""
        return self.origin if self.way is Way.UNIX else f"{self.way} {self.origin}".strip()

    def may(self, role: Role, workflow_type: str) -> bool:
        """Whether they have a role for a workflow type; `*`: for every type."""
        return may(self.grants, role, workflow_type)

    def may_somewhere(self, role: Role) -> bool:
        """Whether there is a workflow type for which they have a role."""
        return any(role in INCLUDED[grant.role] for grant in self.grants)

    def types(self, role: Role) -> frozenset[str] | None:
        """The workflow types for which they have a role; None: every type."""
        types = frozenset(grant.workflow_type for grant in self.grants if role in INCLUDED[grant.role])
        return None if EVERYTHING in types else types


def parse_grant(text: str) -> Grant:
    """Reads `ROLE` or `ROLE:WORKFLOW_TYPE`. Raises ValueError, which says what is wrong."""
    role, colon, workflow_type = text.strip().partition(":")
    if role not in list(Role):
        raise ValueError(f"{role[:80]!r} is no role; there are {', '.join(Role)}")
    if colon and not workflow_type.strip():
        raise ValueError(f"{text[:80]!r} names no workflow type after the colon; leave the colon out for all")
    return Grant(Role(role), workflow_type.strip() or EVERYTHING)


def spell_grants(grants: Iterable[Grant]) -> str:
    """The grants in one line, the mightiest first: `admin, operator:Maintenance`."""
    order = list(Role)
    ranked = sorted(grants, key=lambda grant: (-order.index(grant.role), grant.workflow_type))
    return ", ".join(map(str, ranked))
