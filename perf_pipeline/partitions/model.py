"""What policies, partitions, steps and plans are.

Bounds are naive: of a `timestamptz` column instants in UTC, of a `date` or `timestamp` column what
the wall of the policy's time zone says; of an integer column whole numbers. None is unbounded.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from perf_pipeline.errors import ConfigurationError

Bound = datetime | int
Every = Literal["hour", "day", "week", "month", "quarter", "year"]
Then = Literal["keep", "detach", "archive", "archive_then_drop"]
DefaultRule = Literal["leave", "ensure"]
Kind = Literal[
    "finalize", "create_default", "drain", "create", "archive", "detach", "drop", "forget"
]

EVERY: Final[tuple[str, ...]] = get_args(Every)
THEN: Final[tuple[str, ...]] = get_args(Then)
#: A day of the next hundred years by the hour is 876,000 partitions: a mistake in a policy.
MOST_PREMAKE: Final = 1_000
_NAME: Final = re.compile(r"^[^\W\d][\w$]{0,62}\.[^\W\d][\w$]{0,62}$")
_SPAN: Final = re.compile(r"^(\d{1,4}) (hour|day|week|month|year)s?$")


@dataclass(frozen=True)
class Span:
    """A length of calendar time, for example 7 years; months and years as the calendar has them."""

    count: int
    unit: Literal["hour", "day", "week", "month", "year"]

    @classmethod
    def parse(cls, text: str, what: str) -> "Span":
        """Read `7 years`.

        Raises
        ------
        ConfigurationError
            It is not a whole number and a unit.

        """
        match = _SPAN.match(text.strip())
        if match is None or int(match[1]) == 0:
            raise ConfigurationError(
                f"{what}: {text!r} is no length of time",
                'write a whole number and hours, days, weeks, months or years: "7 years"',
            )
        return cls(int(match[1]), match[2])  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' * (self.count != 1)}"


@dataclass(frozen=True)
class Policy:
    """What the partitions of one table shall be; exactly one of `every`, `step`, `modulus` is set.

    Attributes
    ----------
    parent : str
        `schema.table`.
    column : str
        The partition key, one column.
    every : str or None
        Length of a partition by time.
    step : int or None
        Length of a partition by whole numbers.
    modulus : int or None
        Count of hash partitions.
    premake : int
        Partitions kept ready after the current one.
    headroom_days : float or None
        Days that the partitions which are ready must last, by the rate at which they fill.
    start : Bound or None
        First partition by time (naive, wall of `timezone`) or whole number; default: the oldest.
    retention : Span or None
        Age of a partition's upper bound from which on `then` applies; `retention_count` for whole
        numbers.
    then : str
        `keep`, `detach`, `archive` or `archive_then_drop`.
    default : str
        `ensure` makes a default partition, `leave` takes it as it is.
    drain : bool
        Rows in the default partition are moved where they belong.
    fill_gaps : bool
        Partitions missing between the first and the current one are made.
    timezone : str
        In which days and months begin.

    """

    parent: str
    column: str
    every: Every | None = None
    step: int | None = None
    modulus: int | None = None
    premake: int = 2
    headroom_days: float | None = None
    start: Bound | None = None
    retention: Span | None = None
    retention_count: int | None = None
    then: Then = "keep"
    default: DefaultRule = "leave"
    drain: bool = True
    fill_gaps: bool = True
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        """Refuse what is no policy.

        Raises
        ------
        ConfigurationError
            Names the field, its value and what to write.

        """
        where = f"partition policy of {self.parent}"
        checks = (
            (
                _NAME.match(self.parent),
                f"parent {self.parent!r}",
                "write schema.table of letters, digits and underscores, as spelt, without quotes",
            ),
            (
                sum(x is not None for x in (self.every, self.step, self.modulus)) == 1,
                f"every={self.every}, step={self.step}, modulus={self.modulus}",
                "set exactly one of every (time), step (whole numbers), modulus (hash)",
            ),
            (
                self.every is None or self.every in EVERY,
                f"every {self.every!r}",
                f"one of {EVERY}",
            ),
            (self.step is None or self.step > 0, f"step {self.step}", "a positive number"),
            (
                self.modulus is None or 1 < self.modulus <= MOST_PREMAKE,
                f"modulus {self.modulus}",
                f"2 to {MOST_PREMAKE}",
            ),
            (
                0 <= self.premake <= MOST_PREMAKE,
                f"premake {self.premake}",
                f"0 to {MOST_PREMAKE} partitions",
            ),
            (
                self.headroom_days is None or self.headroom_days > 0,
                f"headroom_days {self.headroom_days}",
                "a positive number of days",
            ),
            (self.then in THEN, f"then {self.then!r}", f"one of {THEN}"),
            (
                self.then == "keep" or self.has_retention,
                f"then {self.then!r} without a retention",
                "say after how long: retention (time) or retention_count (whole numbers)",
            ),
            (
                self.retention is None or self.every is not None,
                f"retention {self.retention} without every",
                "whole numbers have a retention_count, hash partitions have none",
            ),
            (
                self.retention_count is None
                or (self.step is not None and self.retention_count >= 0),
                f"retention_count {self.retention_count}",
                "a number of values, for policies with a step",
            ),
            (
                self.start is None or isinstance(self.start, int) == (self.step is not None),
                f"start {self.start!r}",
                "a time where every is set, a whole number where step is",
            ),
            (
                not isinstance(self.start, datetime) or self.start.tzinfo is None,
                f"start {self.start!r}",
                "no offset: timezone says what it means",
            ),
        )
        for fine, found, remedy in checks:
            if not fine:
                raise ConfigurationError(f"{where}: {found}", remedy)
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigurationError(
                f"{where}: timezone {self.timezone!r} is not known", "for example Europe/Berlin"
            ) from error

    @property
    def has_retention(self) -> bool:
        """Whether anything ever happens to old partitions."""
        return self.retention is not None or self.retention_count is not None

    @property
    def schema(self) -> str:
        """The parent's schema."""
        return self.parent.split(".")[0]

    @property
    def table(self) -> str:
        """The parent's name."""
        return self.parent.split(".")[1]

    @property
    def asset_names(self) -> tuple[str, str, str]:
        """What may stand for it in an asset key, shortest first: letters, digits, underscores.

        The last one is no other parent's.
        """
        table, whole = (re.sub(r"\W", "_", x, flags=re.ASCII) for x in (self.table, self.parent))
        mark = hashlib.sha256(self.parent.encode()).hexdigest()[:8]
        return table, whole, f"{whole}_{mark}"


@dataclass(frozen=True)
class Partition:
    """One partition as it is, or one that was detached and is not dropped yet.

    Attributes
    ----------
    lower, upper : Bound or None
        `[lower, upper)`; None is unbounded. Both None for hash and default.
    remainder : int or None
        Of a hash partition.
    is_default : bool
    pending : bool
        A concurrent detach of it was begun and not ended.
    archived : bool
        The archive holds it, read back and compared.
    held : bool
        It was restored and shall stay for now.
    bytes : int or None
        None: not asked, or locked.
    rows : float or None
        The planner's estimate; None: never analyzed.

    """

    schema: str
    name: str
    lower: Bound | None = None
    upper: Bound | None = None
    remainder: int | None = None
    modulus: int | None = None
    is_default: bool = False
    pending: bool = False
    archived: bool = False
    held: bool = False
    oid: int = 0
    bytes: int | None = None
    rows: float | None = None

    @property
    def full_name(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Existing:
    """What is: one parent and its partitions.

    Attributes
    ----------
    kind : str
        `partitioned`, `table` (plain), or `absent`.
    strategy : str or None
        `range`, `hash` or `list`.
    columns : tuple of str
        The partition key; an expression is an empty text.
    column_type : str or None
        `timestamptz`, `timestamp`, `date`, `integer` or the type's own name.
    partitions : tuple of Partition
        Attached ones, the default included.
    detached : tuple of Partition
        Archived by us, detached, not dropped yet.
    gone : tuple of Partition
        Archived and dropped by us, and the store does not say so yet: it was killed in between.
    position : int or None
        Highest value of an integer key.
    fill_per_day : float or None
        How far the highest value moves in a day: whole numbers, or days of time.
    lead : float or None
        Days that the newest row lies ahead of the clock.
    default_has_rows : bool or None
        None: there is no default partition, or it was locked.
    default_periods : tuple of (Bound, int)
        Beginning of each period with rows in the default partition, and how many; filled when
        asked for in detail.
    default_strays : int
        Rows of the default partition without a value.
    taken : frozenset of str
        Names in the parent's schema that new partitions cannot have.
    clock_skew_s : float
        The server's clock less ours.

    """

    parent: str
    kind: Literal["partitioned", "table", "absent"] = "absent"
    oid: int = 0
    strategy: Literal["range", "hash", "list"] | None = None
    columns: tuple[str, ...] = ()
    column_type: str | None = None
    partitions: tuple[Partition, ...] = ()
    detached: tuple[Partition, ...] = ()
    gone: tuple[Partition, ...] = ()
    position: int | None = None
    fill_per_day: float | None = None
    lead: float | None = None
    default_has_rows: bool | None = None
    default_periods: tuple[tuple[Bound, int], ...] = ()
    default_strays: int = 0
    taken: frozenset[str] = frozenset()
    clock_skew_s: float = 0.0

    @property
    def default(self) -> Partition | None:
        """The default partition, if there is one."""
        return next((part for part in self.partitions if part.is_default), None)


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes
    ----------
    kind : str
        In the order in which they are done: `finalize` an interrupted detach, `forget` in the
        store what was dropped, `create_default`, `drain` rows from the default partition into a
        new one, `create`, `archive`, `detach`, `drop`.
    partition : Partition
        What it is done to, or what it makes.
    why : str
        For people.
    rows : int or None
        Of a drain.
    ahead : bool
        Of a new partition: it does not begin before the next period, so that hardly a row comes
        for it now.

    """

    kind: Kind
    partition: Partition
    why: str
    rows: int | None = None
    ahead: bool = False


@dataclass(frozen=True)
class Problem:
    """What a policy cannot do by itself; `blocking`: nothing is done to this parent at all."""

    what: str
    remedy: str
    blocking: bool = False


@dataclass(frozen=True)
class Plan:
    """What to do for one policy, in order, and how things stand.

    Attributes
    ----------
    covered : bool
        The current partition and those to be kept ready exist.
    missing : int
        How many of them do not.
    headroom_days : float or None
        Days until rows find no partition; None: they always do (hash), or no rate is known.
    default_empty : bool or None
        None: there is none, or it could not be looked at.

    """

    policy: Policy
    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()
    covered: bool = False
    missing: int = 0
    headroom_days: float | None = None
    default_empty: bool | None = None
    notes: tuple[str, ...] = field(default=())

    def of(self, *kinds: Kind) -> tuple[Step, ...]:
        """Return the steps of some kinds, in order."""
        return tuple(step for step in self.steps if step.kind in kinds)
