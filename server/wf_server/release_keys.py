"""The two keys of a release: who turned the first, for how long that counts, who may turn the second."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from wf_server.clock import Clock
from wf_server.errors import FailedPrecondition
from wf_server.model import ReleaseKey

#: The operator of changes that someone made in es.json itself.
BY_HAND = "es.json"


class ReleaseKeys:
    """The first keys in force, by the name of the stop. Nothing here waits, or writes anything down."""

    def __init__(
        self, valid_seconds: float, clock: Clock, is_void: Callable[[ReleaseKey], bool] = lambda key: False
    ) -> None:
        """`is_void` tells whether who turned a key could not turn it any more."""
        self._valid_us = round(valid_seconds * 1_000_000)
        self._clock = clock
        self._is_void = is_void
        self._keys: dict[str, ReleaseKey] = {}

    def load(self, keys: Iterable[ReleaseKey]) -> None:
        """Takes over what was kept."""
        self._keys = {key.name: key for key in keys}

    def of(self, name: str) -> ReleaseKey | None:
        """The first key that counts now for a stop's release."""
        key = self._keys.get(name)
        return None if key is None or key.expires_us <= self._clock.now_us() else key

    def drop(self, name: str) -> ReleaseKey | None:
        """Makes a stop's key count no longer; returns it if it did."""
        counted = self.of(name)
        self._keys.pop(name, None)
        return counted

    def drop_expired(self) -> list[ReleaseKey]:
        """Takes out the keys whose time is over; returns them."""
        expired = [key for name, key in self._keys.items() if self.of(name) is None]
        for key in expired:
            del self._keys[key.name]
        return expired

    def turn_by_hand(self, name: str) -> ReleaseKey | None:
        """Counts an edit of es.json as the first key; None where somebody has turned it before."""
        if self.of(name) is not None:
            return None
        return self._turn(name, BY_HAND, "edited in es.json", by_hand=True)

    def turn(self, name: str, operator: str, reason: str, *, proven: bool) -> ReleaseKey | None:
        """Turns a key: returns the first one, or None where it is the second and the stop may be released.

        Raises FailedPrecondition where it has to be another one's.
        """
        first = self.of(name)
        if first is not None and not first.by_hand and self._is_void(first):
            # Turned by somebody who may not any more: as if it had never been.
            first = None
        if first is None:
            return self._turn(name, operator, reason)
        if first.operator == operator:
            raise FailedPrecondition(
                f"{operator} has turned the first key for releasing {name} already; "
                "the second one takes another operator"
            )
        if not proven:
            raise FailedPrecondition(
                f"the second key for releasing {name} takes an operator who proves who they are, by a "
                f"token, a certificate or the server's socket; {operator} is a name that was only claimed"
            )
        return None

    def _turn(self, name: str, operator: str, reason: str, *, by_hand: bool = False) -> ReleaseKey:
        now = self._clock.now_us()
        key = self._keys[name] = ReleaseKey(name, operator, reason, now, now + self._valid_us, by_hand)
        return key
