"""Pools of connections: what is declared against what was measured, and PgBouncer's file; pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_pipeline.advice.model import Advice, Pool, Pools
from perf_pipeline.errors import ConfigurationError

Row = Mapping[str, Any]

#: A pool is told to be too large where the most busy sessions were below this share of it.
WIDE: Final = 0.25
#: Sweeps before a measured peak means anything: a day of one every five minutes.
LEAST_SWEEPS: Final = 288
#: Of max_connections what all sessions of clients may peak at before a pool is advised.
CROWDED: Final = 0.5


@dataclass(frozen=True)
class Use:
    """How many sessions a pool's clients had at work.

    Attributes
    ----------
    most : int
        At one sweep.
    p95, mean : float
    sweeps : int

    """

    most: int
    p95: float
    mean: float
    sweeps: int

    @property
    def needed(self) -> int:
        """Sessions that serve it: the most that were busy, and what a mean so large varies by.

        Sweeps see one instant in minutes. Of arrivals that do not wait for each other as many are
        busy as a Poisson count of that mean: its 99.9 % lies about 3.1 roots above.
        """
        return max(self.most, math.ceil(self.mean + 3.1 * math.sqrt(self.mean)), 1)


def use_of(pool: Pool, rows: Sequence[Row]) -> Use | None:
    """Return the use of a pool's applications together; None: none of them was ever seen.

    Peaks of several applications are added up: they may come together.
    """
    mine = [row for row in rows if row["application_name"] in pool.applications]
    if not mine:
        return None
    return Use(
        sum(row["most_busy"] for row in mine),
        sum(row["p95_busy"] or 0.0 for row in mine),
        sum(row["mean_busy"] or 0.0 for row in mine),
        mine[0]["sweeps"],
    )


def advise(
    declared: Pools | None, rows: Sequence[Row], max_connections: int | None
) -> list[Advice]:
    """Return what is to say of pools.

    Parameters
    ----------
    declared : Pools or None
    rows : sequence of Mapping
        Of `sql/store/capacity_concurrency.sql`.
    max_connections : int or None

    """
    found = []
    for pool in declared.pools if declared is not None else ():
        use = use_of(pool, rows)
        if use is not None and use.sweeps >= LEAST_SWEEPS:
            found += _fits(pool, use)
    if declared is not None and max_connections is not None:
        total = sum(pool.connections for pool in declared.pools if pool.server == "primary")
        if total > max_connections:
            found.append(
                Advice(
                    "connections", "pools_beyond_server", "max_connections", "critical",
                    f"the pools may open {total} sessions, the server takes {max_connections}",
                    "no client is refused", "fewer sessions, or a restart",
                    f"ALTER SYSTEM SET max_connections = {total + 10}; -- then restart; or lower "
                    "the pools' connections",
                    "total of <target>/capacity/connections stays below four fifths",
                    {"pools": total, "max_connections": max_connections},
                )
            )  # fmt: skip
    if declared is None and max_connections is not None and rows:
        found += _crowded(rows, max_connections)
    return found


def _fits(pool: Pool, use: Use) -> list[Advice]:
    figures = {"declared": pool.connections, "most_busy": use.most, "p95_busy": use.p95,
               "mean_busy": use.mean, "sweeps": use.sweeps}  # fmt: skip
    seen = (
        f"of {pool.connections} connections at most {use.most} were busy at once, "
        f"{use.p95:.1f} in 95 % and {use.mean:.2f} on average of {use.sweeps} sweeps"
    )
    if use.most >= pool.connections:
        return [
            Advice(
                "connections", "pool_too_small", pool.name, "warning", seen,
                f"clients wait less; they give up after {pool.timeout_ms} ms",
                "more sessions of the server, each with its memory",
                f"pools: {{name: {pool.name}, connections: {use.needed + 2}}}, then "
                "perf-pipeline advice --target ... --pgbouncer",
                "cl_waiting and maxwait of SHOW POOLS stay 0",
                figures,
            )
        ]  # fmt: skip
    if use.needed <= WIDE * pool.connections:
        return [
            Advice(
                "connections", "pool_too_large", pool.name, "info", seen,
                f"{pool.connections - use.needed} sessions of the server for others",
                "clients wait where their peak was never measured",
                f"pools: {{name: {pool.name}, connections: {use.needed}}}",
                "cl_waiting and maxwait of SHOW POOLS stay 0",
                figures,
            )
        ]  # fmt: skip
    return []


def _crowded(rows: Sequence[Row], most: int) -> list[Advice]:
    sessions = sum(row["most_sessions"] for row in rows)
    busy = sum(row["most_busy"] for row in rows)
    if sessions <= CROWDED * most or busy > 0.5 * sessions:
        return []
    return [
        Advice(
            "connections", "pool_missing", "PgBouncer", "warning",
            f"up to {sessions} sessions of {most} were open, at most {busy} of them at work",
            f"about {max(busy, 1)} sessions of the server serve the same clients",
            "transactions must not rely on a session's state (SET, advisory locks, LISTEN)",
            "perf-pipeline advice --target ... --pgbouncer > pgbouncer.ini",
            "total of <target>/capacity/connections falls",
            {"sessions": sessions, "busy": busy, "max_connections": most},
        )
    ]  # fmt: skip


#: Names that may stand unquoted in PgBouncer's file.
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:")


def pgbouncer(
    pools: Pools,
    rows: Sequence[Row],
    server: Mapping[str, str],
    *,
    listen_port: int = 6432,
    auth_file: str = "userlist.txt",
    connect_timeout_s: int = 30,
) -> str:
    """Return PgBouncer's file for the pools: declared, or measured where that is known.

    A pool is a database of PgBouncer's, so that clients choose theirs by name. A pool's size is
    what is declared; a comment beside it says what was measured. What a client waits for a session
    is one setting for all pools: the longest of them is taken, and the shorter ones belong into
    the clients' own timeouts, which comments repeat.

    Parameters
    ----------
    pools : Pools
    rows : sequence of Mapping
        Of `sql/store/capacity_concurrency.sql`; may be empty.
    server : Mapping
        host, port, dbname of the primary, and of the replica with `replica_` before each.
    listen_port : int
    auth_file : str
    connect_timeout_s : int
        How long opening a session may take.

    Raises
    ------
    ConfigurationError
        A pool goes to a replica that is not known, or a value cannot stand in the file.

    """
    lines = ["[databases]"]
    for pool in pools.pools:
        prefix = "replica_" if pool.server == "replica" else ""
        try:
            place = {name: server[f"{prefix}{name}"] for name in ("host", "port", "dbname")}
        except KeyError as error:
            raise ConfigurationError(
                f"pool {pool.name!r} goes to a {pool.server} whose {error} is not known",
                "give the replica's address, or let the pool go to the primary",
            ) from error
        use = use_of(pool, rows)
        measured = (
            "not measured: no application_name of its was seen"
            if use is None
            else f"measured in {use.sweeps} sweeps: most {use.most}, 95 % {use.p95:.1f}, "
            f"mean {use.mean:.2f} busy; {use.needed} would serve"
        )
        lines += [
            f"; {pool.name}: priority {pool.priority}, clients wait {pool.timeout_ms} ms at most; "
            + measured,
            f"{pool.name} = host={_plain(place['host'])} port={_plain(place['port'])} "
            f"dbname={_plain(place['dbname'])} pool_size={pool.connections} "
            f"min_pool_size={pool.minimum}",
        ]
    return "\n".join(
        [
            *lines,
            "",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {listen_port}",
            "auth_type = scram-sha-256",
            f"auth_file = {_plain(auth_file)}",
            "pool_mode = transaction",
            "; clients may be many, they cost 2 kB each",
            "max_client_conn = 10000",
            f"max_db_connections = {max(pool.connections for pool in pools.pools)}",
            f"query_wait_timeout = {math.ceil(max(p.timeout_ms for p in pools.pools) / 1000)}",
            f"server_connect_timeout = {connect_timeout_s}",
            f"server_idle_timeout = {min(pool.idle_s for pool in pools.pools)}",
            f"server_lifetime = {min(pool.lifetime_s for pool in pools.pools)}",
            "; a health check of each session before it is lent, when it was idle for so long",
            "server_check_query = select 1",
            "server_check_delay = 30",
            "ignore_startup_parameters = extra_float_digits",
            "",
        ]
    )


def _plain(value: str) -> str:
    if not value or set(value) - _PLAIN:
        raise ConfigurationError(
            f"{value!r} cannot stand in PgBouncer's file",
            "use an address without spaces, quotes or other special characters",
        )
    return value
