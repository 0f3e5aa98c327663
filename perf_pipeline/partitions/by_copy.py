"""Steps that are carried out by copying the default partition, and what cannot be done so.

Moving many rows at once would keep it locked for too long; and to attach the current period's
partition, PostgreSQL reads it while it is locked. A CHECK would spare that, but it would refuse the
rows of now until the attachment. Partitions that lie ahead need no copy: `create.Beside`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError
from perf_pipeline.partitions import create, empty
from perf_pipeline.partitions.model import Existing, Policy, Step
from perf_pipeline.partitions.session import LONG_MS, session
from perf_pipeline.postgres.lock_budget import LockBudget, Spent
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog


def chosen(connection: psycopg.Connection, existing: Existing, steps: Sequence[Step]) -> list[Step]:
    """Return the steps of a plan that are done by a copy of the default partition."""
    drains = [step for step in steps if step.kind == "drain"]
    found = drains if empty.is_due(connection, existing, [d.rows or 0 for d in drains]) else []
    if create.is_large(existing):
        found = [*found, *(step for step in steps if step.kind == "create" and not step.ahead)]
    return found


@dataclass
class Copied:
    """What became of some steps.

    Attributes
    ----------
    done : list of (Step, Entry)
        With how each ended.
    spent : Spent
    left : list of Step
        Creations to be tried under the lock: there can be no copy.
    why : str
        Why there can be none.

    """

    done: list[tuple[Step, Entry]] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    left: list[Step] = field(default_factory=list)
    why: str = ""


def carry_out(
    url: str,
    log: MaintenanceLog,
    policy: Policy,
    existing: Existing,
    steps: Sequence[Step],
    budget: LockBudget,
    require_alive: Callable[[Exception], None],
) -> Copied:
    """Carry steps out by one copy; all of them succeed or none does.

    Parameters
    ----------
    url : str
    log : MaintenanceLog
    policy : Policy
    existing : Existing
    steps : sequence of Step
        As `chosen` returned them.
    budget : LockBudget
    require_alive : callable
        Raises an error again that means that the target is gone.

    """
    found = Copied()
    entries: list[Entry] = []
    try:
        with session(url, LONG_MS) as connection:
            try:
                parts = [step.partition for step in steps]
                work = empty.Emptying(connection, policy, existing, parts, budget, found.spent)
            except ConfigurationError as error:
                found.left = [step for step in steps if step.kind == "create"]
                found.why = error.message
                steps = [step for step in steps if step.kind == "drain"]
                entries = _started(log, policy, steps)
                raise
            entries = _started(log, policy, steps)
            moved = work.run()
            for step, entry in zip(steps, entries, strict=True):
                entry.rows = moved.get(step.partition.full_name)
    except (PerfPipelineError, psycopg.Error) as error:
        require_alive(error)
        entries = entries or _started(log, policy, [] if found.left else steps)
        for entry in entries:
            entry.outcome = "blocked" if isinstance(error, BusyError) else "failed"
            entry.error = str(error)
    for entry in entries:
        entry.lock_wait_ms = found.spent.waited_ms
        entry.detail.update(how="by a copy", longest_attempt_ms=round(found.spent.longest_ms, 1))
    if entries:
        log.finish_many(entries)
    found.done = list(zip(steps, entries, strict=False))
    return found


def _started(log: MaintenanceLog, policy: Policy, steps: Sequence[Step]) -> list[Entry]:
    """Write that steps begin, drains first as `chosen` has them."""
    entries: list[Entry] = []
    for kind in ("drain", "create"):
        same = [step for step in steps if step.kind == kind]
        if same:
            entries += log.start_many(
                f"partition.{kind}",
                [step.partition.full_name for step in same],
                [{"parent": policy.parent, "why": step.why} for step in same],
            )
    return entries
