"""The console in a browser. Needs the extra `wf[web]`, which only `serving` imports."""
