"""CEL expressions about WorkReqs: read, judged by a process of their own that can be killed, and told."""
