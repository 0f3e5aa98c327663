"""Which series get a name of their own, and which are summed up as `other`; pure.

A server has thousands of statements, and a monitor pays for each series. So those that did most in
some interval of the day are named, at most so many, and all the rest of each interval counts as
`other`: the sum over all series is always the sum over all statements. Who was named stays named
until midnight UTC, so that a counter never falls: what somebody did before being named stays in
`other`, what is done afterwards is theirs. All of it follows from the day's intervals alone: an
exporter that is restarted, or a second one beside it, says the same.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from perf_pipeline.errors import InputError

K = TypeVar("K", bound=Hashable)

#: Named from each interval: what a page of top statements shows.
TOP: Final = 25
#: Named on a day: twice what postgres_exporter and pganalyze's collectors show at once (100) is
#: where monitors begin to charge; half of that leaves room for tables.
MOST: Final = 100


@dataclass(frozen=True)
class Ceiling:
    """How many series may have a name.

    Raises
    ------
    InputError
        `top` is no number from 1 to `most`.

    """

    top: int = TOP
    most: int = MOST

    def __post_init__(self) -> None:
        """Refuse what is no ceiling."""
        if not 1 <= self.top <= self.most:
            raise InputError(
                f"ceiling: top is {self.top}, most is {self.most}",
                "take at least one series of each interval, and no more than named in all",
            )


@dataclass
class Totals(Generic[K]):
    """What was counted since midnight: of each named series, and of all others together."""

    width: int
    ceiling: Ceiling = field(default_factory=Ceiling)
    named: dict[K, list[float]] = field(default_factory=dict)
    other: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin at zero."""
        self.other = self.other or [0.0] * self.width

    def add(self, rows: Mapping[K, Sequence[float]], weights: Mapping[K, float]) -> None:
        """Count one interval.

        Parameters
        ----------
        rows : Mapping of key to sequence of float
            What each series did in the interval, `width` values.
        weights : Mapping of key to float
            How much each matters in it; of equal ones the first by its text is named.

        """
        for key in chosen(self.named, weights, self.ceiling):
            self.named[key] = [0.0] * self.width
        for key, values in rows.items():
            into = self.named.get(key, self.other)
            for place, value in enumerate(values):
                into[place] += value


def chosen(named: Mapping[K, object], weights: Mapping[K, float], ceiling: Ceiling) -> list[K]:
    """Return who is named after an interval and was not before, the heaviest first; pure."""
    room = ceiling.most - len(named)
    heaviest = sorted(weights, key=lambda key: (-weights[key], str(key)))[: ceiling.top]
    return [key for key in heaviest if key not in named and weights[key] > 0][: max(room, 0)]
