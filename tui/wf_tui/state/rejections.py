"""The list of refused WorkReqs: the newest pages that were read, and what the filter lets through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wf_tui.state.filters import NO_FILTER, Filter
from wf_tui.state.format import short_id
from wf_tui.state.models import RejectionSummary
from wf_tui.state.text import clean

#: What a filter can ask for by name.
FIELDS = ("state", "name", "by", "desc", "violation", "id")


class Rejections:
    """Rejections by id, newest first. `loaded` is false until the first page has come."""

    def __init__(self) -> None:
        self.loaded = False
        self.filter = NO_FILTER
        #: Asks for the page after the oldest known; empty: there is none.
        self.older = ""
        self._known: dict[str, RejectionSummary] = {}
        self._shown: list[RejectionSummary] = []

    def __len__(self) -> int:
        return len(self._shown)

    def __getitem__(self, place: int) -> RejectionSummary:
        return self._shown[place]

    @property
    def total(self) -> int:
        """How many are known, shown or not."""
        return len(self._known)

    @property
    def unmended(self) -> int:
        """How many of the known have no mended form."""
        return sum(not known.mended_by for known in self._known.values())

    def find(self, rejection_id: str) -> int | None:
        """Returns the line of a rejection, None if it is not shown."""
        return next((at for at, shown in enumerate(self._shown) if shown.id == rejection_id), None)

    def take_newest(self, page: Sequence[RejectionSummary], older: str) -> None:
        """Takes the first page, again. One without anything known begins the list anew."""
        if not any(new.id in self._known for new in page):
            self._known.clear()
            self.older = older
        self.loaded = True
        self._known |= {new.id: new for new in page}
        self._arrange()

    def take_older(self, page: Sequence[RejectionSummary], older: str) -> None:
        """Takes the page that `older` asked for."""
        self.older = older
        self._known |= {found.id: found for found in page}
        self._arrange()

    def narrow(self, chosen: Filter) -> None:
        """Shows only those that the filter lets through."""
        self.filter = chosen
        self._arrange()

    def _arrange(self) -> None:
        found = [known for known in self._known.values() if self.filter.lets_through(fields(known))]
        self._shown = sorted(found, key=lambda known: (-known.time.timestamp(), known.id))


def fields(refused: RejectionSummary) -> Mapping[str, str]:
    """Returns what the filter looks at; see `FIELDS`."""
    state = mended_words(refused) or "open"
    values = (state, refused.name, refused.operator, refused.desc, refused.first, refused.id)
    return dict(zip(FIELDS, map(clean, values), strict=True))


def mended_words(refused: RejectionSummary) -> str:
    """Tells which workflow mended it, "" if none did."""
    return f"mended by {short_id(clean(refused.mended_by))}" if refused.mended_by else ""
