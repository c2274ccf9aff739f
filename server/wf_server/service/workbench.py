"""workflow.v1.WorkbenchService."""

from __future__ import annotations

from collections.abc import AsyncIterator

import wf_proto as pb
from wf_server.engine.workbench import Explanation, Tally, Tested, Workbench
from wf_server.model import Role, Summary
from wf_server.service.guard import Undecoded, caller
from wf_server.service.reports import case_in, request_in
from wf_server.service.translate import time_of, violation_message

#: Of one tested request, and of one policy in an explanation.
_TOLD, _EXPLAINED = 3, 100
#: Requests judged between two messages, if nothing was found.
_STEP = 50
#: Found requests in one message.
_PORTION = 50


class WorkbenchService(pb.WorkbenchServiceBase):
    """Tries drafts of policies, and explains those in force."""

    def __init__(self, workbench: Workbench, max_jobs: int) -> None:
        self._workbench = workbench
        self._max_jobs = max_jobs

    async def test_stored(
        self, test_stored_request: pb.TestStoredRequest
    ) -> AsyncIterator[pb.TestStoredResponse]:
        """Judges what is stored by a draft."""
        r = test_stored_request
        tally, found, told = Tally(), list[pb.TestedRequest](), 0
        tests = self._workbench.test_stored(r.draft, caller().types(Role.OPERATOR), r.limit, r.name)
        try:
            async for tally, tested in tests:
                if tested is not None:
                    found.append(_tested(tested))
                if len(found) >= _PORTION or tally.done - told >= _STEP:
                    yield pb.TestStoredResponse(done=tally.done, total=tally.total, found=found)
                    found, told = [], tally.done
        finally:
            await tests.aclose()
        yield pb.TestStoredResponse(done=tally.done, total=tally.total, found=found, summary=_summary(tally))

    async def test_case(self, test_case_request: pb.TestCaseRequest | Undecoded) -> pb.TestCaseResponse:
        """Judges one WorkReq by a draft."""
        case = case_in(test_case_request)
        request = await request_in(test_case_request, self._max_jobs)
        verdict, found = await self._workbench.test_case(case.draft, request, case.at_us, case.acknowledged)
        return pb.TestCaseResponse(
            verdict=pb.Verdict(verdict), violations=[violation_message(v) for v in found]
        )

    async def explain(self, explain_request: pb.ExplainRequest) -> pb.ExplainResponse:
        """Tells what each policy says of a stored WorkReq now."""
        return _explanation(await self._workbench.explain(explain_request.id))

    async def explain_rejection(
        self, explain_rejection_request: pb.ExplainRejectionRequest
    ) -> pb.ExplainResponse:
        """Tells what each policy says of a refused WorkReq now."""
        return _explanation(await self._workbench.explain_rejection(explain_rejection_request.id))


def _tested(tested: Tested) -> pb.TestedRequest:
    of = tested.summary
    is_stored = isinstance(of, Summary)
    return pb.TestedRequest(
        id=of.id,
        rejection=not is_stored,
        name=of.name,
        desc=of.desc,
        operator=of.operator,
        submitted=time_of(of.created_us if isinstance(of, Summary) else of.time_us),
        before=pb.Verdict(tested.before),
        after=pb.Verdict(tested.after),
        violations=[violation_message(v) for v in tested.violations[:_TOLD]],
        violated=len(tested.violations),
    )


def _summary(tally: Tally) -> pb.TestSummary:
    return pb.TestSummary(
        tested=tally.tested,
        skipped=tally.skipped,
        refused=tally.refused,
        warned=tally.warned,
        dry_run=tally.dry_run,
        newly_refused=tally.newly_refused,
        newly_passing=tally.newly_passing,
        policies=[
            pb.PolicyCount(policy=policy, level=pb.PolicyLevel(level), requests=requests)
            for (policy, level), requests in sorted(tally.policies.items())
        ],
    )


def _explanation(explanation: Explanation) -> pb.ExplainResponse:
    return pb.ExplainResponse(
        id=explanation.id,
        name=explanation.name,
        verdict=pb.Verdict(explanation.verdict),
        policies=[
            pb.PolicyOutcome(
                policy=policy.name,
                help=policy.help,
                settings_json=policy.settings_json,
                level=pb.PolicyLevel(policy.level),
                violations=[violation_message(v) for v in violations[:_EXPLAINED]],
                violated=len(violations),
            )
            for policy, violations in explanation.policies
        ],
        others=[violation_message(violation) for violation in explanation.others],
    )
