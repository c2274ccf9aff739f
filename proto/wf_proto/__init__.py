"""The contract of wf: messages, service stubs and bases of package workflow.v1.

This is the only import path; `wf_proto.published` holds those of the published package, `wf_proto.client`
the typed client, `wf_proto.details` the machine-readable part of a refusal.
"""

from wf_proto._gen.workflow.v1 import *  # noqa: F403
