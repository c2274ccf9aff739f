"""A real server for these tests too."""

from tests.e2e.conftest import server

__all__ = ["server"]
