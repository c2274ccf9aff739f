"""Where `wf-tui` begins: little is imported yet, so that a Ctrl-C while it loads ends it in silence."""

import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Runs the console; see `wf_tui.main`. What it writes is its user's alone."""
    os.umask(0o077)
    try:
        from wf_tui.main import main as run
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    run()
