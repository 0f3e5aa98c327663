-- purpose: record one sweep
-- minimum version: 14
INSERT INTO ledger.sweeps (
    target_id, ts, previous_ts, source, quality, server_version_num, system_identifier, timeline,
    postmaster_start, in_recovery, database_stats_reset, statements_stats_reset, statements_dealloc,
    connect_ms, database_ms, duration_ms, temp_bytes, rows_read, rows_written, notes,
    active_ms, explained_ms, explained_calls, transactions, open_ms,
    collector, server_target_id, connections, expected_seconds
) VALUES (
    %(target_id)s, %(ts)s, %(previous_ts)s, 'collected', %(quality)s, %(server_version_num)s,
    %(system_identifier)s, %(timeline)s, %(postmaster_start)s, %(in_recovery)s,
    %(database_stats_reset)s, %(statements_stats_reset)s, %(statements_dealloc)s,
    %(connect_ms)s, %(database_ms)s, %(duration_ms)s, %(temp_bytes)s, %(rows_read)s,
    %(rows_written)s, %(notes)s,
    %(active_ms)s, %(explained_ms)s, %(explained_calls)s, %(transactions)s, %(open_ms)s,
    %(collector)s, %(server_target_id)s, %(connections)s, %(expected_seconds)s
)
