"""The values a process keeps itself: bounded, the least recently used out first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

MISSING: Final = object()

#: A cached value's name in the process: cache type, entity, the key's other parts.
Ident = tuple[str, str, Hashable]


class L1:
    """An LRU of values with a time to live. Not locked: its owner does that.

    Parameters
    ----------
    most : int
        Keys kept; the least recently used goes first.
    clock : callable
        Seconds, never backwards.

    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = most, clock
        self._held: OrderedDict[Ident, tuple[Any, float]] = OrderedDict()
        self._of: dict[tuple[str, str], set[Ident]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, ident: Ident) -> Any:
        """Return a value, `MISSING` where there is none or its time is over."""
        found = self._held.get(ident)
        if found is None:
            return MISSING
        if found[1] <= self._clock():
            self._drop(ident)
            return MISSING
        self._held.move_to_end(ident)
        return found[0]

    def put(self, ident: Ident, value: Any, ttl_s: float) -> None:
        """Keep a value for so many seconds; 0 or less is not at all."""
        if ttl_s <= 0:
            return
        self._held[ident] = (value, self._clock() + ttl_s)
        self._held.move_to_end(ident)
        self._of.setdefault(ident[:2], set()).add(ident)
        while len(self._held) > self._most:
            self._drop(next(iter(self._held)))

    def forget(self, cache_type: str, entity: str) -> None:
        """Forget every key of an entity; `*`: of the cache type."""
        if entity == "*":
            tags = [tag for tag in self._of if tag[0] == cache_type]
        else:
            tags = [(cache_type, entity)]
        for tag in tags:
            for ident in self._of.pop(tag, ()):
                del self._held[ident]

    def clear(self) -> None:
        """Forget everything."""
        self._held.clear()
        self._of.clear()

    def _drop(self, ident: Ident) -> None:
        del self._held[ident]
        idents = self._of[ident[:2]]
        idents.discard(ident)
        if not idents:
            del self._of[ident[:2]]
