"""workflow.v1.CatalogService."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import wf_proto as pb
from wf_server.clock import Clock
from wf_server.engine.quotas import Quotas, QuotaView
from wf_server.jobs import Arg, JobRegistry, JobType
from wf_server.policy import LivePolicies
from wf_server.service.translate import time_of, time_or_none
from wf_server.tokens import Tokens

#: Values of one quota that an answer tells of.
MAX_GAUGES = 1_000


class CatalogService(pb.CatalogServiceBase):
    """Tells what the server can do, and what it forbids."""

    def __init__(
        self,
        registry: JobRegistry,
        policies: LivePolicies,
        tokens: Tokens,
        quotas: Quotas,
        clock: Clock,
        version: str,
        problems: Callable[[], list[str]],
        draining: Callable[[], bool],
        breaches: Mapping[tuple[str, str], int],
    ) -> None:
        self._registry = registry
        self._policies = policies
        self._tokens = tokens
        self._quotas = quotas
        self._clock = clock
        self._version = version
        self._problems = problems
        self._draining = draining
        #: By workflow type and policy: a Counter.
        self._breaches = breaches
        self._started_us = clock.now_us()

    async def list_job_types(self, list_job_types_request: pb.ListJobTypesRequest) -> pb.ListJobTypesResponse:
        """Lists the registered job types."""
        return pb.ListJobTypesResponse(job_types=[_job_type(job_type) for job_type in self._registry])

    async def list_policies(self, list_policies_request: pb.ListPoliciesRequest) -> pb.ListPoliciesResponse:
        """Lists the policies in force."""
        types = [
            pb.WorkflowType(
                name=name,
                policies=[
                    pb.Policy(
                        name=policy.name,
                        help=policy.help,
                        settings_json=policy.settings_json,
                        level=pb.PolicyLevel(policy.level),
                        breaches=self._breaches[name, policy.name],
                    )
                    for policy in policies
                ],
            )
            for name, policies in self._policies.book.workflow_types.items()
        ]
        return pb.ListPoliciesResponse(workflow_types=types, problem=self._policies.problem)

    async def list_buckets(self, list_buckets_request: pb.ListBucketsRequest) -> pb.ListBucketsResponse:
        """Lists the token buckets and their levels."""
        return pb.ListBucketsResponse(
            buckets=[
                pb.Bucket(
                    name=b.name,
                    size=b.size,
                    tokens=b.tokens,
                    refill=b.refill,
                    every_seconds=b.every_seconds,
                    next_refill=time_or_none(b.next_refill_us or 0),
                )
                for b in self._tokens.levels()
            ]
        )

    async def list_quotas(self, list_quotas_request: pb.ListQuotasRequest) -> pb.ListQuotasResponse:
        """Lists the quotas and how much of each is taken."""
        return pb.ListQuotasResponse(quotas=[_quota(view) for view in self._quotas.views()])

    async def get_server_info(
        self, get_server_info_request: pb.GetServerInfoRequest
    ) -> pb.GetServerInfoResponse:
        """Tells the server's version, start, clock, problems, and whether it drains."""
        return pb.GetServerInfoResponse(
            version=self._version,
            started=time_of(self._started_us),
            problems=self._problems(),
            now=time_of(self._clock.now_us()),
            draining=self._draining(),
        )


def _quota(view: QuotaView) -> pb.Quota:
    gauges, quota = view.gauges, view.quota
    if len(gauges) > MAX_GAUGES:
        fullest = sorted(gauges, key=lambda gauge: gauge.taken / max(1, gauge.limit), reverse=True)
        gauges = tuple(sorted(fullest[:MAX_GAUGES], key=lambda gauge: gauge.value))
    return pb.Quota(
        label=quota.meter.label,
        job_types=list(quota.meter.job_types),
        limit=quota.limit_words,
        per_seconds=quota.per_us / 1_000_000,
        level=pb.PolicyLevel(quota.level),
        workflow_types=list(view.workflow_types),
        gauges=[
            pb.QuotaGauge(
                value=gauge.value,
                limit=gauge.limit,
                taken=gauge.taken,
                next_token=time_or_none(gauge.next_us),
                waiting=gauge.waiting,
            )
            for gauge in gauges
        ],
        more_gauges=len(view.gauges) - len(gauges),
    )


def _job_type(job_type: JobType) -> pb.JobType:
    return pb.JobType(
        name=job_type.name,
        help=job_type.help,
        args=[_argument(arg) for arg in job_type.args],
        recovery=pb.Recovery[job_type.recovery.name],
        precondition=job_type.precondition,
    )


def _argument(arg: Arg) -> pb.ArgDeclaration:
    return pb.ArgDeclaration(
        name=arg.name,
        kind=pb.ArgKind[arg.kind.name],
        required=arg.required,
        choices=list(arg.choices),
        help=arg.help,
        example=arg.example,
        minimum=arg.minimum,
    )
