"""Many jobs at once: one for each machine of a site, or for each site."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from wf_tui.dialogs.fan_out import FanOutDialog
from wf_tui.dialogs.pick import Choice, PickDialog
from wf_tui.screens.composer.choices import site_words
from wf_tui.screens.composer.desk import Desk
from wf_tui.state import edits
from wf_tui.state.composition import Place, job_at
from wf_tui.state.fanout import FanOut
from wf_tui.state.known import Known, fan_arg, machine_arg, site_arg, site_of
from wf_tui.state.models import ArgDeclaration, Job, WorkReq


class Fanning(Desk):
    """Asks for the site and the pattern, and adds the jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f",
            "fan_out",
            "Fan out",
            show=False,
            id="composer.fan_out",
            tooltip="Add a job for each machine, or site",
        ),
    ]

    def action_fan_out(self) -> None:
        """Asks for the site, where that is not known, and for the machines."""
        template = fan_out_template(self.request, self.composition.place, self.known)
        if template is None:
            self.say("No job type that the server knows has a machine or a site for an argument.")
            return
        kind = self.known.job_type(template.name)
        arg = site_arg(kind)
        if arg is None or arg == fan_arg(kind) or template.args.get(arg.name):
            self.ask_newest(partial(self._ask_machines, template), "machines", group="fan-out")
            return

        def answered(site: str | None) -> None:
            if site is not None:
                job = replace(template, args={**template.args, arg.name: site})
                self.ask_newest(partial(self._ask_machines, job), "machines", group="fan-out")

        choices = [Choice(site.name, site_words(site)) for site in self.known.sites if site.machine_count]
        self.app.push_screen(PickDialog("The machines of which site?", choices), answered)

    async def _ask_machines(self, template: Job) -> None:
        arg = fan_arg(self.known.job_type(template.name))
        assert arg is not None
        names = await self._names_for(arg, template)

        def answered(made: FanOut | None) -> None:
            if made is not None:
                self._fan_out(made)

        self.app.push_screen(FanOutDialog(template, arg.name, names, 5), answered)

    async def _names_for(self, arg: ArgDeclaration, template: Job) -> tuple[str, ...]:
        """The machines or the sites that the server knows."""
        kind = self.known.job_type(template.name)
        if arg == site_arg(kind):
            return tuple(site.name for site in self.known.sites)
        site = site_of(template, kind)
        return await self.machines_of(site) if self.known.has_site(site) else ()

    def _fan_out(self, made: FanOut) -> None:
        place, request = self.composition.place, self.request
        begun = job_at(request, place) if place.is_job else None
        if begun is not None and begun.name == made.template.name and not begun.args.get(made.arg):
            # The job that was begun for this gives way; one that is about a machine already stays.
            request, place = edits.remove(request, place).request, Place(place.block, place.job - 1)
        if made.per_block:
            self.edit(edits.add_blocks(request, place, made.blocks()))
        else:
            self.edit(edits.add_jobs(request, place, made.jobs()))
        self.say_done(f"Added {made.words()}.")


def fan_out_template(request: WorkReq, place: Place, known: Known) -> Job | None:
    """Returns the job to repeat: the cursor's, or an empty one of a type that has a machine, or a site."""
    if place.is_job and fan_arg(known.job_type(job_at(request, place).name)) is not None:
        return job_at(request, place)
    kinds = [kind for kind in known.job_types if fan_arg(kind) is not None]
    kinds.sort(key=lambda kind: (not known.allows(request.name, kind.name), machine_arg(kind) is None))
    return Job(kinds[0].name) if kinds else None
