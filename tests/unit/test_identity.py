"""Whether there is anything that someone may change."""

import pytest

from wf_tui.gateway import Unauthenticated
from wf_tui.main import _known_as
from wf_tui.state.models import Identity
from wf_tui.testing import FakeGateway


@pytest.mark.parametrize(
    ("grants", "only_views"),
    [
        (("viewer",), True),
        (("viewer:Maintenance",), True),
        (("operator:Maintenance", "viewer"), False),
        (("approver",), False),
        (("admin",), False),
        ((), True),
    ],
)
def test_who_only_views(grants: tuple[str, ...], only_views: bool) -> None:
    assert Identity("ann", "token", "", grants).only_views is only_views


async def test_the_console_does_not_wait_for_a_server_that_does_not_say_who_one_is() -> None:
    gateway = FakeGateway()
    who = await _known_as(gateway)
    assert who is not None
    assert not who.only_views
    gateway.errors["who_am_i"] = Unauthenticated("this server asks who calls")
    assert await _known_as(gateway) is None
