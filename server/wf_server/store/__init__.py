"""The database: SQLite through aiosqlite, behind one class; and tools that read and copy it."""

from wf_server.store.store import JobNotes, Page, Store

__all__ = ["JobNotes", "Page", "Store"]
