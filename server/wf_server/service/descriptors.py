"""How many connections this process has file descriptors for."""

from __future__ import annotations

import resource

import structlog

from wf_server.config import ConnectionLimits

log = structlog.get_logger(__name__)

#: What the database, the watched files and the rest of the process need.
OTHERS = 128


def within_descriptors(limits: ConnectionLimits) -> ConnectionLimits:
    """Raises this process's limit of open files where that is needed and allowed.

    Returns the limits on connections, lowered to what there are descriptors for: a server without any could
    not accept the connection that brings a stop.
    """
    wanted = limits.max_connections + OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits
    raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if raised > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    if raised >= wanted:
        return limits
    fitting = max(1, raised - OTHERS)
    log.warning("fewer connections than configured", max_connections=fitting, open_files=raised)
    return limits.model_copy(update={"max_connections": fitting})
