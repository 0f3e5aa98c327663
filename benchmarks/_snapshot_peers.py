"""What the peers ask a server at each snapshot, in our own words: the shape is what costs.

Each reads the *view* `pg_stat_statements`, which loads the file of all texts; see the peers' own
metric definitions: PoWA's `powa_statements_src`, pg_profile's `collect_pg_stat_statements_stats`,
pgwatch's metric `stat_statements`, postgres_exporter's collector `stat_statements`.
"""

from typing import LiteralString

#: The bare reads that a sweep of statements, tables and indexes cannot do without.
FLOOR: tuple[LiteralString, ...] = (
    "SELECT * FROM pg_stat_statements(false)",
    "SELECT * FROM pg_stat_user_tables",
    "SELECT * FROM pg_stat_user_indexes",
)

#: The bare reads of the other families that every sweep reads, each view once however many of our
#: families come from it. How schema changes are noticed has no view, so no part in it.
FLOOR_OTHERS: tuple[LiteralString, ...] = (
    "SELECT * FROM pg_stat_database",
    "SELECT * FROM pg_stat_activity",
    "SELECT * FROM pg_stat_user_functions",
    "SELECT * FROM pg_settings",
    "SELECT * FROM pg_stat_io",
    "SELECT * FROM pg_stat_wal",
    "SELECT * FROM pg_stat_checkpointer",
    "SELECT * FROM pg_stat_bgwriter",
    "SELECT * FROM pg_stat_archiver",
    "SELECT * FROM pg_locks",
    "SELECT * FROM pg_stat_replication",
    "SELECT * FROM pg_replication_slots",
)

_COUNTERS: LiteralString = (
    "s.calls, s.total_exec_time, s.rows, s.shared_blks_hit, s.shared_blks_read,"
    " s.shared_blks_dirtied, s.shared_blks_written, s.local_blks_hit, s.local_blks_read,"
    " s.local_blks_dirtied, s.local_blks_written, s.temp_blks_read, s.temp_blks_written,"
    " s.plans, s.total_plan_time, s.wal_records, s.wal_fpi, s.wal_bytes"
)

PEERS: dict[str, LiteralString] = {
    # every counter of every statement, with its text and the names of its user and database
    "powa": "SELECT s.userid, s.dbid, s.toplevel, s.queryid, s.query, r.rolname, d.datname, "
    + _COUNTERS
    + " FROM pg_stat_statements AS s JOIN pg_database AS d ON d.oid = s.dbid"
    " JOIN pg_roles AS r ON r.oid = s.userid WHERE d.datname <> 'powa'",
    # every counter with a hash of the text, ranked by what its report lists; texts of all
    "pg_profile": "SELECT s.userid, s.dbid, s.toplevel, s.queryid, md5(s.query) AS query_md5,"
    " s.query, row_number() OVER (ORDER BY s.total_exec_time DESC) AS by_time,"
    " row_number() OVER (ORDER BY s.calls DESC) AS by_calls,"
    " row_number() OVER (ORDER BY s.shared_blks_read DESC) AS by_reads,"
    " row_number() OVER (ORDER BY s.wal_bytes DESC) AS by_wal, " + _COUNTERS + " FROM"
    " pg_stat_statements AS s",
    # sums by queryid of all with some weight, then the first hundred by each of six columns
    "pgwatch": "WITH q AS MATERIALIZED (SELECT s.queryid, max(s.query) AS query,"
    " sum(s.calls) AS calls, sum(s.total_exec_time) AS total_exec_time, sum(s.rows) AS rows,"
    " sum(s.shared_blks_hit) AS hit, sum(s.shared_blks_read) AS read,"
    " sum(s.shared_blks_written) AS written, sum(s.temp_blks_read) AS temp_read,"
    " sum(s.temp_blks_written) AS temp_written, sum(s.wal_bytes) AS wal_bytes"
    " FROM pg_stat_statements AS s WHERE s.queryid IS NOT NULL GROUP BY s.queryid)"
    " (SELECT * FROM q ORDER BY total_exec_time DESC LIMIT 100)"
    " UNION (SELECT * FROM q ORDER BY calls DESC LIMIT 100)"
    " UNION (SELECT * FROM q ORDER BY read DESC LIMIT 100)"
    " UNION (SELECT * FROM q ORDER BY written DESC LIMIT 100)"
    " UNION (SELECT * FROM q ORDER BY temp_read DESC LIMIT 100)"
    " UNION (SELECT * FROM q ORDER BY temp_written DESC LIMIT 100)",
    # a percentile of the whole, then the hundred heaviest, with the beginning of the text
    "postgres_exporter": "SELECT pg_get_userbyid(s.userid) AS usr, d.datname, s.queryid,"
    " left(s.query, 120) AS query, s.calls, s.total_exec_time / 1000.0, s.rows,"
    " s.shared_blks_read, s.shared_blks_hit FROM pg_stat_statements AS s"
    " JOIN pg_database AS d ON d.oid = s.dbid WHERE s.total_exec_time > ("
    "SELECT percentile_cont(0.1) WITHIN GROUP (ORDER BY total_exec_time) FROM"
    " pg_stat_statements) ORDER BY s.total_exec_time DESC LIMIT 100",
}
