"""The keyboard-driven console of wf, and `wf`, the same client for scripts."""
