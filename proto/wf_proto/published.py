"""The published contract (package diskerase), served beside workflow.v1."""

from wf_proto._gen.diskerase import *  # noqa: F403
