"""Made-up declarations of job types, for tests and pictures."""

from __future__ import annotations

from wf_tui.state.models import ArgDeclaration, JobType

_SITE = ArgDeclaration("site", "site", True, "The site where it happens.", example="aap")


def sample_job_types() -> tuple[JobType, ...]:
    """Returns the four job types of an erasure."""
    return (
        JobType(
            "diskErase",
            "Erases the disks of one machine.",
            (_SITE, ArgDeclaration("machine", "machine", True, "The machine's short name.", example="aa01")),
            "idempotent",
        ),
        JobType(
            "sleep",
            "Lets time pass.",
            (ArgDeclaration("seconds", "integer", True, "For how long.", example="60", minimum=1),),
            "idempotent",
        ),
        JobType(
            "tokenBucket",
            "Takes a token from a bucket.",
            (
                ArgDeclaration("bucket", "bucket", True, "The bucket.", example="diskEraseSatellite"),
                ArgDeclaration("fatal", "boolean", True, "Whether to fail where there is no token."),
            ),
            "idempotent",
        ),
        JobType(
            "validateDecom",
            "Checks that a site is out of service.",
            (_SITE, ArgDeclaration("type", "text", True, "What it has to be.", ("satellite", "cluster"))),
            "idempotent",
        ),
    )
