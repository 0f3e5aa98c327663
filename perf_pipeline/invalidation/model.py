"""What is captured, for which caches, and how their entries are served: the declarations."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple
from uuid import UUID

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

#: The entity that means every one of a cache.
EVERY: Final = "*"
#: How a table's changes are captured: once per statement, once per row, or without a trigger from
#: the write-ahead log.
Per = Literal["statement", "row", "logical"]

_QUALIFIED = re.compile(r"^[^.\s]+\.[^.\s]+$")
_COLUMN = re.compile(r"^[^\s.:>-][^\s.:>]*$")
#: A hop of a path: `order_id -> menuca.orders.id`.
_HOP = re.compile(r"^(?P<column>\S+)\s*->\s*(?P<table>[^.\s]+\.[^.\s]+)\.(?P<key>[^.\s]+)$")
MOST_HOPS: Final = 2


@dataclass(frozen=True)
class Hop:
    """One step of a path: a column, and the table and column it leads to."""

    column: str
    table: str
    key: str


@dataclass(frozen=True)
class Path:
    """Where an entity is found: a column, reached over no, one or two other tables.

    Attributes
    ----------
    hops : tuple of Hop
    column : str
        Of the captured table, or of the last table the hops lead to; `*`: every entity.

    """

    hops: tuple[Hop, ...]
    column: str

    @property
    def first(self) -> str:
        """The column of the captured table that is written to the log."""
        return self.hops[0].column if self.hops else self.column

    def rest(self, hop: int) -> str:
        """Return the path as the table sees it that hop number `hop` (from 0) leads to."""
        parts = [f"{each.column} -> {each.table}.{each.key}" for each in self.hops[hop + 1 :]]
        return " : ".join([*parts, self.column])

    @classmethod
    def parse(cls, text: str, where: str) -> "Path":
        """Read `column`, `column -> schema.table.key : column`, the same with two hops, or `*`.

        Raises
        ------
        ConfigurationError
            It is none of these; the message begins with `where`.

        """
        *hops, column = (part.strip() for part in text.split(" : "))
        found = []
        for part in hops:
            match = _HOP.match(part)
            if match is None:
                raise _wrong(where, text, f"{part!r} is no step of a path")
            found.append(Hop(match["column"], match["table"], match["key"]))
        if column != EVERY and not _COLUMN.match(column):
            raise _wrong(where, text, f"{column!r} is no column")
        if column == EVERY and found:
            raise _wrong(where, text, "every entity needs no path")
        if len(found) > MOST_HOPS:
            raise _wrong(where, text, f"{len(found)} steps, at most {MOST_HOPS}")
        return cls(tuple(found), column)


def _wrong(where: str, text: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{where}: entity {text!r}: {why}",
        "write a column (`patient_id`), a path (`order_id -> shop.orders.id : tenant_id`) or `*`",
    )


@dataclass(frozen=True)
class Captured:
    """A table whose changes make cached values of a cache type out of date.

    Attributes
    ----------
    table : str
        `schema.name`; may be partitioned.
    entity : str
        A column of it, a path (`order_id -> shop.orders.id : tenant_id`), or `*`: every entity.
    per : str
        `statement`: one entry per entity and statement; `row`: one per row, cheaper where nearly
        every statement changes one row; `logical`: read from the write-ahead log, no trigger.
    columns : tuple of str
        An UPDATE counts only if one of these, or the entity, changed; empty: every UPDATE counts.

    """

    table: str
    entity: str
    per: Per = "statement"
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be captured.

        Raises
        ------
        ConfigurationError
            Names the field and the value.

        """
        if not _QUALIFIED.fullmatch(self.table):
            raise ConfigurationError(
                f"captured table {self.table!r} is no name with its schema",
                "write it as schema.name",
            )
        if self.per not in ("statement", "row", "logical"):
            raise ConfigurationError(
                f"captured table {self.table}: per is {self.per!r}", "use statement, row or logical"
            )
        _ = self.path

    @property
    def path(self) -> Path:
        """The entity, read."""
        return Path.parse(self.entity, f"captured table {self.table}")

    @property
    def reason(self) -> str:
        """What entries say of why: `<table>_change`."""
        return f"{self.table.partition('.')[2]}_change"


@dataclass(frozen=True)
class CacheType:
    """A kind of cached value: what makes it out of date, and how it is made anew.

    Attributes
    ----------
    name : str
    captured : tuple of Captured
    debounce_s : float
        An entity is due when nothing changed it for so long, s.
    max_wait_s : float
        And at the latest so long after its first change, s.
    batch : int
        Entities that are processed together.
    max_attempts : int
        Failures after which an entity is set aside as dead.
    process : str
        `schema.function(text[]) RETURNS TABLE (entity text, error text)` of the target, called with
        all entities of a batch; empty: only sinks are told.
    sinks : tuple of SinkPolicy
    keeps : str
        `schema.name` of the table the function writes, if it is one: what reads that table follows
        in the graph of assets.
    fresh_s : float
        The goal: no cached value is older than this, s.

    """

    name: str
    captured: tuple[Captured, ...] = ()
    debounce_s: float = 2.0
    max_wait_s: float = 30.0
    batch: int = 1000
    max_attempts: int = 5
    process: str = ""
    sinks: tuple[SinkPolicy, ...] = ()
    fresh_s: float = 60.0
    keeps: str = ""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises
        ------
        ConfigurationError
            Names the cache type, the field and the value.

        """
        if not self.name.strip():
            raise ConfigurationError("a cache type has no name", "give it one")
        checks = (
            ("debounce_s", self.debounce_s, self.debounce_s >= 0.0, "0 or more seconds"),
            (
                "max_wait_s",
                self.max_wait_s,
                self.max_wait_s >= self.debounce_s,
                "at least the debounce",
            ),
            ("batch", self.batch, 1 <= self.batch <= 100_000, "1 to 100,000"),
            ("max_attempts", self.max_attempts, self.max_attempts >= 1, "1 or more"),
            ("fresh_s", self.fresh_s, self.fresh_s > 0.0, "a positive number of seconds"),
        )
        for field, value, good, wanted in checks:
            if not good:
                raise ConfigurationError(
                    f"cache type {self.name!r}: {field} is {value:g}", f"choose {wanted}"
                )
        if self.keeps and not _QUALIFIED.fullmatch(self.keeps):
            raise ConfigurationError(
                f"cache type {self.name!r}: keeps {self.keeps!r} is no name with its schema",
                "write it as schema.table",
            )
        if self.process and not _QUALIFIED.fullmatch(self.process):
            raise ConfigurationError(
                f"cache type {self.name!r}: process {self.process!r} is no name with its schema",
                "write it as schema.function",
            )
        seen = set()
        for each in self.captured:
            if (each.table, each.entity) in seen:
                raise ConfigurationError(
                    f"cache type {self.name!r}: {each.table} is captured twice for {each.entity!r}",
                    "declare it once",
                )
            seen.add((each.table, each.entity))

    @property
    def is_streamed(self) -> bool:
        """Whether something of it is read from the write-ahead log."""
        return any(each.per == "logical" for each in self.captured)

    def backoff_s(self, attempts: int) -> float:
        """Return how long to wait after failure number `attempts` (from 1), s: 1, 2, 4 ... 300."""
        return float(min(300.0, 2.0 ** min(attempts - 1, 20)))


class Due(NamedTuple):
    """An entry a worker has claimed.

    Attributes
    ----------
    generation : int
        Of the newest change in it; a later change has a higher one.
    changes : int
        Entries of the log that were folded into it.
    lease_id : uuid.UUID
        Of the claim: who finishes or fails it shows this.

    """

    cache_type: str
    entity: str
    generation: int
    first_queued_at: datetime
    last_queued_at: datetime
    changes: int
    attempts: int
    lease_id: UUID
    reason: str = ""


def require_distinct(caches: tuple[CacheType, ...]) -> tuple[CacheType, ...]:
    """Return cache types unchanged if no two share a name.

    Raises
    ------
    ConfigurationError
        Names the one declared twice.

    """
    seen = set()
    for each in caches:
        if each.name in seen:
            raise ConfigurationError(
                f"cache type {each.name!r} is declared twice", "give one another name"
            )
        seen.add(each.name)
    return caches
