"""Setting a rollup up: checked, made and recorded in one transaction; a refresh fills it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import lock_budget
from perf_pipeline.views import catalog
from perf_pipeline.views.catalog import Connection
from perf_pipeline.views.incremental import ddl, shape
from perf_pipeline.views.incremental.names import SCHEMA, Names, qualified
from perf_pipeline.views.incremental.strategy import Costs
from perf_pipeline.views.model import Rollup, ViewPolicy


@dataclass(frozen=True)
class Known:
    """A rollup as the target has it.

    Attributes
    ----------
    names : Names
    generation : int
        0: never filled.
    members : tuple of int
        The source and its partitions now.
    filenodes : str
        Their files now.
    same_tables : bool
        Whether these are the tables and files of the last refresh.
    armed : bool
        Whether each of them captures.
    lasting : bool
        Whether none of them is unlogged: a crash would empty it, and fires no trigger.
    shown : bool
        Whether the view people read is there and reads our table.
    types : tuple of str
        Of the measures as people see them.
    never_null : frozenset of str
        Columns of the source that cannot be NULL; none where they were not asked for.

    """

    names: Names
    generation: int
    members: tuple[int, ...]
    filenodes: str
    same_tables: bool
    armed: bool
    lasting: bool
    shown: bool
    types: tuple[str, ...]
    costs: Costs
    never_null: frozenset[str] = frozenset()

    @property
    def doubt(self) -> str:
        """Why what was captured may not be all that changed; empty when it is."""
        if self.generation == 0:
            return "it was never filled"
        if not self.armed:
            return "a table it reads did not capture its changes"
        if not self.same_tables:
            return "a table it reads was added, taken away or written anew"
        if not self.lasting:
            return "a table it reads is unlogged: a crash would empty it, and nothing would tell"
        if not self.shown:
            return "the view was dropped, or something else is read under its name"
        return ""


def known(
    connection: Connection, policies: Mapping[str, ViewPolicy], *, columns: bool = True
) -> dict[str, Known]:
    """Return the rollups that are set up and made from the declaration that stands, by view.

    Parameters
    ----------
    connection : Connection
    policies : Mapping of view name to ViewPolicy
    columns : bool
        Ask also which columns cannot be NULL, and leave out what was made for keys that could not
        be and can be now: it has to be made anew. A look whether anything changed need not.

    """
    found = {}
    never = (
        {
            row["view_name"]: frozenset(row["columns"])
            for row in catalog.rows(connection, "never_null", {"views": list(policies)})
        }
        if columns
        else {}
    )
    for row in catalog.rows(connection, "rollups", {"views": list(policies)}):
        rollup = policies[row["view_name"]].rollup
        if rollup is None or not row["made"] or row["spec"].get("declared") != rollup.as_json():
            continue
        kept = replace(of_row(row, rollup), never_null=never.get(row["view_name"], frozenset()))
        keys = {text.strip() for _, text in rollup.group_by}
        if not columns or kept.names.nullable or keys <= kept.never_null:
            found[row["view_name"]] = kept
    return found


def of_row(row: Mapping[str, Any], rollup: Rollup) -> Known:
    """Return a rollup from its row of `sql/views/rollups.sql`."""
    spec = row["spec"]
    measures = shape.measures(rollup, dict(spec["arguments"]))
    costs = Costs(
        row["group_count"] or 0,
        row["full_seconds"],
        row["seconds_per_group"],
        row["seconds_per_change"],
    )
    return Known(
        Names(row["rollup_id"], row["view_name"], rollup, measures, bool(spec["nullable"])),
        row["generation"],
        tuple(row["members"]),
        row["filenodes"],
        row["same_tables"],
        row["armed"],
        row["lasting"],
        row["shown"],
        tuple(spec["types"]),
        costs,
    )


def set_up(
    connection: Connection,
    policy: ViewPolicy,
    budget: lock_budget.LockBudget,
    spent: lock_budget.Spent | None = None,
) -> None:
    """Make what captures a view's changes, or make it again from a new declaration.

    Creating triggers waits for the writers of the source, and new ones wait behind it: no longer
    than the lock budget.

    Raises
    ------
    ConfigurationError
        The declaration cannot be kept incrementally: says what of it.
    LockBudgetError
        A lock could not be had.

    """
    rollup = policy.rollup
    if rollup is None:
        raise ConfigurationError(f"view {policy.name} is not incremental", "declare `incremental`")
    source = _source(connection, policy, rollup)

    def work(within: Connection) -> None:
        with _explained(policy):
            _make(within, policy, rollup, source)

    lock_budget.run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=[source],
        statement_timeout_ms=0,
        what=f"capture changes of {rollup.source}",
    )


def arm(
    connection: Connection,
    found: Known,
    budget: lock_budget.LockBudget,
    spent: lock_budget.Spent | None = None,
) -> None:
    """Give each table of a rollup its triggers again (a new partition has none).

    What changed before was not captured. That is remembered with it: a refresh that is killed or
    blocked after this leaves its doubt to the next one.
    """

    def work(within: Connection) -> None:
        catalog.rows(within, "rollup_doubt", {"rollup_id": found.names.rollup_id})
        for member in member_names(within, found.members):
            for statement in ddl.triggers(found.names, qualified(member)):
                within.execute(statement)

    lock_budget.run_transaction(
        connection,
        work,
        budget,
        spent=spent,
        relations=list(found.members),
        statement_timeout_ms=0,
        what=f"capture changes of {found.names.rollup.source}",
    )


def tear_down(connection: Connection, view: str, budget: lock_budget.LockBudget) -> bool:
    """Take an incremental view away, with all that captures for it.

    Returns
    -------
    bool
        Whether there was one.

    Raises
    ------
    ConfigurationError
        Something rests on it: says what.
    LockBudgetError
        A lock could not be had.

    """
    rows = catalog.rows(connection, "rollups", {"views": [view]})
    if not rows:
        return False
    lock_budget.run_transaction(
        connection,
        lambda within: _remove(within, rows[0]),
        budget,
        relations=rows[0]["members"],
        statement_timeout_ms=0,
        what=f"take {view} away",
    )
    return True


def _remove(connection: Connection, row: Mapping[str, Any]) -> None:
    declared = row["spec"]["declared"]
    rollup = Rollup(
        declared["source"],
        tuple((name, text) for name, text in declared["group_by"]),
        tuple((name, text) for name, text in declared["measures"]),
        declared["where"],
    )
    found = of_row(row, rollup)
    members = member_names(connection, found.members)
    try:
        for statement in ddl.remove(found.names, members, found.generation):
            connection.execute(statement)
    except psycopg.errors.DependentObjectsStillExist as error:
        told = "; ".join((error.diag.message_detail or "").splitlines())
        raise ConfigurationError(
            f"view {row['view_name']} cannot be taken away or made anew: {told}",
            "drop what rests on it, and make that again afterwards",
        ) from error
    catalog.rows(connection, "rollup_remove", {"rollup_id": row["rollup_id"]})


def _source(connection: Connection, policy: ViewPolicy, rollup: Rollup) -> int:
    """Return the oid of the table to capture; refuse what cannot be."""
    rows = catalog.rows(connection, "relation", {"name": rollup.source})
    if not rows or rows[0]["kind"] not in {"r", "p"}:
        raise ConfigurationError(
            f"view {policy.name}: its source {rollup.source} is no table",
            "name the one table whose rows are grouped; join others to it in a plain view over "
            "this one, by the key that leads there",
        )
    if rows[0]["subscribed"]:
        raise ConfigurationError(
            f"view {policy.name}: {rollup.source} is filled by logical replication, "
            "which fires no statement triggers",
            "keep it as a materialized view",
        )
    if not rollup.group_by or not rollup.measures:
        raise ConfigurationError(
            f"view {policy.name}: `incremental` needs at least one group_by and one measure",
            "declare them, or keep it as a materialized view",
        )
    existing = catalog.rows(connection, "relation", {"name": policy.name})
    ours = catalog.rows(connection, "rollups", {"views": [policy.name]})
    if existing and not ours:
        raise ConfigurationError(
            f"view {policy.name} exists and is not kept by us",
            "drop it or choose another name: the incremental view takes its place",
        )
    return int(rows[0]["oid"])


def _make(connection: Connection, policy: ViewPolicy, rollup: Rollup, source: int) -> None:
    """Make everything, in the transaction of the caller."""
    for row in catalog.rows(connection, "rollups", {"views": [policy.name]}):
        _remove(connection, row)
    draft = Names(
        0, policy.name, rollup, tuple(shape.read(*each) for each in rollup.measures), True
    )
    connection.execute(ddl.shape_probe(draft))
    columns = _columns(connection, "pg_temp.perf_pipeline_shape")
    key_types = [columns[name][0] for name in draft.key_names]
    arguments = {
        measure.name: columns[f"pp_a{i}"][0]
        for i, measure in enumerate(draft.measures)
        if measure.argument
    }
    measures = shape.measures(rollup, arguments)
    bare = _columns(connection, qualified(rollup.source).as_string(connection))
    nullable = not all(bare.get(text.strip(), ("", False))[1] for _, text in rollup.group_by)
    spec = {"declared": rollup.as_json(), "arguments": arguments, "nullable": nullable}
    values = {"view": policy.name, "source": source, "spec": Jsonb({**spec, "types": []})}
    number = catalog.rows(connection, "rollup_add", values)[0]["rollup_id"]
    names = replace(draft, rollup_id=number, measures=measures, nullable=nullable)
    _require_immutable(connection, names)
    if nullable:
        connection.execute(ddl.key_type(names, key_types))
    connection.execute(ddl.query_view(names))
    _require_timeless(connection, names)
    shown = _columns(connection, names.query.as_string(connection))
    types = [shown[name][0] for name, _ in rollup.measures]
    full = {"rollup_id": number, "spec": Jsonb({**spec, "types": types})}
    catalog.rows(connection, "rollup_spec", full)
    connection.execute(ddl.changes_table(names))
    for event in ("insert", "update", "delete"):
        connection.execute(ddl.capture_function(names, event))
        connection.execute(ddl.kept_to_ourselves(names, event))
    connection.execute(ddl.truncate_function(names))
    connection.execute(ddl.kept_to_ourselves(names, "truncate"))
    row = catalog.rows(connection, "rollups", {"views": [policy.name]})[0]
    for member in member_names(connection, row["members"]):
        for statement in ddl.triggers(names, qualified(member)):
            connection.execute(statement)


def member_names(connection: Connection, members: Sequence[int]) -> list[str]:
    """Return the names of some tables by their oids."""
    rows = catalog.rows(connection, "rollup_members", {"members": list(members)})
    return [row["name"] for row in rows]


def _columns(connection: Connection, relation: str) -> dict[str, tuple[str, bool]]:
    """Return the columns of a relation: type, and whether NULL is forbidden."""
    row = connection.execute("SELECT %s::regclass::oid::bigint", (relation,)).fetchone()
    rows = catalog.rows(connection, "rollup_columns", {"relation": row[0] if row else 0})
    return {each["name"]: (each["type"], each["not_null"]) for each in rows}


def _require_immutable(connection: Connection, names: Names) -> None:
    """Refuse expressions that say something else in another session or at another time."""
    connection.execute(ddl.copy_probe(names))
    for expression in ddl.captured(names):
        try:
            with connection.transaction():
                connection.execute(ddl.immutable_probe(names, expression))
        except psycopg.errors.InvalidObjectDefinition as error:
            raise ConfigurationError(
                f"view {names.view}: {expression.as_string(connection)} is not immutable: "
                "it depends on the session or on time",
                "name the time zone (AT TIME ZONE 'UTC'), or keep it as a materialized view",
            ) from error


def _require_timeless(connection: Connection, names: Names) -> None:
    """Refuse measures that read the clock or other tables: nothing captures that."""
    query = f"{SCHEMA}.rollup_{names.rollup_id}_query"
    graph = catalog.graph(connection, [query])
    node = graph.named(query)
    if node is None:
        return
    seen = [*node.clock, *node.opaque]
    others = [each.name for each in graph.sources(node) if each.name != names.rollup.source]
    if seen or others or node.reads_catalog:
        told = ", ".join([*seen, *others]) or "the system's catalogs"
        join = (
            "group by the key that leads there, and join that in a plain view over this one; or "
            if others
            else "take it out of the declaration, or "
        )
        raise ConfigurationError(
            f"view {names.view}: it reads {told}, whose changes are not captured",
            f"{join}keep it as a materialized view",
        )


class _explained:  # noqa: N801 - reads as a word: `with _explained(...)`
    """Turn what PostgreSQL says of a declaration into an error of ours."""

    def __init__(self, policy: ViewPolicy) -> None:
        self._policy = policy

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        wrong = (psycopg.ProgrammingError, psycopg.DataError)
        if isinstance(error, wrong) and not isinstance(error, psycopg.errors.LockNotAvailable):
            raise ConfigurationError(
                f"view {self._policy.name}: {str(error).strip()}",
                "correct the declaration, or grant this role what it needs "
                "(owner of the source, CREATE in the view's schema)",
            ) from error
