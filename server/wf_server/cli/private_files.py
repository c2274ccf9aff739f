"""What the server writes is its own user's: files 0600, directories 0700, sockets as well."""

import os


def keep_files_private() -> None:
    """Takes every right of others from what this process makes; SQLite's own files included."""
    os.umask(0o077)
