"""The database: SQLite through aiosqlite, behind one class."""

from wf_server.store.store import Page, Store

__all__ = ["Page", "Store"]
