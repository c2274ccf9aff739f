"""`python -m wf_server` is `wf-server`."""

from wf_server.cli import main

if __name__ == "__main__":
    main()
