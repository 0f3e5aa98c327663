"""Waiting until what sessions did is in a server's statistics, which they tell with a delay."""

import time

import psycopg

#: A bound for a hang, s.
_DEADLINE_S = 60.0


def _until(session: psycopg.Connection, query: str, *values: object) -> None:
    end = time.monotonic() + _DEADLINE_S
    while session.execute(query, values).fetchone() != (True,):  # type: ignore[call-overload]
        assert time.monotonic() < end, query
        time.sleep(0.01)
        session.execute("SELECT pg_stat_clear_snapshot()")


def until_ended(session: psycopg.Connection, pid: int) -> None:
    """Wait until a closed session's process has ended: it tells what it did while it does."""
    _until(session, "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = %s", pid)


def until_ours_ended(session: psycopg.Connection) -> None:
    """Wait until no session of this project is left on this session's database."""
    _until(
        session,
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'perf-pipeline%%' AND pid <> %s",
        session.info.backend_pid,
    )
    until_collected(session)


def until_collected(session: psycopg.Connection) -> None:
    """Wait until a server before 15 shows all that sessions told it before.

    There counters go through a process of their own, which takes them one after the other, and
    writes down what it has twice a second. So one that nobody looks at is reset: once that shows,
    all shows that was told before. Needs a superuser.
    """
    if session.info.server_version >= 150_000:
        return
    now = session.execute("SELECT clock_timestamp()").fetchone()
    assert now is not None
    session.execute("SELECT pg_stat_reset_slru('Notify')")
    _until(session, "SELECT stats_reset > %s FROM pg_stat_slru WHERE name = 'Notify'", now[0])
