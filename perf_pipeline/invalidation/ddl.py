"""The trigger functions and triggers of a captured table, composed from identifiers.

One function per table, event and kind (statement, row), for all cache types together: a writer pays
for one call. A function only inserts into the log: it waits for nobody, and nothing is looked up.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, LiteralString

from psycopg import sql

from perf_pipeline.invalidation.model import EVERY
from perf_pipeline.invalidation.rules import Rule, Table

SCHEMA: Final = "perf_pipeline_meta"
Event = Literal["insert", "update", "delete", "truncate"]
EVENTS: Final[tuple[Event, ...]] = ("insert", "update", "delete", "truncate")

#: Types whose values sort by a language's rules.
COLLATED: Final = frozenset({"text", "character varying", "character"})

_REFERENCING: Final[Mapping[Event, LiteralString]] = {
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
    new_only : bool
        Of a statement's rows only what they became is looked at; what they were, by `moved`.
    moved : tuple of str
        For each row of which one of these columns changed: the entities that it left.

    """

    event: Event
    per_row: bool
    function: str
    body: str
    new_only: bool = False
    moved: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The trigger's name, the same on each table."""
        if self.moved:
            return "perf_pipeline_capture_moved"
        return f"perf_pipeline_capture_{'row_' if self.per_row else ''}{self.event}"

    @property
    def shape(self) -> str:
        """What else makes it this trigger; its argument, so that the catalog tells of it."""
        if self.moved:
            return hashlib.sha256("\n".join(self.moved).encode()).hexdigest()[:8]
        return "new" if self.new_only else ""

    def create_function(self) -> list[sql.Composed]:
        """Make its function: with its owner's rights, which alone may write the log.

        Nobody else may put it on a table of his own: its casts would run there with those rights.
        A trigger that is there needs no grant to fire.
        """
        name = sql.Identifier(SCHEMA, self.function)
        return [
            sql.SQL(
                "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
                " SET search_path = pg_catalog, pg_temp AS {}"
            ).format(name, sql.Literal(self.body)),
            sql.SQL("REVOKE ALL ON FUNCTION {}() FROM PUBLIC").format(name),
        ]

    def create(self, schema: str, table: str) -> list[sql.Composed]:
        """Make the trigger, or make it as it should be; it fires in replication roles, too."""
        relation = sql.Identifier(schema, table)
        return [
            sql.SQL(
                "CREATE OR REPLACE TRIGGER {} AFTER {} ON {} {} FOR EACH {} {}"
                " EXECUTE FUNCTION {}({})"
            ).format(
                sql.Identifier(self.name),
                sql.SQL(self.event.upper()),
                relation,
                sql.SQL(self._referencing),
                sql.SQL("ROW" if self.per_row else "STATEMENT"),
                self._when,
                sql.Identifier(SCHEMA, self.function),
                sql.Literal(self.shape) if self.shape else sql.SQL(""),
            ),
            sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(
                relation, sql.Identifier(self.name)
            ),
        ]

    @property
    def _referencing(self) -> LiteralString:
        if self.per_row:
            return ""
        return _REFERENCING["insert" if self.new_only else self.event]

    @property
    def _when(self) -> sql.Composable:
        if not self.moved:
            return sql.SQL("")
        changed = [
            sql.SQL("OLD.{c} IS DISTINCT FROM NEW.{c}").format(c=sql.Identifier(name))
            for name in self.moved
        ]
        return sql.SQL("WHEN ({})").format(sql.SQL(" OR ").join(changed))


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
        if chosen and not per_row and table.alone and not any(r.columns for _, r in chosen):
            found += _apart(table, chosen)
            continue
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


def _apart(table: Table, rules: Sequence[tuple[int, Rule]]) -> list[Trigger]:
    """Return the triggers of a table that looks only at the new rows of an UPDATE.

    Rows rarely move from one entity to another. To keep all old rows for those that do is nearly
    half of what capturing a large UPDATE costs; a condition on each row costs a tenth of that.
    The function of UPDATE has a name of its own: a trigger never calls one that wants other rows.
    """
    found = []
    for event in EVENTS[:3]:
        seen_as: Event = "insert" if event == "update" else event
        body = _body(_selects(table, rules, seen_as, per_row=False))
        new_only = event == "update"
        name = _function(table.name, "update_new" if new_only else event, False)
        found.append(Trigger(event, False, name, body, new_only=new_only))
    named = [(number, rule) for number, rule in rules if rule.entity != EVERY]
    columns = tuple(sorted({rule.path.first for _, rule in named}))
    if columns:
        left = [part for number, rule in named for part in _left(number, rule)]
        name = _function(table.name, "moved", False)
        found.append(Trigger("update", True, name, _body(left), moved=columns))
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
    name = rule.path.first
    # a language's order would cost more than all the rest
    collate = sql.SQL(' COLLATE "C"' if table.columns[name].type in COLLATED else "")
    column = sql.SQL("{}{}").format(sql.Identifier(name), collate)
    if changed:
        rows = sql.SQL("SELECT DISTINCT c.pp_entity{} FROM ({}) AS c").format(
            collate, _differing(table, rule, name)
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
    if event == "update":
        found += _left(number, rule)
    if event == "delete":
        found.append(
            sql.SQL("SELECT {}, OLD.{c}::text WHERE OLD.{c} IS NOT NULL").format(
                sql.Literal(number), c=column
            )
        )
    return found


def _left(number: int, rule: Rule) -> list[sql.Composed]:
    """Return the entry of the entity that a row has left."""
    return [
        sql.SQL(
            "SELECT {}, OLD.{c}::text"
            " WHERE OLD.{c} IS NOT NULL AND OLD.{c} IS DISTINCT FROM NEW.{c}"
        ).format(sql.Literal(number), c=sql.Identifier(rule.path.first))
    ]
