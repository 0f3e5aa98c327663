"""What the sweeps of a day cost their target, and whether that is within the budget."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from perf_pipeline.snapshots import budget
from perf_pipeline.snapshots.service_levels import MAX_AGE
from perf_pipeline.store import targets
from perf_pipeline.store.engine import Store


@dataclass(frozen=True)
class Spent:
    """Sums over the intervals of the day before a target's newest sweep.

    Attributes
    ----------
    newest : datetime
        The newest sweep, aware.
    sweeps : int
    cost_ms : float
        What they took: connecting, waiting for answers, reading texts.
    database_ms : float
        Database time of their intervals (see `budget`).
    spacing_s : float
        Spacing that is expected now; 0: the usual one.
    temp_bytes : int or None
        Written to temporary files; None: not known of any sweep.
    connections : int
        Most sessions of ours at once.
    rows_read : int

    """

    newest: datetime
    sweeps: int
    cost_ms: float
    database_ms: float
    spacing_s: float
    temp_bytes: int | None
    connections: int
    rows_read: int

    @property
    def share(self) -> float | None:
        """Cost as a share of database time; None while no time has passed."""
        return self.cost_ms / self.database_ms if self.database_ms > 0.0 else None


def measure(store: Store, target_name: str) -> Spent | None:
    """Return what a target's sweeps cost; None when it was swept less than twice.

    Parameters
    ----------
    store : Store
    target_name : str

    """
    (row,) = store.rows("own_cost_day", {"target_id": targets.find(store, target_name)})
    if not row["sweeps"]:
        return None
    return Spent(
        newest=row["newest"],
        sweeps=row["sweeps"],
        cost_ms=row["cost_ms"],
        database_ms=row["database_ms"],
        spacing_s=row["spacing_s"] or 0.0,
        temp_bytes=int(row["temp_bytes"]) if row["temp_known"] else None,
        connections=row["connections"] or 1,
        rows_read=int(row["rows_read"] or 0),
    )


#: Twice the budget: only sweeps that each cost more than all of it in the longest wait get there.
ERROR_AT: Final = 2.0


@dataclass(frozen=True)
class Verdict:
    """Whether the cost is within the budget; `error` says how serious it is if not."""

    passed: bool
    error: bool
    message: str
    measured: bool = True

    @property
    def outcome(self) -> str:
        """What became of the check, in two words at most."""
        return "passed" if self.passed else "missed" if self.measured else "not measured"


def judge(spent: Spent | None, share: float, cadence_s: float, now: datetime) -> Verdict:
    """Say whether sweeps are within their budget at their usual cadence. Pure.

    Parameters
    ----------
    spent : Spent or None
        None: less than two sweeps.
    share : float
        Budget: of database time, 0 to 1.
    cadence_s : float
        Usual seconds between two sweeps.
    now : datetime
        Aware.

    """
    if spent is None or spent.share is None:
        said = "not enough data: the target was swept less than twice"
        return Verdict(False, False, said, measured=False)
    said = (
        f"{100.0 * spent.share:.3g} % of database time in the day to {spent.newest:%H:%M} UTC "
        f"({spent.sweeps} x {spent.cost_ms / spent.sweeps:.0f} ms); "
        f"the budget is {100.0 * share:g} %"
    )
    if now - spent.newest > MAX_AGE:
        said = f"not enough data since {spent.newest:%Y-%m-%d}: {said}"
        return Verdict(False, False, said, measured=False)
    allowed_ms = share * (spent.database_ms + budget.CREDIT_SECONDS * 1000.0)
    too_much = spent.cost_ms > allowed_ms
    if too_much or spent.spacing_s > cadence_s:
        fewer = (
            f"sweeps are made every {spent.spacing_s / 60.0:.0f} minutes instead of every "
            f"{cadence_s / 60.0:.0f}"
            if spent.spacing_s > cadence_s
            else "that is more than the budget"
        )
        message = (
            f"{said}; {fewer}; the ledger's sweeps show what each cost; budget_percent sets it"
        )
        return Verdict(False, spent.cost_ms >= ERROR_AT * allowed_ms, message)
    return Verdict(True, False, said)


def figures(spent: Spent | None, share: float) -> dict[str, float | int | None]:
    """Return what a check shows as numbers; Dagster plots each over time."""
    if spent is None:
        return {"budget_percent": 100.0 * share}
    return {
        "budget_percent": 100.0 * share,
        "cost_percent": None if spent.share is None else 100.0 * spent.share,
        "sweep_ms": spent.cost_ms / spent.sweeps,
        "spacing_s": spent.spacing_s or None,
        "temp_bytes": spent.temp_bytes,
        "connections": spent.connections,
        "rows_per_sweep": spent.rows_read / spent.sweeps,
    }
