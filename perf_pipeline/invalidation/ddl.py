"""The trigger functions and triggers of a captured table, composed from identifiers.

One function per table, event and kind (statement, row), for all cache types together: a writer pays
for one call. A function only inserts into the log: it waits for nobody, and nothing is looked up.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from psycopg import sql

from perf_pipeline.invalidation.model import EVERY
from perf_pipeline.invalidation.rules import Rule, Table

SCHEMA: Final = "perf_pipeline_meta"
Event = Literal["insert", "update", "delete", "truncate"]
EVENTS: Final[tuple[Event, ...]] = ("insert", "update", "delete", "truncate")

_REFERENCING: Final[Mapping[Event, str]] = {
    "insert": "REFERENCING NEW TABLE AS pp_new",
    "update": "REFERENCING OLD TABLE AS pp_old NEW TABLE AS pp_new",
    "delete": "REFERENCING OLD TABLE AS pp_old",
    "truncate": "",
}
#: By the clock's minute in UTC, whatever the session's time zone; and by the minute in which the
#: transaction began, so that all of it is in one table.
_MINUTE: Final = sql.SQL("(date_part('epoch', {}())::bigint / 60) % 2 = 0")


@dataclass(frozen=True)
class Trigger:
    """One trigger of a captured table and its function.

    Attributes
    ----------
    per_row : bool
        For each row, not for each statement.
    body : str
        Of the function.

    """

    event: Event
    per_row: bool
    function: str
    body: str

    @property
    def name(self) -> str:
        """The trigger's name, the same on each table."""
        return f"perf_pipeline_capture_{'row_' if self.per_row else ''}{self.event}"

    def create_function(self) -> sql.Composed:
        """Make its function: with its owner's rights, which alone may write the log."""
        return sql.SQL(
            "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " SET search_path = pg_catalog, pg_temp AS {}"
        ).format(sql.Identifier(SCHEMA, self.function), sql.Literal(self.body))

    def create(self, schema: str, table: str) -> list[sql.Composed]:
        """Make the trigger, or make it as it should be; it fires in replication roles, too."""
        relation = sql.Identifier(schema, table)
        return [
            sql.SQL(
                "CREATE OR REPLACE TRIGGER {} AFTER {} ON {} {} FOR EACH {} EXECUTE FUNCTION {}()"
            ).format(
                sql.Identifier(self.name),
                sql.SQL(self.event.upper()),
                relation,
                sql.SQL("" if self.per_row else _REFERENCING[self.event]),
                sql.SQL("ROW" if self.per_row else "STATEMENT"),
                sql.Identifier(SCHEMA, self.function),
            ),
            sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(
                relation, sql.Identifier(self.name)
            ),
        ]


def drop_trigger(schema: str, table: str, name: str) -> sql.Composed:
    """Take a trigger away."""
    return sql.SQL("DROP TRIGGER IF EXISTS {} ON {}").format(
        sql.Identifier(name), sql.Identifier(schema, table)
    )


def drop_function(name: str) -> sql.Composed:
    """Take a trigger function away."""
    return sql.SQL("DROP FUNCTION IF EXISTS {}()").format(sql.Identifier(SCHEMA, name))


def triggers(table: Table, rules: Sequence[tuple[int, Rule]]) -> list[Trigger]:
    """Return the triggers that a table needs for its rules.

    Parameters
    ----------
    table : Table
    rules : sequence of (int, Rule)
        All rules of that table with their numbers.

    """
    # what is read from the write-ahead log needs none
    ordered = sorted((r for r in rules if r[1].per != "logical"), key=lambda pair: pair[0])
    found = []
    for per_row in (False, True):
        chosen = [(i, rule) for i, rule in ordered if (rule.per == "row") == per_row]
        for event in EVENTS[:3]:
            if chosen:
                body = _body(_selects(table, chosen, event, per_row))
                found.append(Trigger(event, per_row, _function(table.name, event, per_row), body))
    if ordered:
        numbers = [sql.Literal(i) for i, _ in ordered]
        every = sql.SQL(
            "SELECT r.rule_id, NULL::text FROM unnest(ARRAY[{}]) AS r (rule_id)"
        ).format(sql.SQL(", ").join(numbers))
        body = _text(sql.SQL("BEGIN {} RETURN NULL; END").format(_write("log", every)))
        found.append(Trigger("truncate", False, _function(table.name, "truncate", False), body))
    return found


def _function(table: str, event: str, per_row: bool) -> str:
    """Return a name that is the same after a dump and restore: of the table's name."""
    digest = hashlib.sha256(table.encode()).hexdigest()[:8]
    short = table.partition(".")[2].encode()[:24].decode(errors="ignore")
    return f"capture_{short}_{digest}_{'row_' if per_row else ''}{event}"


def _text(body: sql.Composed) -> str:
    return body.as_string(None)


def _body(selects: Sequence[sql.Composable]) -> str:
    """Return the body of a function that writes what was selected: rule and entity."""
    entries = sql.SQL(" UNION ALL ").join(selects)
    return _text(
        sql.SQL(
            "BEGIN IF coalesce(current_setting('perf_pipeline.bulk', true), '')"
            " IN ('on', 'true', 'yes', '1') THEN {} ELSE {} END IF; RETURN NULL; END"
        ).format(_write("bulk", entries), _write("log", entries))
    )


def _write(kind: Literal["log", "bulk"], entries: sql.Composable) -> sql.Composed:
    """Insert entries into one of the two tables of a log, as the minute says."""
    clock = "clock_timestamp" if kind == "log" else "now"
    values: list[sql.Composed] = []
    for i in (0, 1):
        table = sql.Identifier(SCHEMA, f"invalidation_{kind}_{i}")
        if kind == "log":
            insert = sql.SQL("INSERT INTO {} (rule_id, entity) {};").format(table, entries)
        else:
            insert = sql.SQL(
                "INSERT INTO {} (rule_id, entity) SELECT e.rule_id, coalesce(e.entity, {})"
                " FROM ({}) AS e (rule_id, entity) ON CONFLICT DO NOTHING;"
            ).format(table, sql.Literal(EVERY), entries)
        values.append(insert)
    return sql.SQL("IF {} THEN {} ELSE {} END IF;").format(
        _MINUTE.format(sql.SQL(clock)), values[0], values[1]
    )


def _selects(
    table: Table, rules: Sequence[tuple[int, Rule]], event: Event, per_row: bool
) -> list[sql.Composed]:
    of = _of_row if per_row else _of_statement
    return [part for number, rule in rules for part in of(table, number, rule, event)]


def _of_statement(table: Table, number: int, rule: Rule, event: Event) -> list[sql.Composed]:
    """Return the entries of a rule from a statement's transition tables."""
    changed = event == "update" and bool(rule.columns)
    rows: sql.Composed
    if rule.entity == EVERY:
        rows = (
            _differing(table, rule, None)
            if changed
            else sql.SQL("SELECT FROM {}").format(
                sql.Identifier("pp_old" if event == "delete" else "pp_new")
            )
        )
        return [
            sql.SQL("SELECT {}, NULL::text WHERE EXISTS ({})").format(sql.Literal(number), rows)
        ]
    column = sql.Identifier(rule.path.first)
    if changed:
        rows = sql.SQL("SELECT DISTINCT c.pp_entity FROM ({}) AS c").format(
            _differing(table, rule, rule.path.first)
        )
    elif event == "update":
        rows = sql.SQL("SELECT o.{c} FROM pp_old AS o UNION SELECT n.{c} FROM pp_new AS n").format(
            c=column
        )
    else:
        rows = sql.SQL("SELECT DISTINCT t.{} FROM {} AS t").format(
            column, sql.Identifier("pp_new" if event == "insert" else "pp_old")
        )
    return [
        sql.SQL("SELECT {}, d.e::text FROM ({}) AS d (e) WHERE d.e IS NOT NULL").format(
            sql.Literal(number), rows
        )
    ]


def _differing(table: Table, rule: Rule, entity: str | None) -> sql.Composed:
    """Return the rows of which something that matters is not the same before and after.

    With the primary key among what is compared, rows that exchanged their values are seen.
    """
    names = list(dict.fromkeys([*table.key, *rule.columns]))

    def side(alias: str, source: str) -> sql.Composed:
        parts: list[sql.Composable] = []
        if entity is not None:
            parts.append(
                sql.SQL("{}.{} AS pp_entity").format(sql.Identifier(alias), sql.Identifier(entity))
            )
        parts += [
            sql.SQL("{}.{}{}").format(
                sql.Identifier(alias),
                sql.Identifier(name),
                sql.SQL("" if table.columns[name].equal else "::text"),
            )
            for name in names
        ]
        return sql.SQL("SELECT {} FROM {} AS {}").format(
            sql.SQL(", ").join(parts), sql.Identifier(source), sql.Identifier(alias)
        )

    old, new = side("o", "pp_old"), side("n", "pp_new")
    return sql.SQL("({} EXCEPT ALL {}) UNION ALL ({} EXCEPT ALL {})").format(old, new, new, old)


def _of_row(table: Table, number: int, rule: Rule, event: Event) -> list[sql.Composed]:
    """Return the entries of a rule from one row."""
    matters: sql.Composable = sql.SQL("true")
    column = None if rule.entity == EVERY else sql.Identifier(rule.path.first)
    if event == "update" and rule.columns:
        names = list(dict.fromkeys([*rule.columns, *([] if column is None else [rule.path.first])]))
        matters = sql.SQL("({})").format(
            sql.SQL(" OR ").join(
                sql.SQL("OLD.{c}{cast} IS DISTINCT FROM NEW.{c}{cast}").format(
                    c=sql.Identifier(name),
                    cast=sql.SQL("" if table.columns[name].equal else "::text"),
                )
                for name in names
            )
        )
    if column is None:
        return [sql.SQL("SELECT {}, NULL::text WHERE {}").format(sql.Literal(number), matters)]
    found = []
    if event != "delete":
        found.append(
            sql.SQL("SELECT {}, NEW.{c}::text WHERE NEW.{c} IS NOT NULL AND {}").format(
                sql.Literal(number), matters, c=column
            )
        )
    if event != "insert":
        moved = sql.SQL(" AND OLD.{c} IS DISTINCT FROM NEW.{c}").format(c=column)
        found.append(
            sql.SQL("SELECT {}, OLD.{c}::text WHERE OLD.{c} IS NOT NULL{}").format(
                sql.Literal(number), moved if event == "update" else sql.SQL(""), c=column
            )
        )
    return found
