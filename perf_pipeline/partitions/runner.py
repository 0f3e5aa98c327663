"""Carry out the steps of one target's plans, one by one."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg import sql

from perf_pipeline.errors import ArchiveError, BusyError, PerfPipelineError
from perf_pipeline.partitions import (
    archive,
    by_copy,
    catalog,
    create,
    detach,
    drain,
    proofs,
    steady,
    together,
)
from perf_pipeline.partitions.catalog import Catalog
from perf_pipeline.partitions.model import Existing, Kind, Partition, Plan, Policy, Step
from perf_pipeline.partitions.session import LONG_MS, session
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget, LockBudgetError, Spent, run_statement
from perf_pipeline.store import Store, place
from perf_pipeline.store.maintenance_log import Entry, MaintenanceLog
from perf_pipeline.store.place import Place

#: All kinds of steps, in their order.
KINDS: Final[tuple[Kind, ...]] = (
    "finalize",
    "forget",
    "create_default",
    "drain",
    "create",
    "archive",
    "detach",
    "drop",
)


@dataclass(frozen=True)
class Done:
    """One step, and how it ended: `done`, `blocked`, `failed`, or `skipped` after such a one."""

    parent: str
    kind: str
    partition: str
    outcome: str
    rows: int | None = None
    bytes: int | None = None
    lock_wait_ms: float = 0.0
    longest_ms: float = 0.0
    error: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Runner:
    """One run on one target."""

    def __init__(
        self,
        store: Store,
        target: str,
        url: str,
        connection: psycopg.Connection[Any],
        log: MaintenanceLog,
        budget: LockBudget,
        files: Place | None,
    ) -> None:
        self._store, self._target, self._url = store, target, url
        self._connection, self._log, self._budget = connection, log, budget
        self._files = files
        self.done: list[Done] = []
        # as they were before they were detached
        self._drained: dict[str, Partition] = {}
        # what keeps one step of a parent waiting keeps the next: those ask once, until one succeeds
        self._once = LockBudget(budget.first_ms, budget.most_ms, budget.first_ms / 1000.0)
        self._step_budget = budget
        self._blocked: set[str] = set()
        # why a parent's default partition cannot be copied
        self._uncopied: dict[str, str] = {}

    def look(self, policies: Sequence[Policy]) -> steady.Look:
        """Look which parents are known to need nothing."""
        if not policies:
            return steady.Look(datetime.now(UTC).replace(tzinfo=None), {}, [], {})
        return steady.look(self._connection, policies, proofs.of_target(self._store, self._target))

    def catalog(self, policies: Sequence[Policy]) -> Catalog:
        """Read what is, and note how far the keys have come."""
        if not policies:
            return Catalog(datetime.now(UTC).replace(tzinfo=None), {})
        found = catalog.read(
            self._connection,
            policies,
            proofs.of_target(self._store, self._target),
            proofs.rates(self._store, self._target),
        )
        for parent, existing in found.existing.items():
            if existing.position is not None:
                proofs.observe(self._store, self._target, parent, existing.position)
        return found

    def remove_leftovers(self, found: Catalog) -> None:
        """Drop the constraints that a killed run left on default partitions."""
        defaults = [e.default.oid for e in found.existing.values() if e.default is not None]
        rows = self._connection.execute(
            sqlfiles.load("partitions/helper_constraints").text, {"relations": defaults}
        ).fetchall()
        for relation, schema, table, name in rows:
            with self._log.operation("partition.clean_up", f"{schema}.{table}") as entry:
                spent = Spent()
                run_statement(
                    self._connection,
                    sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                        sql.Identifier(schema, table), sql.Identifier(name)
                    ),
                    self._budget,
                    spent=spent,
                    relations=[relation],
                    what=f"clean up {schema}.{table}",
                )
                entry.lock_wait_ms = spent.waited_ms

    def create_together(
        self, policies: Sequence[Policy], found: Catalog, plans: Mapping[str, Plan]
    ) -> dict[str, bool]:
        """Create what can be created many at a time.

        Returns
        -------
        dict of str to bool
            Full names of the partitions that were tried, and whether they are there.

        """
        todo = [(p, found.existing[p.parent], plans[p.parent]) for p in policies]
        items = together.plain(todo)
        if not items:
            return {}
        results, _ = together.create_all(
            self._connection, self._log, items, self._budget, self._beside
        )
        for (policy, _, step), entry, spent in results:
            self._note(policy, step, entry.outcome, spent, entry, entry.error)
        return {step.partition.full_name: e.outcome == "done" for (_, _, step), e, _ in results}

    @contextmanager
    def _beside(self) -> Iterator[psycopg.Connection[Any]]:
        """Open one more session, for which the next maintainer waits as for the first."""
        with session(self._url) as connection:
            row = connection.execute(sqlfiles.load("partitions/lock_beside").text).fetchone()
            if row is None or not row[0]:
                raise BusyError(f"target {self._target!r}: another run is about to begin")
            with pg.letting_go(connection):
                yield connection

    def carry_out(
        self, policy: Policy, existing: Existing, todo: Plan, kinds: Collection[Kind]
    ) -> None:
        """Carry one plan out."""
        failed: set[str] = set()
        steps = [step for step in todo.steps if step.kind in kinds]
        first = KINDS.index("create")
        copied = by_copy.chosen(self._connection, existing, steps)
        for step in steps:
            if KINDS.index(step.kind) < first and step not in copied:
                self._one(policy, existing, step, failed)
        creates = [step for step in steps if step.kind == "create" and step not in copied]
        if copied:
            creates = [*self._by_copy(policy, existing, copied, failed), *creates]
        if creates:
            self._creates(policy, existing, creates, failed)
        for step in steps:
            if KINDS.index(step.kind) > first:
                self._one(policy, existing, step, failed)

    def _by_copy(
        self, policy: Policy, existing: Existing, steps: Sequence[Step], failed: set[str]
    ) -> list[Step]:
        """Copy a default partition; return the creations that are to be tried without a copy."""
        found = by_copy.carry_out(
            self._url, self._log, policy, existing, steps, self._budget, self._require_alive
        )
        for step, entry in found.done:
            if entry.outcome != "done":
                failed.add(step.partition.full_name)
            self._note(policy, step, entry.outcome, found.spent, entry, entry.error)
        self._uncopied[policy.parent] = found.why
        return found.left

    def _creates(
        self, policy: Policy, existing: Existing, creates: Sequence[Step], failed: set[str]
    ) -> None:
        """Create partitions, beside a default one that may have rows."""
        spent = Spent()
        with ExitStack() as stack:
            try:
                stack.enter_context(
                    create.Beside(
                        self._connection,
                        policy,
                        existing,
                        [step.partition for step in creates if step.ahead],
                        self._budget,
                        spent,
                        LONG_MS,
                    )
                )
            except (PerfPipelineError, psycopg.Error) as error:
                self._require_alive(error)
                for step in creates:
                    self._note(policy, step, "blocked", spent, error=str(error))
                return
            for step in creates:
                self._one(policy, existing, step, failed)

    def _one(self, policy: Policy, existing: Existing, step: Step, failed: set[str]) -> None:
        """Carry one step out and log it."""
        name = step.partition.full_name
        if name in failed:
            self._note(policy, step, "skipped", Spent(), error="an earlier step of it failed")
            return
        spent = Spent()
        self._step_budget = self._once if policy.parent in self._blocked else self._budget
        act = self._actions()[step.kind]
        entry: Entry | None = None
        try:
            detail = {"parent": policy.parent, "why": step.why}
            with self._log.operation(f"partition.{step.kind}", name, detail=detail) as entry:
                try:
                    act(policy, existing, step, entry, spent)
                finally:
                    entry.lock_wait_ms = spent.waited_ms
                    entry.detail["longest_attempt_ms"] = round(spent.longest_ms, 1)
        except (PerfPipelineError, psycopg.Error) as error:
            self._require_alive(error)
            failed.add(name)
            outcome = "blocked" if isinstance(error, BusyError) else "failed"
            if outcome == "blocked":
                self._blocked.add(policy.parent)
            self._note(policy, step, outcome, spent, entry, error=str(error))
            return
        if spent.attempts:
            self._blocked.discard(policy.parent)
        self._note(policy, step, "done", spent, entry)

    def _require_alive(self, error: Exception) -> None:
        """Raise an error again that means that the target or the store is gone."""
        if self._connection.broken or self._connection.closed:
            raise error

    def _note(
        self,
        policy: Policy,
        step: Step,
        outcome: str,
        spent: Spent,
        entry: Entry | None = None,
        error: str | None = None,
    ) -> None:
        self.done.append(
            Done(
                policy.parent,
                step.kind,
                step.partition.full_name,
                outcome,
                entry.rows if entry else None,
                entry.bytes if entry else None,
                spent.waited_ms,
                spent.longest_ms,
                error,
                dict(entry.detail) if entry else {},
            )
        )

    def _actions(self) -> Mapping[str, Callable[[Policy, Existing, Step, Entry, Spent], None]]:
        return {
            "finalize": self._detach,
            "forget": self._forget,
            "create_default": self._create,
            "create": self._create,
            "drain": self._drain,
            "archive": self._archive,
            "detach": self._detach,
            "drop": self._drop,
        }

    def _create(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        try:
            create.create(
                self._connection, policy, existing, step.partition, self._step_budget, spent
            )
        except LockBudgetError as error:
            default, why = existing.default, self._uncopied.get(policy.parent)
            if default is None or not why or step.ahead:
                raise
            raise LockBudgetError(
                f"{error.message}; PostgreSQL reads {default.full_name} "
                f"({(default.bytes or 0) / 1e6:,.0f} MB) while it is locked for that, and no copy "
                f"could take its place: {why}",
                "delete or move its rows, or do what stands there; nothing was changed",
            ) from error
        entry.rows = 0

    def _detach(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        part = self._current(policy, existing, step.partition)
        entry.detail["how"] = detach.detach(
            self._connection, policy, existing, part, self._step_budget, spent
        )

    def _drain(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        entry.rows = drain.drain(
            self._connection, policy, existing, step.partition, self._step_budget, spent
        )

    def _forget(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        """Note in the store that a partition is gone that a killed run dropped."""
        proofs.note_dropped(self._store, self._proof(step.partition).archive_id)

    def _archive(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        part = self._current(policy, existing, step.partition)
        with session(self._url, LONG_MS) as reading:
            written = archive.archive(
                reading, self._store, self._place(), self._target, policy, existing, part
            )
        entry.rows, entry.bytes = written.rows, written.bytes
        entry.detail.update(archive_id=written.archive_id, files=written.files)

    def _drop(
        self, policy: Policy, existing: Existing, step: Step, entry: Entry, spent: Spent
    ) -> None:
        part = self._current(policy, existing, step.partition)
        for again in (True, False):
            proof = self._proof(part)
            try:
                archive.drop(
                    self._connection,
                    self._place(),
                    policy,
                    existing,
                    part,
                    proof,
                    self._step_budget,
                    spent,
                    LONG_MS,
                )
                break
            except archive.StaleProofError:
                if not again:
                    raise
                self._archive(policy, existing, step, entry, spent)
        proofs.note_dropped(self._store, proof.archive_id)
        entry.rows, entry.bytes = proof.row_count, part.bytes
        entry.detail["archive_id"] = proof.archive_id

    def _place(self) -> Place:
        if self._files is None:
            self._files = place.current()
        return self._files

    def _proof(self, part: Partition) -> proofs.Proof:
        """Return the proof of a partition.

        Raises
        ------
        ArchiveError
            There is none: it is not dropped.

        """
        for proof in proofs.of_target(self._store, self._target):
            if proof.relation == part.oid:
                return proof
        raise ArchiveError(f"{part.full_name} is not in the archive", "nothing was dropped")

    def _current(self, policy: Policy, existing: Existing, part: Partition) -> Partition:
        """Return a partition with its oid; one drained in this run had none when it was planned."""
        if part.oid:
            return part
        if part.full_name not in self._drained:
            found = catalog.read(self._connection, [policy], detail=False).existing[policy.parent]
            self._drained.update((p.full_name, p) for p in found.partitions)
        return self._drained.get(part.full_name, part)
