"""`wf-server`: the server itself, and the tools for its database."""

from wf_server.cli.main import main

__all__ = ["main"]
