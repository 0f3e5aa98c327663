"""Repositories of other programs, made as those programs lay them out, filled with known work."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from perf_pipeline.postgres import copy
from perf_pipeline_tests.imports.support import DBID, Work, export

FOLDER = Path(__file__).parent / "layouts"


def lay_out(url: str, layout: str, schema: str) -> None:
    """Create the tables of a layout in a schema."""
    with psycopg.connect(url) as connection:
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        connection.execute(sql.SQL("SET search_path = {}").format(name))
        connection.execute((FOLDER / f"{layout}.sql").read_text("utf-8"))  # type: ignore[call-overload]


def fields(connection: psycopg.Connection, schema: str, relation: str) -> list[str]:
    rows = connection.execute(
        "SELECT a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid"
        " WHERE c.relnamespace = %s::regnamespace AND c.relname = %s AND a.attnum > 0"
        " ORDER BY a.attnum",
        (schema, relation),
    )
    return [name for (name,) in rows.fetchall()]


def fill_powa(
    url: str,
    schema: str,
    frames: dict[int, pl.DataFrame],
    *,
    generation: int = 10,
    version: str | None = "15.4",
) -> None:
    """Fill a PoWA repository with snapshots of servers (by number), as `export` makes them.

    Every `generation` snapshots are packed, statement by statement; the last ones are not yet.
    """
    every = pl.concat(frame.with_columns(srvid=pl.lit(srvid)) for srvid, frame in frames.items())
    instants = every["ts"].unique().sort()
    packed = instants[(len(instants) // generation) * generation - 1]
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        record = fields(connection, schema, "powa_statements_history_record")
        told = set(every.columns)
        composed = sql.SQL(", ").join(
            sql.Identifier(name) if name in told else sql.SQL("0") for name in record
        )
        with_toplevel = "toplevel" in fields(connection, schema, "powa_statements_history")
        toplevel = sql.SQL(", toplevel") if with_toplevel else sql.SQL("")
        kinds = {
            "ts": "timestamptz",
            "query": "text",
            "toplevel": "boolean",
            **{name: "double precision" for name in every.columns if "time" in name},
        }
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(
                sql.Identifier(name),
                sql.SQL(kinds.get(name, "bigint")),  # type: ignore[arg-type]
            )
            for name in every.columns
        )
        connection.execute(sql.SQL("CREATE TABLE seen ({})").format(columns))
        copy.write_frame(
            connection,
            (schema, "seen"),
            every.with_columns(pl.col("ts").dt.replace_time_zone(None)),
        )
        parts: dict[str, Any] = {
            "record": sql.SQL("ROW({})::powa_statements_history_record").format(composed),
            "toplevel": toplevel,
            "last": packed,
            "generation": sql.SQL("div((SELECT count(DISTINCT o.ts) FROM seen AS o"
                                  " WHERE o.ts < s.ts)::int, {})").format(generation),
        }  # fmt: skip
        for text in (
            "INSERT INTO powa_statements_history_current (srvid, queryid, dbid, userid{toplevel},"
            " record) SELECT srvid, queryid, dbid, userid{toplevel}, {record} FROM seen"
            " WHERE ts > {last}",
            "INSERT INTO powa_statements_history (srvid, queryid, dbid, userid{toplevel},"
            " coalesce_range, records) SELECT srvid, queryid, dbid, userid{toplevel},"
            " tstzrange(min(ts), max(ts), '[]'), array_agg({record}) FROM seen AS s"
            " WHERE ts <= {last} GROUP BY srvid, queryid, dbid, userid{toplevel}, {generation}",
            "INSERT INTO powa_statements_history_current_db (srvid, dbid, record)"
            " SELECT DISTINCT ON (srvid, dbid, ts) srvid, dbid, {record} FROM seen"
            " WHERE ts > {last}",
            "INSERT INTO powa_statements_history_db (srvid, dbid, coalesce_range, records)"
            " SELECT srvid, dbid, tstzrange(min(ts), max(ts), '[]'), array_agg({record})"
            " FROM seen AS s WHERE ts <= {last} GROUP BY srvid, dbid, {generation}",
            "INSERT INTO powa_statements (srvid, queryid, dbid, userid, query)"
            " SELECT DISTINCT ON (srvid, queryid, dbid, userid) srvid, queryid, dbid, userid, query"
            " FROM seen",
            "INSERT INTO powa_databases (srvid, oid, datname)"
            " SELECT DISTINCT srvid, dbid, 'db' || dbid FROM seen",
            "DROP TABLE seen",
        ):
            connection.execute(sql.SQL(text).format(**parts))  # type: ignore[arg-type]
        for srvid in frames:
            connection.execute(
                "INSERT INTO powa_servers (id, hostname, alias, port, version)"
                " VALUES (%s, %s, %s, 5432, %s)",
                (srvid, f"host{srvid}", "<local>" if srvid == 0 else None, version),
            )


def fill_profile(
    url: str,
    schema: str,
    instants: Sequence[datetime],
    did: Work,
    *,
    kept: int = 100,
    since: datetime | None = None,
    without: Sequence[int] = (),
) -> None:
    """Fill a pg_profile repository: a sample per instant, with what ran since the one before.

    Only the `kept` busiest statements of a sample are in it; `without` are numbers (from 1) of
    samples taken without statements.
    """
    ids = export(instants[:1], did).select("queryid", "query").rows()
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        columns = fields(connection, schema, "sample_statements")
        connection.execute("INSERT INTO servers (server_id, server_name) VALUES (1, 'local')")
        for name, value in (
            ("server_version_num", "150004" if "stats_since" not in columns else "170002"),
            ("system_identifier", "77"),
            ("pg_postmaster_start_time", "2026-03-01 10:00:00.5+00"),
        ):
            connection.execute(
                "INSERT INTO sample_settings (server_id, first_seen, setting_scope, name, setting,"
                " reset_val) VALUES (1, %s, 1, %s, %s, %s)",
                (instants[0], name, value, value),
            )
        for queryid, query in ids:
            connection.execute(
                "INSERT INTO stmt_list (server_id, queryid_md5, query) VALUES (1, %s, %s)",
                (f"{queryid:032x}"[-32:], query),
            )
        squares = "sum_exec_time_sq" if "sum_exec_time_sq" in columns else "stddev_exec_time"
        for number, ts in enumerate(instants, 1):
            connection.execute("INSERT INTO samples VALUES (1, %s, %s)", (number, ts))
            connection.execute(
                "INSERT INTO sample_stat_database (server_id, sample_id, datid, datname)"
                " VALUES (1, %s, %s, 'shop')",
                (number, DBID),
            )
            if number in without:
                continue
            work = max(number - 2, 0)
            calls, total = did.calls[work], did.total_ms[work]
            connection.execute(
                "INSERT INTO sample_statements_total (server_id, sample_id, datid, statements,"
                " calls, total_exec_time) VALUES (1, %s, %s, %s, %s, %s)",
                (number, DBID, len(ids), int(calls.sum()), float(total.sum())),
            )
            busiest = sorted(range(len(ids)), key=lambda i: -total[i])[:kept]
            for i in busiest:
                values: dict[str, Any] = {
                    "server_id": 1,
                    "sample_id": number,
                    "userid": 10,
                    "datid": DBID,
                    "queryid": ids[i][0],
                    "queryid_md5": f"{ids[i][0]:032x}"[-32:],
                    "toplevel": True,
                    "calls": int(calls[i]),
                    "total_exec_time": float(total[i]),
                    squares: float(total[i] ** 2 / calls[i]) if squares[1] == "u" else 0.0,
                    "rows": 1,
                    **({"stats_since": since} if "stats_since" in columns else {}),
                }
                connection.execute(
                    sql.SQL("INSERT INTO sample_statements ({}) VALUES ({})").format(
                        sql.SQL(", ").join(map(sql.Identifier, values)),
                        sql.SQL(", ").join(sql.Placeholder() * len(values)),
                    ),
                    list(values.values()),
                )
