"""`python -m wf_tui` is `wf-tui`."""

from wf_tui.entry import main

if __name__ == "__main__":
    main()
