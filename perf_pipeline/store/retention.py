"""How long each table's rows stay in the store, in the archive, and as rollups; pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from perf_pipeline import settings
from perf_pipeline.errors import InputError

#: Small tables that many questions about the past begin with: they stay in the store longer.
LONG: Final = ("sweeps", "settings_changes", "schema_changes")
#: Kept by PERF_HOURLY_MONTHS; all other monthly tables by PERF_DAILY_MONTHS.
HOURLY: Final = ("statements_hourly", "database_hourly", "statement_baselines")


@dataclass(frozen=True)
class Policy:
    """Days in the store, days in the archive, months of rollups; see the settings' table."""

    hot_days: int
    hot_sweep_days: int
    archive_days: int
    hourly_months: int
    daily_months: int

    @classmethod
    def from_settings(cls) -> "Policy":
        """Return the policy of this process's environment."""
        chosen = settings.current()
        return cls(
            chosen.hot_days,
            chosen.hot_sweep_days,
            chosen.archive_days,
            chosen.hourly_months,
            chosen.daily_months,
        )

    def first_hot(self, table: str, today: date) -> date:
        """Return the oldest day a daily table keeps in the store."""
        days = self.hot_sweep_days if table in LONG else self.hot_days
        return today - timedelta(days=days)

    def first_kept(self, today: date) -> date:
        """Return the oldest day that is kept at all; no day ends before it has left the store."""
        return today - timedelta(days=max(self.archive_days, self.hot_days, self.hot_sweep_days))

    def first_month(self, table: str, today: date) -> date:
        """Return the first day of the oldest month a monthly table keeps."""
        months = self.hourly_months if table in HOURLY else self.daily_months
        whole = today.year * 12 + today.month - 1 - months
        return date(max(1, whole // 12), whole % 12 + 1, 1)


@dataclass(frozen=True)
class Held:
    """One partition as it is: `[start, end)`, UTC."""

    schema: str
    parent: str
    name: str
    start: date
    end: date
    bytes: int

    @property
    def is_daily(self) -> bool:
        """Whether it is a day of the ledger: what is archived."""
        return (self.end - self.start).days == 1


@dataclass(frozen=True)
class Plan:
    """What is due, oldest first: partitions to archive, and partitions to drop."""

    archive: tuple[Held, ...]
    drop: tuple[Held, ...]


def plan(held: Iterable[Held], policy: Policy, today: date, before: date | None = None) -> Plan:
    """Return what the policy asks for.

    Parameters
    ----------
    held : iterable of Held
    policy : Policy
    today : date
        UTC.
    before : date, optional
        Archive every day before this one, whatever the policy says of days in the store; at most
        `today`, whose rows still arrive.

    Raises
    ------
    InputError
        `before` lies after `today`.

    """
    if before is not None and before > today:
        raise InputError(f"{before} lies after today, {today}", "archive days that are over")
    archive, drop = [], []
    for part in held:
        if not part.is_daily:
            if part.end <= policy.first_month(part.parent, today):
                drop.append(part)
        elif part.start < policy.first_kept(today):
            drop.append(part)
        elif part.start < (before or policy.first_hot(part.parent, today)):
            archive.append(part)
    return Plan(*(tuple(sorted(p, key=lambda p: (p.start, p.parent))) for p in (archive, drop)))


def overdue(
    held: Iterable[Held], policy: Policy, today: date, grace_days: int = 2
) -> tuple[Held, ...]:
    """Return daily partitions that should have left the store `grace_days` ago, oldest first."""
    late = today - timedelta(days=grace_days)
    found = [p for p in held if p.is_daily and p.start < policy.first_hot(p.parent, late)]
    return tuple(sorted(found, key=lambda p: (p.start, p.parent)))
