"""Rows for any table of the ledger, made from its catalog entry: a new table needs no line here."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg
from psycopg import sql

from perf_pipeline.store import Store, partitions, targets

_COLUMNS = """
SELECT a.attname, t.typname, t.typtype, t.typcategory, a.attnotnull,
    (SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder LIMIT 1),
    (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint AS c
        WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND a.attnum = ANY (c.conkey) LIMIT 1)
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""


def fill(
    store: Store,
    target: str,
    day: date,
    rows: int = 5,
    tables: Sequence[str] = partitions.DAILY,
    seed: int = 0,
) -> int:
    """Write rows of a day to each table and return the target's number."""
    target_id = targets.register(store, target)
    with store.begin() as connection:
        for table in tables:
            partitions.ensure(connection, day, table=("ledger", table))
            _fill(connection, table, target_id, day, rows, seed)
    return target_id


def _fill(
    connection: psycopg.Connection, table: str, target_id: int, day: date, rows: int, seed: int
) -> None:
    columns = connection.execute(_COLUMNS, (f"ledger.{table}",)).fetchall()
    start = datetime.combine(day, time(), UTC)
    values = []
    for number in range(rows):
        ts = start + timedelta(minutes=5 * number, microseconds=seed)
        fixed = {"target_id": target_id, "ts": ts}
        values.append(
            [
                fixed.get(name, _value(kind, number + place + seed, ts))
                for place, (name, *kind) in enumerate(columns)
            ]
        )
    statement = sql.SQL("INSERT INTO {} VALUES ({})").format(
        sql.Identifier("ledger", table), sql.SQL(", ").join(sql.Placeholder() * len(columns))
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def _value(kind: list[Any], number: int, ts: datetime) -> object:
    name, typtype, category, notnull, label, check = kind
    if not notnull and number % 3 == 0:
        return None
    if check:  # the first value it allows
        found = re.search(r"'([^']+)'", check)
        return found[1] if found else number
    if typtype == "e":
        return label
    made: dict[str, object] = {
        "A": "{}",
        "B": number % 2 == 0,
        "D": ts,
        "N": number if name != "float8" else number / 7,
    }
    if name in {"json", "jsonb"}:
        return '{"a": 1}'
    return made.get(category, ("", "plain", 'a "b", c\n\\', "\N{SNOWMAN}")[number % 4])


def add_row(
    connection: psycopg.Connection, schema: str, table: str, day: date, fixed: dict[str, object]
) -> None:
    """Write one row of a day to a table of any schema, with these values and made-up other ones."""
    partitions.ensure(connection, day, table=(schema, table))
    columns = connection.execute(_COLUMNS, (f"{schema}.{table}",)).fetchall()
    ts = datetime.combine(day, time(), UTC)
    values = [
        fixed.get(name, _value(kind, place + 1, ts)) for place, (name, *kind) in enumerate(columns)
    ]
    statement = sql.SQL("INSERT INTO {} OVERRIDING SYSTEM VALUE VALUES ({})").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(sql.Placeholder() * len(columns))
    )
    connection.execute(statement, values)
