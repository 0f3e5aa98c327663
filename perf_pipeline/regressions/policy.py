"""The described limits of a regression, as one policy that a target may override; pure.

A policy grades what the evidence has shown; it never takes the place of evidence. Definitions load
this module: it imports nothing that is slow to load.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from perf_pipeline.errors import ConfigurationError, InputError

GRADES = ("info", "warning", "critical")
#: Size classes of the described regression report, smallest first.
CLASSES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")

_ASCENDING = (
    ("low", "medium"),
    ("medium", "high"),
    ("high", "very_high"),
    ("low", "degraded"),
    ("low", "warning"),
    ("degraded", "critical"),
    ("warning", "critical"),
)


@dataclass(frozen=True)
class Policy:
    """Limits on new / old, each compared with the lower 90 % bound of the change.

    Attributes
    ----------
    low, medium, high, very_high : float
        From where on a rise is of the class LOW, MEDIUM, HIGH, CRITICAL: more than 10, 20, 50 and
        100 % (G-72). Below `low` nothing is a finding; a fall by the same factor counts the same.
    degraded : float
        From where on a statement is called degraded: 120 % of its baseline (G-43).
    warning, critical : float
        From where on a finding is a warning, and critical: 150 % and 300 % of the baseline (G-40).
    minimum_before, minimum_after : int
        Samples of the old and of the new level below which nothing is said: 10 and 5 (G-72).

    """

    low: float = 1.1
    medium: float = 1.2
    high: float = 1.5
    very_high: float = 2.0
    degraded: float = 1.2
    warning: float = 1.5
    critical: float = 3.0
    minimum_before: int = 10
    minimum_after: int = 5

    def __post_init__(self) -> None:
        """Refuse limits that grade nothing or everything.

        Raises
        ------
        ConfigurationError
            Names the limit, its value and the rule.

        """
        for name in ("low", "medium", "high", "very_high", "degraded", "warning", "critical"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 1):
                raise ConfigurationError(
                    f"regression_limits: {name} is {value}, not above 1",
                    f"give {name} as new / old: 1.5 is 50 % more",
                )
        for lower, upper in _ASCENDING:
            a, b = getattr(self, lower), getattr(self, upper)
            if a > b or (a == b and lower != "low"):
                raise ConfigurationError(
                    f"regression_limits: {lower} ({a}) is not below {upper} ({b})",
                    f"raise {upper} or lower {lower}",
                )
        for name in ("minimum_before", "minimum_after"):
            value = getattr(self, name)
            if value < 2:
                raise ConfigurationError(
                    f"regression_limits: {name} is {value}, fewer than 2",
                    "a level needs at least two samples",
                )

    @classmethod
    def of(cls, overrides: Mapping[str, float] | Iterable[tuple[str, float]]) -> "Policy":
        """Return the defaults with what a target declares in their place.

        Raises
        ------
        ConfigurationError
            A name is unknown, or the limits contradict each other.

        """
        given = dict(overrides)
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            raise ConfigurationError(
                f"regression_limits: unknown limit {unknown[0]!r}",
                f"use one of {', '.join(sorted(known))}",
            )
        whole = {name: int(given[name]) for name in known & set(given) if "minimum" in name}
        return cls(**{**given, **whole})  # type: ignore[arg-type]

    def grade(self, relative_change_low: float) -> int:
        """Return the index in `GRADES` that the lower bound of a rise alone gives.

        Raises
        ------
        InputError
            The bound is not a number: what is not known has no grade, least of all a mild one.

        """
        ratio = _ratio(relative_change_low)
        return int(ratio >= self.warning) + int(ratio >= self.critical)

    def size_class(self, relative_change_low: float) -> str | None:
        """Return the class in `CLASSES` of a rise, None below the floor.

        Raises
        ------
        InputError
            The bound is not a number.

        """
        ratio = _ratio(relative_change_low)
        limits = (self.low, self.medium, self.high, self.very_high)
        reached = sum(ratio >= limit for limit in limits)
        return CLASSES[reached - 1] if reached else None

    def broken(self, relative_change_low: float) -> list[tuple[str, float]]:
        """Return the limits a rise is at or above, the gravest first.

        Returns
        -------
        list of (name, by how much)
            Of `critical`, `warning`, `degraded`; the second is lower bound of new / old minus the
            limit, 0.3 = 30 percentage points.

        """
        ratio = _ratio(relative_change_low)
        named = (
            ("critical", self.critical),
            ("warning", self.warning),
            ("degraded", self.degraded),
        )
        return [(name, ratio - limit) for name, limit in named if ratio >= limit]


def _ratio(relative_change_low: float) -> float:
    if not math.isfinite(relative_change_low):
        raise InputError(
            f"relative_change_low is {relative_change_low}, which has no grade",
            "leave out changes whose size is not known (`judge.not_enough` names them)",
        )
    return 1 + relative_change_low


#: The limits as described.
DEFAULT = Policy()
