"""Turn a plain table into a partitioned one while it is written to; killed anywhere, it goes on.

A partitioned copy is made beside it; a trigger carries every change over, in the writer's own
transaction; rows are copied in small batches, locked for the moment of their batch and skipped
where a writer has them; when none is missing, both are compared in one snapshot, and the names are
swapped in one short transaction under the lock budget. The old table stays, renamed, until
somebody drops it. What there is to go on from is the copy itself.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.partitions import carry, catalog, create, names, periods, swap
from perf_pipeline.partitions.following import TRIGGER, Following
from perf_pipeline.partitions.model import Bound, Partition, Policy
from perf_pipeline.partitions.plan import plan
from perf_pipeline.partitions.session import LONG_MS, session
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_statement, run_transaction
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog


@dataclass(frozen=True)
class Converted:
    """What a conversion came to."""

    parent: str
    old: str
    rows: int
    copied: int
    partitions: int
    swap_ms: float


class _Conversion(Following):
    def __init__(
        self, connection: psycopg.Connection[Any], policy: Policy, budget: LockBudget
    ) -> None:
        self._policy, self._budget = policy, budget
        self.spent = Spent()
        self._source = carry.source(connection, policy)
        own: list[str] = self._source["key"]
        key = [*own, *([policy.column] if policy.column not in own else [])]
        super().__init__(
            connection,
            policy.schema,
            policy.table,
            self._source["oid"],
            own,
            key,
            self._source["columns"],
        )

    def make_copy(self) -> None:
        """Make the partitioned copy, its trigger, and partitions for all there is."""
        source = self._source

        def work(inside: psycopg.Connection[Any]) -> None:
            carry.into(inside, source["tablespace"])
            inside.execute(
                sql.SQL(
                    "CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING"
                    " CONSTRAINTS INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMPRESSION"
                    " INCLUDING COMMENTS) PARTITION BY RANGE ({})"
                ).format(self._copy, self._table, sql.Identifier(self._policy.column))
            )
            carry.into(inside, source["key_tablespace"])
            inside.execute(
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} ").format(
                    self._copy, sql.Identifier(carry.key_name(self._policy))
                )
                + carry.primary_key(source, self._key)
            )
            carry.onto_copy(inside, source, self._policy, self.new)
            on_copy = self._on_copy()
            schema = self._policy.schema
            default = Partition(
                schema, names.fitted(self._policy.table, "default"), is_default=True
            )
            # the other partitions take from it what they have of their newest sibling
            inherited = self._inherited(create.facts(inside, carry.oid_of(inside, self._copy)))
            inherited["sibling_options"] = source["options"]
            inside.execute(create.table_like(on_copy, default, inherited), prepare=False)
            create.take_over(inside, default, inherited)
            inside.execute(create.attaching(on_copy, None, default), prepare=False)
            create.take_identity(inside, default, inherited)

        if not self.exists(self.new):
            run_transaction(
                self._connection,
                work,
                self._budget,
                spent=self.spent,
                relations=[source["oid"]],
                what=f"begin the conversion of {self._policy.parent}",
            )
        if self.is_followed():
            return  # whoever began it made the partitions, too
        try:
            self._make_partitions()
        except (ConfigurationError, psycopg.Error):
            if not self._connection.broken:
                self.undo()
            raise
        run_transaction(
            self._connection,
            self.add_trigger,
            self._budget,
            spent=self.spent,
            relations=[source["oid"]],
            what=f"follow {self._policy.parent}",
        )

    def _on_copy(self) -> Policy:
        """Return the policy, for the copy."""
        return replace(self._policy, parent=f"{self._policy.schema}.{self.new}")

    def _inherited(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Return what partitions of the copy take over: it has no row-level security yet."""
        shut = {word: self._source[word] for word in ("row_security", "force_row_security")}
        return {**facts, **shut}

    def _make_partitions(self) -> None:
        """Make partitions from the oldest row to what the policy keeps ready."""
        on_copy = self._on_copy()
        found = catalog.read(self._connection, [on_copy], detail=False)
        first, position = self._reach()
        # the copy has no rows yet, and is to have partitions for those of the table
        existing = replace(found.existing[on_copy.parent], position=position)
        wanted = replace(self._policy, start=first, then="keep", retention=None, drain=False)
        made = plan(wanted, existing, found.now)
        for problem in made.problems:
            raise ConfigurationError(problem.what.partition("; only")[0], problem.remedy)
        inherited = self._inherited(create.facts(self._connection, existing.oid))
        for step in made.of("create"):
            part: Partition = step.partition
            create.create(
                self._connection, on_copy, existing, part, self._budget, self.spent, inherited
            )

    def _reach(self) -> tuple[Bound | None, int | None]:
        """Return what the first partition holds, and the highest whole number.

        The first one holds what `start` says, else the oldest row. Rows before it go to the default
        partition, from where runs take them, and so do those that no calendar has, which stay.
        """
        is_time = self._policy.every is not None
        finite = sql.SQL(" WHERE {0} >= '0001-01-02' AND {0} < '9999-12-31'" if is_time else "")
        column = sql.Identifier(self._policy.column)
        row = self._connection.execute(
            sql.SQL("SELECT /* perf-pipeline */ min({0}), max({0}) FROM {1}").format(
                column, self._table
            )
            + finite.format(column)
        ).fetchone()
        oldest, newest = row or (None, None)
        if isinstance(oldest, datetime):
            axis = periods.Axis(self._policy, catalog.kind_of(self._source["column_type"]))
            oldest = axis.wall(oldest.replace(tzinfo=None))
        elif isinstance(oldest, date):
            oldest = datetime(oldest.year, oldest.month, oldest.day)
        start: Any = self._policy.start
        if None not in (start, oldest):
            start = max(start, oldest)
        return (oldest if start is None else start), None if is_time else newest

    def rehearse(self) -> None:
        """Swap, and take it back: what would keep the swap from succeeding is told before the work.

        Raises
        ------
        ConfigurationError
            The server refuses it; copy and trigger are gone again.

        """
        try:
            self._swap(back=True)
        except (psycopg.errors.Error, ConfigurationError) as error:
            if self._connection.broken:
                raise
            self.undo()
            raise ConfigurationError(
                f"{self._policy.parent} could not be swapped with its copy: "
                f"{str(error).splitlines()[0]}",
                "remove what is named for the conversion, or do it as a role that may; "
                "nothing was copied",
            ) from error

    def undo(self) -> None:
        """Remove the copy and what follows changes."""

        def work(inside: psycopg.Connection[Any]) -> None:
            self.stop_following(inside)
            inside.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(self._copy))

        run_transaction(
            self._connection,
            work,
            self._budget,
            spent=self.spent,
            relations=[self._source["oid"]],
            what=f"undo the conversion of {self._policy.parent}",
        )

    def analyze(self) -> None:
        """Let the server know the copy's values: from the swap on, plans are made by them."""
        self._connection.execute(sql.SQL("ANALYZE {}").format(self._copy))

    def swap(self) -> float:
        """Swap the names, in one short transaction; return its milliseconds."""
        return self._swap(back=False)

    def _swap(self, *, back: bool) -> float:
        def work(inside: psycopg.Connection[Any]) -> float:
            # a writer of these has his own table first, and asks for ours then
            keys = [*self._source["referring"], *self._source["policies_of_others"]]
            referring = dict.fromkeys((key["schema"], key["table"]) for key in keys)
            tables = sql.SQL(", ").join(
                [*(sql.Identifier(*name) for name in referring), self._table]
            )
            inside.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(tables))
            start = time.perf_counter()
            now = carry.source(inside, self._policy)
            self._require_same(inside, now)
            self.stop_following(inside)
            swap.at_swap(inside, now, self._policy, self.new, self.old)
            if back:
                raise psycopg.Rollback
            return (time.perf_counter() - start) * 1000.0

        return run_transaction(
            self._connection,
            work,
            self._budget,
            spent=self.spent,
            relations=[
                self._source["oid"],
                *(key["oid"] for key in self._source["referring"]),
                *(each["oid"] for each in self._source["policies_of_others"]),
            ],
            what=f"swap {self._policy.parent} with its copy",
        )

    def _require_same(self, inside: psycopg.Connection[Any], now: dict[str, Any]) -> None:
        """Refuse to swap where the table has got what its copy has not."""
        found = inside.execute(
            "SELECT /* perf-pipeline */ count(*) FROM pg_catalog.pg_index"
            " WHERE indrelid = %s::regclass",
            (self._copy.as_string(inside),),
        ).fetchone()
        wanted = 1 + len(now["indexes"]) + len(now["unique_constraints"])
        parts = (
            *("columns", "key", "foreign_keys", "referring", "grants", "owner", "statistics"),
            *("row_security", "force_row_security", "replica_identity", "column_statistics"),
        )
        changed = [part for part in parts if now[part] != self._source[part]]
        if found is None or found[0] != wanted:
            changed.append("indexes")
        if changed:
            raise ConfigurationError(
                f"{self._policy.parent} was changed while it was converted: {', '.join(changed)}",
                f"drop {self._policy.schema}.{self.new} with the trigger {TRIGGER}, and convert "
                "again",
            )


def convert(
    store: Store, target: str, url: str, policy: Policy, budget: LockBudget | None = None
) -> Converted:
    """Turn a plain table into a partitioned one; run again after being killed, it goes on.

    Parameters
    ----------
    store : Store
    target, url : str
        By a role that owns the table.
    policy : Policy
        Of ranges; its parent is the plain table.
    budget : LockBudget, optional
        For the trigger and for the swap.

    Raises
    ------
    ConfigurationError
        It is no plain table, or has what is not carried over: it is named.
    ArchiveError
        The copy is not equal; nothing was swapped.
    LockBudgetError
        A lock was not to be had; run it again.

    """
    if policy.modulus is not None:
        raise ConfigurationError(
            f"{policy.parent}: a conversion into hash partitions is not served",
            "choose every or step",
        )
    budget = budget or LockBudget()
    with MaintenanceLog(store, target) as log, session(url, LONG_MS) as connection:
        if _is_swapped(connection, policy):
            return _go_on(connection, log, policy, budget)
        with log.operation("partition.convert", policy.parent) as entry:
            work = _Conversion(connection, policy, budget)
            work.make_copy()
            work.rehearse()
            copied = work.copy()
            rows = work.compare()
            work.analyze()
            swapped = work.swap()
            prove_keys(connection, policy, budget, work.spent)
            entry.rows, entry.lock_wait_ms = rows, work.spent.waited_ms
            entry.detail.update(swap_ms=round(swapped, 1), old=work.old)
        found = catalog.read(connection, [policy], detail=False).existing[policy.parent]
    return Converted(
        policy.parent,
        f"{policy.schema}.{work.old}",
        rows,
        copied,
        len(found.partitions),
        swapped,
    )


def _is_swapped(connection: psycopg.Connection[Any], policy: Policy) -> bool:
    """Whether a conversion was killed after its swap, with foreign keys to be validated still."""
    old = sql.Identifier(policy.schema, names.fitted(policy.table, "perf_old"))
    row = connection.execute(
        "SELECT /* perf-pipeline */ to_regclass(%s) IS NOT NULL AND EXISTS (SELECT FROM"
        " pg_catalog.pg_class WHERE oid = to_regclass(%s) AND relkind = 'p')",
        (
            old.as_string(connection),
            sql.Identifier(policy.schema, policy.table).as_string(connection),
        ),
    ).fetchone()
    swapped = bool(row and row[0])
    return swapped and bool(carry.unproven(connection, policy.schema, policy.table))


def _go_on(
    connection: psycopg.Connection[Any], log: MaintenanceLog, policy: Policy, budget: LockBudget
) -> Converted:
    """Validate the foreign keys that a killed conversion moved."""
    spent = Spent()
    with log.operation("partition.convert", policy.parent) as entry:
        prove_keys(connection, policy, budget, spent)
        table = sql.Identifier(policy.schema, policy.table)
        row = connection.execute(
            sql.SQL("SELECT /* perf-pipeline */ count(*) FROM {}").format(table)
        ).fetchone()
        entry.rows, entry.lock_wait_ms = row[0] if row else 0, spent.waited_ms
    found = catalog.read(connection, [policy], detail=False).existing[policy.parent]
    old = f"{policy.schema}.{names.fitted(policy.table, 'perf_old')}"
    return Converted(policy.parent, old, entry.rows or 0, 0, len(found.partitions), 0.0)


def prove_keys(
    connection: psycopg.Connection[Any], policy: Policy, budget: LockBudget, spent: Spent
) -> None:
    """Validate the foreign keys that came along, beside whoever writes.

    Raises
    ------
    LockBudgetError
        Somebody alters one of their tables; run the conversion again: it goes on here.

    """
    for key in carry.unproven(connection, policy.schema, policy.table):
        # one that was not validated before either, and does not hold for old rows, stays so
        with suppress(psycopg.errors.ForeignKeyViolation):
            run_statement(
                connection,
                sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}").format(
                    sql.Identifier(key["schema_name"], key["table_name"]),
                    sql.Identifier(key["name"]),
                ),
                budget,
                spent=spent,
                relations=[key["relation"]],
                statement_timeout_ms=LONG_MS,
                what=f"validate {key['name']} of {key['schema_name']}.{key['table_name']}",
            )
