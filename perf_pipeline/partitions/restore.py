"""Bring an archived partition back: as it was, checked against its proof, and attached."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from perf_pipeline.errors import ArchiveError, InputError
from perf_pipeline.partitions import archive, bounds, catalog, create, proofs
from perf_pipeline.partitions.model import Existing, Partition, Policy
from perf_pipeline.partitions.proofs import Proof
from perf_pipeline.partitions.session import LONG_MS, session
from perf_pipeline.postgres import copy, sqlfiles
from perf_pipeline.postgres.lock_budget import LockBudget, Spent, run_transaction
from perf_pipeline.store import Store
from perf_pipeline.store.maintenance_log import MaintenanceLog
from perf_pipeline.store.place import Place

#: Comment of a table that is being restored: a killed run's is told by it, and made anew.
_MARK: Final = "perf-pipeline: restored from archive "
#: CHECK that a restored table's rows lie within its bounds, so that attaching reads nothing.
_WITHIN: Final = "perf_pipeline_within"
HOLD_DAYS: Final = 30


@dataclass(frozen=True)
class Restored:
    """What came back.

    Attributes
    ----------
    checked : str
        `rows and hash`, or `rows` where the parent's columns have changed since.

    """

    partition: str
    rows: int
    attached: bool
    checked: str


def restore(
    store: Store,
    files: Place,
    target: str,
    url: str,
    policies: Mapping[str, Policy],
    name: str,
    *,
    attach: bool = True,
    hold_days: int = HOLD_DAYS,
    budget: LockBudget | None = None,
) -> Restored:
    """Restore an archived partition; run again after being killed, it begins anew.

    Parameters
    ----------
    store : Store
    files : Place
    target, url : str
    policies : Mapping of parent to Policy
    name : str
        Of the partition, with or without its schema.
    attach : bool
        False: it stays a table of its own.
    hold_days : int
        So long the policy leaves it alone.
    budget : LockBudget, optional

    Raises
    ------
    InputError
        No such partition is archived, several are, or its parent has no policy any more.
    ArchiveError
        The files, or the rows that were read from them, are not what was archived.
    LockBudgetError
        It could not be attached; run it again.

    """
    proof = find(store, target, name)
    policy = policies.get(proof.parent)
    if policy is None:
        raise InputError(
            f"{proof.parent} has no partition policy any more",
            "declare one: it says by which column its partitions are attached",
        )
    spent = Spent()
    with MaintenanceLog(store, target) as log, session(url, LONG_MS) as connection:
        label = f"{proof.schema_name}.{proof.name}"
        with log.operation("partition.restore", label) as entry:
            existing = catalog.read(connection, [policy], detail=False).existing[policy.parent]
            part = catalog.of_proof(proof)
            loaded = _loaded(connection, files, policy, existing, part, proof)
            if attach:
                _attach(connection, policy, existing, part, budget or LockBudget(), spent)
            proofs.note_restored(
                store, proof.archive_id, _oid(connection, part), timedelta(days=hold_days)
            )
            entry.rows, entry.lock_wait_ms = proof.row_count, spent.waited_ms
            entry.detail.update(archive_id=proof.archive_id, attached=attach)
    return Restored(label, proof.row_count, attach, loaded)


def find(store: Store, target: str, name: str) -> Proof:
    """Return the newest proof of a partition of that name that was dropped.

    Raises
    ------
    InputError
        There is none, or partitions of several parents have that name.

    """
    known = proofs.of_target(store, target, dropped=True)
    found = [p for p in known if name in {p.name, f"{p.schema_name}.{p.name}"}]
    if not found:
        names = ", ".join(f"{p.schema_name}.{p.name}" for p in known[-5:]) or "none"
        raise InputError(f"no partition {name!r} is in the archive of {target}", f"newest: {names}")
    if len({(p.parent, p.schema_name) for p in found}) > 1:
        raise InputError(f"{name!r} is archived of several tables", "give its schema, too")
    proof = found[-1]
    if proof.dropped_at is None and proof.restored_at is not None:
        raise InputError(f"{name} was restored already", "see it in the target")
    if proof.dropped_at is None:
        raise InputError(f"{name} was archived and not dropped", "it is still in the target")
    return proof


def _relation(connection: psycopg.Connection[Any], part: Partition) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        values = {"schema": part.schema, "name": part.name}
        return cursor.execute(sqlfiles.load("partitions/relation").text, values).fetchone()


def _oid(connection: psycopg.Connection[Any], part: Partition) -> int:
    found = _relation(connection, part)
    if found is None:  # pragma: no cover - it was just made
        raise ArchiveError(f"{part.full_name} is not there")
    oid: int = found["oid"]
    return oid


def _loaded(
    connection: psycopg.Connection[Any],
    files: Place,
    policy: Policy,
    existing: Existing,
    part: Partition,
    proof: Proof,
) -> str:
    """Make the table and fill it, in one transaction; say what was compared."""
    there = _relation(connection, part)
    mark = f"{_MARK}{proof.archive_id}"
    if there is not None and there["comment"] != mark:
        raise InputError(
            f"{part.full_name} exists and is not what is being restored",
            "rename or drop that table, then restore again",
        )
    inherited = create.facts(connection, existing.oid)
    today = {name: generated for name, _, generated in inherited["columns"]}
    then = [name for name, _, _ in proof.columns]
    same = list(today) == then
    if there is not None:
        return "rows and hash" if same else "rows"
    table = sql.Identifier(part.schema, part.name)
    with connection.transaction():
        connection.execute(create.table_like(policy, part, inherited, indexes=True), prepare=False)
        create.take_over(connection, part, inherited)
        connection.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(table, sql.Literal(mark)))
        taken = [name for name in then if name in today and not today[name]]
        for file in proof.files:
            frame = archive.read_checked(files, file).select(taken)
            copy.write_frame(connection, (part.schema, part.name), frame)
        _compare(connection, part, proof, then if same else None)
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})").format(
                table,
                sql.Identifier(_WITHIN),
                create.within(policy.column, existing.column_type, part),
            )
        )
        _add_foreign_keys(connection, existing, table)
    connection.execute(sql.SQL("ANALYZE {}").format(table))
    return "rows and hash" if same else "rows"


def _compare(
    connection: psycopg.Connection[Any], part: Partition, proof: Proof, columns: list[str] | None
) -> None:
    rows, content = archive.content_of(connection, part, columns or [proof.columns[0][0]])
    if rows != proof.row_count or (columns is not None and content != proof.content_hash):
        raise ArchiveError(
            f"{part.full_name}: {rows} rows came back, {proof.row_count} were archived, "
            "or some of them differ",
            "nothing was restored",
        )


def _add_foreign_keys(
    connection: psycopg.Connection[Any], existing: Existing, table: sql.Identifier
) -> None:
    """Add the parent's foreign keys now: attaching then has nothing to read."""
    rows = connection.execute(
        sqlfiles.load("partitions/foreign_keys").text, {"relation": existing.oid}
    ).fetchall()
    for name, definition in rows:
        connection.execute(
            sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                table, sql.Identifier(name), sql.SQL(definition)
            )
        )


def _attach(
    connection: psycopg.Connection[Any],
    policy: Policy,
    existing: Existing,
    part: Partition,
    budget: LockBudget,
    spent: Spent,
) -> None:
    found = _relation(connection, part)
    if found is not None and found["attached"]:
        return
    table = sql.Identifier(part.schema, part.name)

    def work(inside: psycopg.Connection[Any]) -> None:
        inside.execute(create.attaching(policy, existing.column_type, part), prepare=False)
        create.take_identity(inside, part, create.facts(inside, existing.oid))
        inside.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}").format(
                table, sql.Identifier(_WITHIN)
            )
        )

    run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=create.relations(existing),
        what=f"attach {part.full_name} {bounds.shown(part.lower, part.upper)}",
    )
