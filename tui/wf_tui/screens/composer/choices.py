"""What there is to choose from, in words."""

from __future__ import annotations

from wf_tui.dialogs.pick import Choice
from wf_tui.state.format import count
from wf_tui.state.known import Known
from wf_tui.state.models import Site


def job_choices(known: Known, workflow_type: str) -> list[Choice]:
    """Returns the job types, those that the policies allow first."""
    allowed = [kind for kind in known.job_types if known.allows(workflow_type, kind.name)]
    others = [kind for kind in known.job_types if kind not in allowed]
    refused = f"✗ not allowed in {workflow_type}: "
    return [Choice(kind.name, kind.help) for kind in allowed] + [
        Choice(kind.name, refused + kind.help) for kind in others
    ]


def site_words(site: Site) -> str:
    """Tells what kind of site it is."""
    return f"{site.type.value}, {site.status.value}, {count(site.machine_count, 'machine')}"
