"""What somebody may do, by how the server knows them."""

import pytest

from wf_tui.state.models import Identity
from wf_tui.state.permits import APPROVER, OPERATOR, VIEWER, may, only_views, proven_name


def known(*grants: str, way: str = "token") -> Identity:
    return Identity("ann", way, "", grants)


@pytest.mark.parametrize(
    ("grants", "views"),
    [
        (("viewer",), True),
        (("viewer:Maintenance",), True),
        (("operator:Maintenance", "viewer"), False),
        (("approver",), False),
        (("admin",), False),
        ((), True),
    ],
)
def test_who_only_views(grants: tuple[str, ...], views: bool) -> None:
    assert only_views(known(*grants)) is views


def test_a_role_of_one_type_is_for_that_type() -> None:
    ann = known("operator:Maintenance", "viewer")
    assert may(ann, OPERATOR, ("Maintenance",))
    assert may(ann, OPERATOR, ("SatelliteDiskErase", "Maintenance")), "one of the marked ones is enough"
    assert may(ann, OPERATOR), "somewhere"
    assert not may(ann, OPERATOR, ("SatelliteDiskErase",))
    assert not may(ann, OPERATOR, ("*",)), "everything takes a role for everything"
    assert may(ann, VIEWER, ("SatelliteDiskErase",))
    assert not may(ann, APPROVER)


def test_an_admin_may_everything_and_of_strangers_nothing_is_held_back() -> None:
    assert may(known("admin"), APPROVER, ("*",))
    assert may(None, OPERATOR, ("Maintenance",))
    assert not may(known("janitor"), VIEWER), "a role that this console does not know"


@pytest.mark.parametrize(("way", "name"), [("certificate", "ann"), ("unix", "ann"), ("loopback", "")])
def test_a_name_that_is_only_told_is_not_shown(way: str, name: str) -> None:
    assert proven_name(known("admin", way=way)) == name
    assert proven_name(None) == ""
