"""The database: SQLite through aiosqlite, behind one class."""

from wf_server.store.store import JobNotes, Page, Store

__all__ = ["JobNotes", "Page", "Store"]
