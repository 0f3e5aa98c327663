"""How much of a cache type a session takes at once, and how long one that is down is left alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from perf_pipeline.invalidation.figures import Tally
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.serve import BATCH_S, CannotServeError, Sink

#: What a cache type that cannot be served waits at first and at most, s.
PAUSE_S: Final = (1.0, 30.0)


@dataclass
class Pace:
    """A cache type as a worker sees it."""

    policy: CacheType
    tally: Tally
    limit: int
    most: int
    sinks: Sequence[Sink] | None = None
    paused_until: float = 0.0
    pauses: int = 0

    def rest(self, down: CannotServeError, now: float) -> None:
        """Leave it alone for a while: 1, 2, 4 ... 30 s, or as long as the sink asks."""
        first, most = PAUSE_S
        seconds = down.retry_after_s or min(most, first * 2.0**self.pauses)
        self.pauses += 1
        self.paused_until = now + seconds
        self.tally.down = down.why

    def learned(self, entries: int, seconds: float) -> None:
        """Claim so many the next time that they take half a second, as declared at most."""
        self.pauses, self.paused_until, self.tally.down = 0, 0.0, ""
        fitting = int(entries * BATCH_S / max(seconds, 0.001))
        # at most twice as many at once: a quick batch says little of a slow one
        self.limit = max(1, min(self.most, fitting, 2 * max(self.limit, entries)))
