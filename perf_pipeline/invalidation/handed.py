"""Batches that a fold has claimed, between the session that folded and the one that serves them."""

from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from perf_pipeline.invalidation.model import Due
from perf_pipeline.invalidation.serve import Lease


@dataclass
class Handed:
    """What the sessions of one drain hand to each other, by cache type; any thread may use it."""

    _waiting: dict[str, deque[tuple[list[Due], Lease]]] = field(default_factory=dict)
    _alone: Lock = field(default_factory=Lock)

    def give(self, batch: list[Due], lease: Lease) -> None:
        """Leave a batch of one cache type to whoever takes it first."""
        with self._alone:
            self._waiting.setdefault(batch[0].cache_type, deque()).append((batch, lease))

    def take(self, cache_type: str) -> tuple[list[Due], Lease] | None:
        """Return the batch of a cache type that waits for longest, None where none does."""
        with self._alone:
            waiting = self._waiting.get(cache_type)
            return waiting.popleft() if waiting else None

    def take_all(self, cache_type: str | None = None) -> list[Due]:
        """Return what nobody took, of one cache type or of all: it is to be given back."""
        with self._alone:
            names = list(self._waiting) if cache_type is None else [cache_type]
            return [
                due for name in names for batch, _ in self._waiting.pop(name, ()) for due in batch
            ]
