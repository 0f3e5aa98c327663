"""What a target is to keep to, as its YAML declares it: numbers, no measurements."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final

from perf_pipeline.errors import ConfigurationError

#: Shares and percentages lie below these.
_BELOW: Final = {"cache_hit_ratio": 1.0, "availability_percent": 100.0}


@dataclass(frozen=True)
class TimedQuery:
    """A query that is run on the target to see how long it takes; it only reads.

    Attributes
    ----------
    name : str
    sql : str
        One statement, with `%(name)s` for parameters.
    parameters : Mapping
        Values by name.

    """

    name: str
    sql: str
    parameters: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Promises:
    """Service levels of a target. None, or empty: this is not promised, and not checked.

    The defaults hold for every target; the others are for those that declare them.

    Attributes
    ----------
    query_p95_ms, cache_hit_ratio, connection_ms : float
        95 % of statement executions are faster; more of the block reads are found in shared
        buffers; a connection is ready sooner.
    response_ms : float, optional
        95 % of the executions in each part of `response_parts` are faster.
    response_parts : Mapping
        Part (an industry, a product) -> schemas that are its own.
    bulk_ms : float, optional
        95 % of the executions of statements that write at least `bulk_rows` rows are faster.
    peak_p95_ms : float, optional
        In the busiest hour of the last week, 95 % of the executions are faster.
    analytics_ms : float, optional
        Each of `analytics` is faster.
    throughput_tps, concurrent_users : float, int, optional
        As many transactions a second, and users, it bears: shown by load tests.
    tenants : int, optional
        As many rows `tenants_table` has at least.
    availability_percent : float, optional
        Share of the time in which it can be reached, over 30 days. Probed every half minute.
    probe_env : str, optional
        Name of the variable with the URL that probes take, as applications do: through the pool.

    Raises
    ------
    ConfigurationError
        A number is not positive or no share, or one half of a pair is missing.

    """

    query_p95_ms: float = 100.0
    cache_hit_ratio: float = 0.90
    connection_ms: float = 50.0
    response_ms: float | None = None
    response_parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bulk_ms: float | None = None
    bulk_rows: int = 1_000
    peak_p95_ms: float | None = None
    analytics_ms: float | None = None
    analytics: tuple[TimedQuery, ...] = ()
    throughput_tps: float | None = None
    concurrent_users: int | None = None
    tenants: int | None = None
    tenants_table: str | None = None
    availability_percent: float | None = None
    probe_env: str | None = None

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, int | float) and not 0 < value < _BELOW.get(
                each.name, float("inf")
            ):
                least = f"between 0 and {_BELOW[each.name]:g}" if each.name in _BELOW else "above 0"
                raise ConfigurationError(
                    f"service_levels.{each.name} is {value:g}", f"give a number {least}"
                )
        for limit, needs in (
            ("response_ms", "response_parts"),
            ("analytics_ms", "analytics"),
            ("tenants", "tenants_table"),
        ):
            if (getattr(self, limit) is None) != (not getattr(self, needs)):
                raise ConfigurationError(
                    f"service_levels: {limit} and {needs} belong together, and one is missing",
                    "declare both or none",
                )
        if self.probe_env is not None and self.availability_percent is None:
            raise ConfigurationError(
                f"service_levels.probe_env is {self.probe_env}, and nothing is promised that "
                "probes tell of",
                "declare availability_percent beside it",
            )

    @property
    def asks_target(self) -> bool:
        """Whether the target itself is asked when they are measured, not only the store."""
        return self.analytics_ms is not None or self.tenants is not None
