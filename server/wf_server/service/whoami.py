"""access.v1.AccessService."""

from __future__ import annotations

from wf_proto import access
from wf_server.service.guard import caller


class AccessService(access.AccessServiceBase):
    """Tells callers how the server knows them."""

    async def who_am_i(self, who_am_i_request: access.WhoAmIRequest) -> access.WhoAmIResponse:
        """Tells the caller's name, way in and grants."""
        who = caller()
        grants = sorted(who.grants, key=str)
        return access.WhoAmIResponse(
            name=who.name,
            way=who.way.value,
            origin=who.origin,
            grants=[access.Grant(role=g.role.value, workflow_type=g.workflow_type) for g in grants],
        )
