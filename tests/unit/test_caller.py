"""What roles allow, how they are spelt, and that no RPC is without a rule."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wf_proto
from wf_proto import access, audit, health, published
from wf_server.model.caller import EVERY_GRANT, Caller, Grant, Role, parse_grant, spell_grants
from wf_server.service.access import RULES, Scope

GRANTS = st.builds(Grant, st.sampled_from(Role), st.sampled_from(["*", "A", "B"]))


def served() -> set[str]:
    """The full method names of every service in the contract."""
    paths: set[str] = set()
    for module in (wf_proto, access, audit, published, health):
        for name, base in inspect.getmembers(module, inspect.isclass):
            if name.endswith("Base") and hasattr(base, "__mapping__"):
                paths |= set(base().__mapping__())  # type: ignore[attr-defined]
    return paths


def test_every_rpc_has_a_rule_and_no_rule_is_of_no_rpc() -> None:
    assert set(RULES) == served()


def test_no_rule_asks_for_a_type_without_a_role() -> None:
    assert all(rule.role or rule.scope is Scope.ANY for rule in RULES.values())


def test_only_health_is_open_to_anyone() -> None:
    public = {path for path, rule in RULES.items() if rule.public}
    assert public == {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (Role.VIEWER, {Role.VIEWER}),
        (Role.OPERATOR, {Role.VIEWER, Role.OPERATOR}),
        (Role.APPROVER, {Role.VIEWER, Role.APPROVER}),
        (Role.ADMIN, set(Role)),
    ],
)
def test_what_each_role_brings_with_it(granted: Role, allowed: set[Role]) -> None:
    caller = Caller("ann", frozenset({Grant(granted, "Maintenance")}))
    assert {role for role in Role if caller.may(role, "Maintenance")} == allowed
    assert not any(caller.may(role, "Other") or caller.may(role, "*") for role in Role)


def test_without_grants_nothing_is_allowed_and_with_every_grant_everything() -> None:
    assert not any(Caller("ann").may(role, "T") or Caller("ann").may_somewhere(role) for role in Role)
    assert all(Caller("ann", EVERY_GRANT).may(role, "*") for role in Role)


@given(st.frozensets(GRANTS), st.sampled_from(Role))
def test_the_types_are_those_that_are_allowed(grants: frozenset[Grant], role: Role) -> None:
    caller = Caller("ann", grants)
    types = caller.types(role)
    for name in ("A", "B", "C"):
        assert caller.may(role, name) == (types is None or name in types)
    assert caller.may_somewhere(role) == (types is None or bool(types))


@given(GRANTS)
def test_a_grant_is_read_as_it_is_spelt(grant: Grant) -> None:
    assert parse_grant(str(grant)) == grant


def test_grants_are_told_the_mightiest_first() -> None:
    grants = [Grant(Role.VIEWER), Grant(Role.OPERATOR, "B"), Grant(Role.ADMIN), Grant(Role.OPERATOR, "A")]
    assert spell_grants(grants) == "admin, operator:A, operator:B, viewer"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("boss", "'boss' is no role; there are viewer, operator, approver, admin"),
        ("", "'' is no role"),
        ("operator:", "names no workflow type after the colon"),
        ("Operator", "'Operator' is no role"),
    ],
)
def test_what_is_no_grant_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_grant(text)
