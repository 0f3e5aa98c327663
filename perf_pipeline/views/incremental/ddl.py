"""The statements that make a rollup: its tables, its trigger functions, the view people read.

They depend on the declaration, so they are composed here from identifiers and the declaration's own
expressions, and are in no file.
"""

from collections.abc import Collection, Sequence

from psycopg import sql

from perf_pipeline.views.incremental.names import EVENTS, Names, comma, declared, qualified
from perf_pipeline.views.incremental.shape import Measure


def shape_probe(names: Names) -> sql.Composed:
    """Make a temporary, empty table with the types of keys and of what is summed."""
    columns = [
        sql.SQL("{} AS {}").format(key, column)
        for key, column in zip(names.keys, names.key_columns, strict=True)
    ]
    columns += [
        sql.SQL("({}) AS {}").format(declared(measure.argument), sql.Identifier(f"pp_a{i}"))
        for i, measure in enumerate(names.measures)
        if measure.argument
    ]
    return sql.SQL(
        "CREATE TEMPORARY TABLE perf_pipeline_shape ON COMMIT DROP AS"
        " SELECT {} FROM {} AS {} WHERE {} WITH NO DATA"
    ).format(comma(columns), names.source, names.alias, names.where)


def immutable_probe(names: Names, expression: sql.Composable) -> sql.Composed:
    """Make an index that PostgreSQL allows of immutable expressions only, on a copy's copy."""
    return sql.SQL("CREATE INDEX ON {} ((1)) WHERE ({}) IS NOT NULL").format(
        sql.Identifier("pg_temp", names.rollup.source.partition(".")[2]), expression
    )


def copy_probe(names: Names) -> sql.Composed:
    """Make an empty temporary table with the columns of the source."""
    return sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(
        sql.Identifier(names.rollup.source.partition(".")[2]), names.source
    )


def captured(names: Names) -> list[sql.Composable]:
    """Return the expressions whose results are captured with a row."""
    found: list[sql.Composable] = [*names.keys, names.where]
    found += [declared(measure.argument) for measure in names.measures if measure.argument]
    return found


def query_view(names: Names) -> sql.Composed:
    """Make the plain view of the declaration: what the rollup must equal."""
    columns = [
        sql.SQL("{} AS {}").format(key, sql.Identifier(name))
        for key, (name, _) in zip(names.keys, names.rollup.group_by, strict=True)
    ]
    columns += [
        sql.SQL("{} AS {}").format(declared(measure.expression), sql.Identifier(measure.name))
        for measure in names.measures
    ]
    return sql.SQL(
        "CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} AS {} WHERE {} GROUP BY {}"
    ).format(
        names.query,
        comma(columns),
        names.source,
        names.alias,
        names.where,
        positions(names),
    )


def key_type(names: Names, types: Sequence[str]) -> sql.Composed:
    """Make the composite type of a key."""
    columns = [
        # a type's name as the server itself wrote it
        sql.SQL("{} {}").format(column, declared(kind))
        for column, kind in zip(names.key_columns, types, strict=True)
    ]
    return sql.SQL("CREATE TYPE {} AS ({})").format(names.key_type, comma(columns))


def changes_table(names: Names) -> sql.Composed:
    """Make the table of captured changes: per statement and group what it adds and takes."""
    keys = [sql.SQL("s.{}").format(column) for column in names.key_columns]
    sums = [
        sql.SQL("NULL::{} AS {}").format(kind, column)
        for column, kind in zip(names.sum_columns, sum_types(names), strict=True)
    ]
    flags = [sql.SQL("false AS pp_inexact"), sql.SQL("false AS pp_everything")]
    return sql.SQL(
        "CREATE TABLE {} AS SELECT {} FROM pg_temp.perf_pipeline_shape AS s WITH NO DATA"
    ).format(names.changes, comma([*keys, *sums, *flags]))


def capture_function(names: Names, event: str) -> sql.Composed:
    """Make the trigger function of INSERT, UPDATE or DELETE."""
    sides = {"insert": (1,), "delete": (-1,), "update": (-1, 1)}[event]
    rows = sql.SQL(" UNION ALL ").join([_side(names, sign) for sign in sides])
    having = sql.Composed([])
    if not names.other_columns:
        # what adds up to nothing changes nothing; a computed group may change all the same
        moved = [sql.SQL("sum({}) <> 0").format(term) for term in _terms(names)]
        having = sql.SQL(" HAVING {} OR bool_or(d.pp_inexact)").format(sql.SQL(" OR ").join(moved))
    body = sql.SQL(
        "BEGIN INSERT INTO {} ({}, pp_inexact, pp_everything) SELECT {}, {},"
        " bool_or(d.pp_inexact), false FROM ({}) AS d GROUP BY {}{}; RETURN NULL; END"
    ).format(
        names.changes,
        comma([*names.key_columns, *names.sum_columns]),
        comma([sql.SQL("d.{}").format(column) for column in names.key_columns]),
        comma([sql.SQL("sum({})").format(term) for term in _terms(names)]),
        rows,
        positions(names),
        having,
    )
    return _function(names, event, body)


def truncate_function(names: Names) -> sql.Composed:
    """Make the trigger function of TRUNCATE: all of it has changed."""
    body = sql.SQL(
        "BEGIN INSERT INTO {} (pp_inexact, pp_everything) VALUES (false, true); RETURN NULL; END"
    ).format(names.changes)
    return _function(names, "truncate", body)


def triggers(names: Names, member: sql.Identifier) -> list[sql.Composed]:
    """Make the triggers of one table; they fire in replication roles, too."""
    tables = {
        "insert": "REFERENCING NEW TABLE AS pp_new",
        "update": "REFERENCING OLD TABLE AS pp_old NEW TABLE AS pp_new",
        "delete": "REFERENCING OLD TABLE AS pp_old",
        "truncate": "",
    }
    found = []
    for event in (*EVENTS, "truncate"):
        name = sql.Identifier(names.trigger(event))
        found += [
            sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(name, member),
            sql.SQL(
                "CREATE TRIGGER {} AFTER {} ON {} {} FOR EACH STATEMENT EXECUTE FUNCTION {}()"
            ).format(
                name, sql.SQL(event.upper()), member, sql.SQL(tables[event]), names.function(event)
            ),
            sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(member, name),
        ]
    return found


def remove(names: Names, members: Sequence[str], generation: int) -> list[sql.Composed]:
    """Take a rollup away: triggers, functions, tables; the view people read goes, too."""
    found = [
        sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
            sql.Identifier(names.trigger(event)), qualified(member)
        )
        for member in members
        for event in (*EVENTS, "truncate")
    ]
    found += [
        sql.SQL("DROP FUNCTION IF EXISTS {}()").format(names.function(event))
        for event in (*EVENTS, "truncate")
    ]
    found += [
        sql.SQL("DROP VIEW IF EXISTS {}, {}").format(names.public, names.query),
        sql.SQL("DROP TABLE IF EXISTS {}, {}").format(names.changes, names.data(generation)),
        sql.SQL("DROP TYPE IF EXISTS {}").format(names.key_type),
    ]
    return found


def public_view(names: Names, generation: int, types: Sequence[str]) -> sql.Composed:
    """Make the view that people read, over one generation's table.

    Parameters
    ----------
    names : Names
    generation : int
    types : sequence of str
        Of the declared measures, as the plain view has them.

    """
    columns = [
        sql.SQL("g.{} AS {}").format(column, sql.Identifier(name))
        for column, (name, _) in zip(names.key_columns, names.rollup.group_by, strict=True)
    ]
    columns += [
        sql.SQL("({})::{} AS {}").format(
            _shown(measure, i), declared(kind), sql.Identifier(measure.name)
        )
        for i, (measure, kind) in enumerate(zip(names.measures, types, strict=True))
    ]
    return sql.SQL("CREATE OR REPLACE VIEW {} AS SELECT {} FROM {} AS g").format(
        names.public, comma(columns), names.data(generation)
    )


def positions(names: Names) -> sql.Composed:
    """Return `1, 2, ...` for GROUP BY: a name of ours could be a column of the source."""
    return comma([sql.Literal(i + 1) for i in range(len(names.rollup.group_by))])


def aggregates(names: Names, never_null: Collection[str] = ()) -> list[sql.Composable]:
    """Return the aggregates over the source that fill the columns of the table of groups.

    Values of a column that cannot be NULL are counted as rows are: the server counts those once.
    """
    found: list[sql.Composable] = [sql.SQL("count(*)")]
    for measure in names.measures:
        argument = declared(measure.argument)
        if measure.kind in {"count", "sum", "average"}:
            all_count = measure.argument.strip() in never_null
            found.append(sql.SQL("count({})").format(sql.SQL("*") if all_count else argument))
        if measure.sums:
            found.append(sql.SQL("coalesce(sum({}), 0)::numeric").format(argument))
    found += [
        sql.SQL("({})").format(declared(measure.expression))
        for measure in names.measures
        if measure.kind == "other"
    ]
    return found


def _shown(measure: Measure, i: int) -> sql.Composed:
    count, total = sql.Identifier(f"pp_n{i}"), sql.Identifier(f"pp_s{i}")
    if measure.kind == "rows":
        return sql.SQL("g.{}").format(sql.Identifier("pp_rows"))
    if measure.kind == "count":
        return sql.SQL("g.{}").format(count)
    if measure.kind == "sum":
        return sql.SQL("CASE WHEN g.{} > 0 THEN g.{} END").format(count, total)
    if measure.kind == "average":
        return sql.SQL("CASE WHEN g.{} > 0 THEN g.{} / g.{} END").format(count, total, count)
    return sql.SQL("g.{}").format(sql.Identifier(f"pp_m{i}"))


def _side(names: Names, sign: int) -> sql.Composed:
    """Return the rows of one transition table: keys, what is summed, and their sign."""
    columns = [
        sql.SQL("{} AS {}").format(key, column)
        for key, column in zip(names.keys, names.key_columns, strict=True)
    ]
    inexact: list[sql.Composable] = []
    for i, measure in enumerate(names.measures):
        argument = declared(measure.argument)
        if measure.kind in {"count", "sum", "average"}:
            columns.append(
                sql.SQL("(({}) IS NOT NULL)::integer AS {}").format(
                    argument, sql.Identifier(f"pp_n{i}")
                )
            )
        if measure.sums:
            value = sql.SQL("({})::numeric").format(argument)
            kept = sql.SQL("coalesce({}, 0)").format(value)
            if not measure.whole:
                unbounded = sql.SQL("{} IN ('NaN', 'Infinity', '-Infinity')").format(value)
                inexact.append(sql.SQL("coalesce({}, false)").format(unbounded))
            columns.append(sql.SQL("{} AS {}").format(kept, sql.Identifier(f"pp_s{i}")))
    flag = sql.SQL(" OR ").join(inexact) if inexact else sql.SQL("false")
    return sql.SQL("SELECT {}, {} AS pp_inexact, {} AS pp_sign FROM {} AS {} WHERE {}").format(
        comma(columns),
        flag,
        sql.Literal(sign),
        sql.Identifier("pp_new" if sign > 0 else "pp_old"),
        names.alias,
        names.where,
    )


def sum_types(names: Names) -> list[sql.SQL]:
    """Return the types of the columns that add up: counts are whole, sums are exact decimals."""
    found = [sql.SQL("bigint")]
    for measure in names.measures:
        if measure.kind in {"count", "sum", "average"}:
            found.append(sql.SQL("bigint"))
        if measure.sums:
            found.append(sql.SQL("numeric"))
    return found


def _terms(names: Names) -> list[sql.Composable]:
    """Return what one captured row adds to each column that adds up."""
    found: list[sql.Composable] = [sql.SQL("d.pp_sign")]
    found += [sql.SQL("d.pp_sign * d.{}").format(column) for column in names.sum_columns[1:]]
    return found


def kept_to_ourselves(names: Names, event: str) -> sql.Composed:
    """Return what keeps others from putting a capture function on tables of their own.

    It has our rights, and a stranger's table would run its casts with them. A trigger that is
    there needs no grant to fire.
    """
    return sql.SQL("REVOKE ALL ON FUNCTION {}() FROM PUBLIC").format(names.function(event))


def _function(names: Names, event: str, body: sql.Composed) -> sql.Composed:
    return sql.SQL(
        "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        " SET search_path = pg_catalog, pg_temp AS {}"
    ).format(names.function(event), sql.Literal(body.as_string(None)))
