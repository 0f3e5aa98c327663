"""A database of known size to sweep: tables, indexes, statements; and work between two sweeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import psycopg
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.postgres.target import Target

#: Statements sent in one round trip while the database is filled.
BATCH = 500
#: Makes the mean text 310 characters long, that of the peers' fixture.
PADDING = ", ".join(
    f"a.c{number} + a.c{number} AS sum_of_column_{number}" for number in range(1, 7)
)


@dataclass(frozen=True)
class Size:
    """How large the swept database is."""

    tables: int = 500
    indexes_per_table: int = 3
    statements: int = 5_000

    def statement(self, number: int) -> sql.Composed:
        """Return the `number`-th statement: an alias of its own gives it a queryid of its own."""
        return sql.SQL(
            "SELECT " + PADDING + ", {label}.c1 FROM app.{table} AS {label}"
            " JOIN app.{table} AS a USING (id) WHERE {label}.id = 1"
        ).format(
            label=sql.Identifier(f"statement_{number}"),
            table=sql.Identifier(f"table_{number % self.tables}"),
        )


def fill(url: str, size: Size) -> None:
    """Make the tables, three indexes each, and run every statement once."""
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements; CREATE SCHEMA app")
        for number in range(size.tables):
            name = sql.Identifier("app", f"table_{number}")
            columns = sql.SQL(", ").join(sql.SQL(f"c{n} int DEFAULT 1") for n in range(1, 7))
            parts = [
                sql.SQL("CREATE TABLE {} (id int PRIMARY KEY, {})").format(name, columns),
                sql.SQL("INSERT INTO {} SELECT generate_series(1, 5)").format(name),
                *(
                    sql.SQL("CREATE INDEX ON {} ({})").format(name, sql.Identifier(f"c{n}"))
                    for n in range(1, size.indexes_per_table)
                ),
            ]
            session.execute(sql.SQL("; ").join(parts))
        session.execute("SELECT pg_stat_statements_reset()")
    work(url, size, range(size.statements))


def _batches(numbers: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(numbers), BATCH):
        yield numbers[start : start + BATCH]


def work(url: str, size: Size, numbers: range | list[int]) -> None:
    """Run these statements once, several to a round trip."""
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as session:
        for batch in _batches(list(numbers)):
            with session.pipeline():
                for number in batch:
                    session.execute(size.statement(number))
        session.execute("SELECT pg_stat_force_next_flush()")


@contextmanager
def temporary_target(server: EmbeddedServer, name: str, size: Size) -> Iterator[tuple[Target, str]]:
    """Make and fill a database of that size; give the target and its URL; drop it at the end."""
    server.ensure_database(name)
    try:
        fill(server.url(name), size)
        yield Target(name, f"{name.upper()}_URL", date(2026, 1, 1)), server.url(name)
    finally:
        server.drop_database(name)
