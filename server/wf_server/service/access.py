"""Which role each RPC asks for, and for which workflow type: the one table that is enforced and printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from wf_server.model.caller import Role


class Scope(Enum):
    """For which workflow type a call asks; the values are how the documentation puts it."""

    #: The type of the WorkReq that the call brings.
    WORKREQ = "the WorkReq's type"
    #: The type of the workflow with the call's id.
    WORKFLOW = "the workflow's type"
    #: The type of the refused WorkReq with the call's id.
    REJECTION = "the refused WorkReq's type"
    #: The type that a stop is set for; `*` asks for every type.
    STOP = "the stop's type (`*`: every type)"
    #: Any; the answer holds those types for which the caller has the role.
    LISTED = "any; tells of those only"
    #: Any: it is nothing of one type.
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an RPC asks for. `role` None: being known suffices, or nothing where it is `public`."""

    role: Role | None
    scope: Scope = Scope.ANY
    public: bool = False


#: For whoever probes and balances load: it tells nothing but whether the server takes work.
PUBLIC = Rule(None, public=True)
#: Whoever is known.
KNOWN = Rule(None)


def _rules(service: str, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    return {f"/{service}/{method}": rule for method, rule in rules.items()}


_VIEW = Rule(Role.VIEWER)
_VIEW_LISTED = Rule(Role.VIEWER, Scope.LISTED)
_VIEW_WORKFLOW = Rule(Role.VIEWER, Scope.WORKFLOW)
_ORDER = Rule(Role.OPERATOR, Scope.WORKFLOW)
_DECIDE = Rule(Role.APPROVER, Scope.WORKFLOW)

#: By full method name. An RPC that is not here is not served.
RULES: Mapping[str, Rule] = MappingProxyType(
    _rules(
        "workflow.v1.WorkflowService",
        {
            "Check": Rule(Role.VIEWER, Scope.WORKREQ),
            "Submit": Rule(Role.OPERATOR, Scope.WORKREQ),
            "Exec": _ORDER,
            "Pause": _ORDER,
            "Resume": _ORDER,
            "Cancel": _ORDER,
            "Release": _ORDER,
            "Resolve": _ORDER,
            "GetReceipt": _VIEW_WORKFLOW,
            "PlanRerun": _VIEW_WORKFLOW,
            "Status": _VIEW_WORKFLOW,
            "Get": _VIEW_WORKFLOW,
            "List": _VIEW_LISTED,
            "ListJobs": _VIEW_WORKFLOW,
            "GetJob": _VIEW_WORKFLOW,
            "History": _VIEW_WORKFLOW,
            "ListRejections": _VIEW_LISTED,
            "GetRejection": Rule(Role.VIEWER, Scope.REJECTION),
            "Watch": _VIEW_WORKFLOW,
            "WatchList": _VIEW_LISTED,
        },
    )
    | _rules(
        "workflow.v1.ApprovalService",
        {
            "List": _VIEW_LISTED,
            "Get": _VIEW_WORKFLOW,
            "Approve": _DECIDE,
            "Reject": _DECIDE,
            "Withdraw": _DECIDE,
        },
    )
    | _rules(
        "workflow.v1.StopsService",
        {
            "List": _VIEW,
            "Set": Rule(Role.OPERATOR, Scope.STOP),
            "PlanRelease": _VIEW_LISTED,
            "Withdraw": Rule(Role.OPERATOR, Scope.STOP),
            "Watch": _VIEW,
        },
    )
    | _rules(
        "workflow.v1.WorkbenchService",
        {
            "TestStored": Rule(Role.OPERATOR, Scope.LISTED),
            "TestCase": Rule(Role.OPERATOR, Scope.WORKREQ),
            "Explain": _VIEW_WORKFLOW,
            "ExplainRejection": Rule(Role.VIEWER, Scope.REJECTION),
        },
    )
    | _rules(
        "workflow.v1.CatalogService",
        {
            "ListJobTypes": _VIEW,
            "ListPolicies": _VIEW,
            "ListBuckets": _VIEW,
            "ListQuotas": _VIEW,
            "GetServerInfo": _VIEW,
        },
    )
    | _rules("workflow.v1.InventoryService", {"ListSites": _VIEW, "GetSite": _VIEW})
    | _rules(
        "diskerase.Workflow",
        {"Submit": Rule(Role.OPERATOR, Scope.WORKREQ), "Exec": _ORDER, "Status": _VIEW_WORKFLOW},
    )
    | _rules("audit.v1.AuditService", {"List": _VIEW_LISTED, "Bundle": _VIEW_WORKFLOW})
    | _rules("access.v1.AccessService", {"WhoAmI": KNOWN})
    | _rules("grpc.health.v1.Health", {"Check": PUBLIC, "Watch": PUBLIC})
)


def table() -> str:
    """The rules in Markdown, as the documentation prints them."""
    lines = ["| RPC | role | for which workflow type |", "| --- | --- | --- |"]
    for path, rule in RULES.items():
        role = rule.role or ("none: anyone may call it" if rule.public else "none, but known")
        lines.append(f"| `{path.removeprefix('/')}` | {role} | {rule.scope.value if rule.role else ''} |")
    return "\n".join(lines) + "\n"
