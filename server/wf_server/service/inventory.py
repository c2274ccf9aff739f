"""workflow.v1.InventoryService."""

from __future__ import annotations

import wf_proto as pb
from wf_server.errors import NotFound
from wf_server.inventory import Inventory, LiveInventory, Site


class InventoryService(pb.InventoryServiceBase):
    """Tells the sites and machines that jobs act on."""

    def __init__(self, inventory: LiveInventory) -> None:
        self._inventory = inventory

    async def list_sites(self, list_sites_request: pb.ListSitesRequest) -> pb.ListSitesResponse:
        """Lists all sites in name order."""
        inventory = self._inventory.current
        sites = [_site(inventory, inventory.sites[name]) for name in sorted(inventory.sites)]
        return pb.ListSitesResponse(sites=sites)

    async def get_site(self, get_site_request: pb.GetSiteRequest) -> pb.GetSiteResponse:
        """Returns one site with its machines."""
        inventory = self._inventory.current
        site = inventory.sites.get(get_site_request.name)
        if site is None:
            raise NotFound(f"there is no site {get_site_request.name[:80]!r}")
        return pb.GetSiteResponse(
            site=_site(inventory, site), machines=list(inventory.machines.get(site.name, ()))
        )


def _site(inventory: Inventory, site: Site) -> pb.Site:
    return pb.Site(
        name=site.name,
        type=pb.SiteType[site.type.name],
        status=pb.SiteStatus[site.status.name],
        machine_count=len(inventory.machines.get(site.name, ())),
    )
