"""Sessions that wait for each other, for tests."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from perf_pipeline.postgres import connect as pg
from perf_pipeline.snapshots import collect

SECRET = "s3cret-of-a-customer"


def swept(url: str) -> collect.Sweep:
    with pg.session(url) as connection:
        return collect.sweep(connection)


@contextmanager
def client(url: str, name: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, application_name=name) as connection:
        yield connection
        connection.rollback()


@contextmanager
def waiting(admin: psycopg.Connection, *waits: tuple[psycopg.Connection, str]) -> Iterator[None]:
    """Have sessions run statements that wait for locks, one after the other."""
    with ThreadPoolExecutor(len(waits)) as pool:
        try:
            for connection, statement in waits:
                pool.submit(connection.execute, statement)  # type: ignore[arg-type]
                until(
                    admin,
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid ="
                    f" {connection.info.backend_pid} AND waitstart IS NOT NULL)",
                )
            yield
        finally:
            for connection, _ in waits:
                admin.execute("SELECT pg_cancel_backend(%s)", [connection.info.backend_pid])


def until(admin: psycopg.Connection, condition: str) -> None:
    end = time.monotonic() + 30  # a hang's bound: a standby that starts waits for its turn
    while time.monotonic() < end:
        row = admin.execute(condition).fetchone()  # type: ignore[call-overload]
        if row and row[0]:
            return
        time.sleep(0.01)
    raise AssertionError(f"never true: {condition}")
