"""The live list of workflows: what is known, what the filter lets through, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.marks import WORKFLOW_ORDER
from wf_tui.state.models import Status, Summary
from wf_tui.state.standing import NEEDS_SOMEBODY
from wf_tui.state.text import clean

#: What a filter can ask for by name.
FIELDS = ("status", "name", "by", "desc", "id", "reason")


class Order(Enum):
    """How the list is sorted; the value is what the screen says."""

    NEWEST = "newest first"
    TROUBLE = "trouble and running first"

    @property
    def other(self) -> Order:
        """The order that the key switches to."""
        return Order.TROUBLE if self is Order.NEWEST else Order.NEWEST


_RANK = {status: rank for rank, status in enumerate(WORKFLOW_ORDER)}


class Listing:
    """Workflows by id, and the ids to show. `loaded` is false until the first page has come."""

    def __init__(self) -> None:
        self.loaded = False
        self.filter = NO_FILTER
        self.order = Order.NEWEST
        self._known: dict[str, Summary] = {}
        self._visible: list[str] = []
        self._place: dict[str, int] = {}
        #: Ids that the operator marked, in that order, for what is done with several at once.
        self._marked: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._visible)

    def __getitem__(self, place: int) -> Summary:
        return self._known[self._visible[place]]

    @property
    def total(self) -> int:
        """How many workflows are known, shown or not."""
        return len(self._known)

    def find(self, workflow_id: str) -> int | None:
        """Returns the line a workflow is shown on, None if it is not shown."""
        return self._place.get(workflow_id)

    def get(self, workflow_id: str) -> Summary | None:
        """Returns what is known of a workflow, shown or not."""
        return self._known.get(workflow_id)

    def counts(self) -> Counter[Status]:
        """Counts the known workflows by status."""
        return Counter(summary.status for summary in self._known.values())

    def take(self, reset: bool, summaries: Sequence[Summary]) -> set[int] | None:
        """Takes a message of the stream; returns the lines that changed, None if the lines themselves did."""
        if reset:
            self._known.clear()
        moved = reset or not self.loaded
        self.loaded = True
        changed: set[int] = set()
        for summary in summaries:
            before = self._known.get(summary.id)
            self._known[summary.id] = summary
            place = self._place.get(summary.id)
            shown = self._shows(summary)
            if (place is not None) != shown or before is None or self._key(before) != self._key(summary):
                moved = True
            elif place is not None:
                changed.add(place)
        if not moved:
            return changed
        self._arrange()
        return None

    @property
    def marked(self) -> list[Summary]:
        """The marked workflows as they stand now, in the order in which they were marked."""
        return [self._known[found] for found in self._marked if found in self._known]

    def is_marked(self, workflow_id: str) -> bool:
        """Tells whether a workflow is marked."""
        return workflow_id in self._marked

    def toggle_mark(self, workflow_id: str) -> None:
        """Marks a workflow, or takes its mark away."""
        if workflow_id in self._marked:
            del self._marked[workflow_id]
        else:
            self._marked[workflow_id] = None

    def clear_marks(self) -> None:
        """Takes all marks away."""
        self._marked.clear()

    def narrow(self, chosen: Filter) -> None:
        """Shows only workflows that the filter lets through."""
        self.filter = chosen
        self._arrange()

    def sort(self, order: Order) -> None:
        """Changes the order."""
        self.order = order
        self._arrange()

    def _arrange(self) -> None:
        shown = [summary for summary in self._known.values() if self._shows(summary)]
        shown.sort(key=self._key)
        self._visible = [summary.id for summary in shown]
        self._place = {workflow_id: place for place, workflow_id in enumerate(self._visible)}

    def _key(self, summary: Summary) -> tuple[int, float, str]:
        if self.order is Order.TROUBLE:
            rank = _RANK.get(summary.status, len(_RANK))
        else:
            # What waits for a person would be overlooked among what is newer.
            rank = _RANK[summary.status] if summary.status in NEEDS_SOMEBODY else len(_RANK)
        return rank, -summary.created.timestamp(), summary.id

    def _shows(self, summary: Summary) -> bool:
        return not self.filter or self.filter.lets_through(fields(summary))


def fields(summary: Summary) -> Mapping[str, str]:
    """Returns what the filter looks at; see `FIELDS`."""
    values = (summary.status.label, summary.name, summary.operator, summary.desc, summary.id, summary.reason)
    return dict(zip(FIELDS, map(clean, values), strict=True))


def contains_all(text: str, fields: Iterable[str]) -> bool:
    """Tells whether every word of the text is in one of the fields, whatever its case."""
    haystack = "\n".join(fields).casefold()
    return all(word in haystack for word in text.casefold().split())
