"""Policies: what a WorkReq has to keep to. Pure: a request and facts in, violations out."""

from wf_server.policy.base import Facts, Policy, PolicyBook
from wf_server.policy.engine import NO_POLICY, evaluate, evaluate_each, evaluate_exec, evaluate_start, judge
from wf_server.policy.executed import Executed
from wf_server.policy.options import VALIDATION
from wf_server.policy.quota import Meter, Quota
from wf_server.policy.reader import POLICIES, POLICIES_FILE, LivePolicies, load_policies, parse_policies
from wf_server.policy.structure import validate_in_portions, validate_structure

__all__ = [
    "NO_POLICY",
    "POLICIES",
    "POLICIES_FILE",
    "VALIDATION",
    "Executed",
    "Facts",
    "LivePolicies",
    "Meter",
    "Policy",
    "PolicyBook",
    "Quota",
    "evaluate",
    "evaluate_each",
    "evaluate_exec",
    "evaluate_start",
    "judge",
    "load_policies",
    "parse_policies",
    "validate_in_portions",
    "validate_structure",
]
