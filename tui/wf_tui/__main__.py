"""`python -m wf_tui` is `wf-tui`."""

from wf_tui.main import main

if __name__ == "__main__":
    main()
