"""Which of the published five statuses each status reads as, whatever it is of."""

import pytest

from wf_server.model import WORKFLOW_ACTIVE, WORKFLOW_FINAL, Status
from wf_server.service.published_status import published_status

NOT_STARTED, RUNNING, FAILED, COMPLETED = 1, 2, 3, 4


@pytest.mark.parametrize("status", [*Status])
def test_what_goes_on_reads_as_running_and_every_unhappy_end_as_failed(status: Status) -> None:
    told = int(published_status(status))
    if status in WORKFLOW_ACTIVE or status in (Status.RETRYING, Status.AWAITING_APPROVAL):
        assert told == RUNNING
    elif status in (Status.COMPLETED, Status.NOT_STARTED):
        assert told == int(status)
    elif status is not Status.SKIPPED:
        assert told == FAILED
    assert told in (NOT_STARTED, RUNNING, FAILED, COMPLETED)
    assert status not in WORKFLOW_FINAL or told in (FAILED, COMPLETED)
