"""What pgbench says while it runs: throughput and latency since its last word; pure."""

import re
from dataclasses import dataclass
from typing import Final

#: The described load simulation tells of itself every ten seconds.
EVERY_S: Final = 10
#: A short stage says something at least so often.
AT_LEAST: Final = 3

PREFIX: Final = "progress:"
_LINE: Final = re.compile(
    rf"^{PREFIX} (?P<at>[\d.]+) s, (?P<tps>[\d.]+) tps, lat (?P<lat>[\d.]+|NaN|-nan|nan) ms"
    r"(?:.*?, (?P<failed>\d+) failed)?"
)


@dataclass(frozen=True)
class Sample:
    """The time since the last word of pgbench.

    Attributes
    ----------
    at_s : float
        Since the start of the stage.
    tps : float
        Transactions a second.
    latency_ms : float or None
        Mean; None: none ended.
    failed : int or None
        None: this pgbench (14) does not tell.

    """

    at_s: float
    tps: float
    latency_ms: float | None
    failed: int | None


def every(seconds: int) -> int:
    """Return how often (s) a stage of so many seconds says something."""
    return max(1, min(EVERY_S, seconds // AT_LEAST))


def parse(text: str) -> list[Sample]:
    """Return the samples in what pgbench (14 to 18) has written to its standard error so far.

    A line that is not written to its end yet is left for the next time.
    """
    found = []
    for line in text.splitlines(keepends=True):
        match = _LINE.match(line) if line.endswith("\n") else None
        if match is None:
            continue
        tps = float(match["tps"])
        found.append(
            Sample(
                float(match["at"]),
                tps,
                float(match["lat"]) if tps > 0 and "n" not in match["lat"].lower() else None,
                int(match["failed"]) if match["failed"] is not None else None,
            )
        )
    return found
