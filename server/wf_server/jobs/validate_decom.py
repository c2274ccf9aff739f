"""validateDecom: makes sure that a site is out of service before anything is done to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wf_server.inventory import Inventory, SiteStatus, SiteType
from wf_server.jobs.base import Arg, ArgKind, ArgProblem, JobContext, JobFailed, JobType, Recovery


class ValidateDecom(JobType):
    """Checks that a site is of a type and in decom, at submission and again when it runs."""

    name = "validateDecom"
    help = (
        "Checks that a site is of the given type and in decom, at submission and again when it runs. "
        "A site that is not ends the workflow as failed."
    )
    args = (
        Arg("site", ArgKind.SITE, "The site that is to be in decom.", example="aap"),
        Arg(
            "type",
            ArgKind.TEXT,
            "The type that the site is to be of.",
            choices=tuple(kind.value for kind in SiteType),
            example="satellite",
        ),
    )
    recovery = Recovery.IDEMPOTENT
    precondition = True

    def __init__(self, inventory: Callable[[], Inventory]) -> None:
        self._inventory = inventory

    def check(self, args: Mapping[str, str]) -> list[ArgProblem]:
        """Finds that the site is missing, of another type, or not in decom."""
        name, kind = args["site"], args["type"]
        site = self._inventory().sites.get(name)
        if site is None:
            return [ArgProblem("site", f"there is no site {name}", f'"{name}"', "a site of the inventory")]
        problems = []
        if site.type.value != kind:
            wrong_type = f"site {name} is not of type {kind}"
            problems.append(ArgProblem("type", wrong_type, f'"{kind}"', f'"{site.type.value}"'))
        if site.status is not SiteStatus.DECOM:
            not_decom = f"site {name} is not in decom"
            problems.append(ArgProblem("site", not_decom, f'"{site.status.value}"', '"decom"'))
        return problems

    async def run(self, ctx: JobContext, args: Mapping[str, str]) -> None:
        """Checks again. Raises a fatal JobFailed."""
        problems = self.check(args)
        if problems:
            raise JobFailed("; ".join(problem.message for problem in problems), fatal=True)
