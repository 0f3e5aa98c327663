-- purpose: from now on read a day of a table of a target from this file
-- minimum version: 14
INSERT INTO ledger.archive (
    path, target_id, table_name, day, row_count, checksum, bytes, first_ts, last_ts
) VALUES (
    %(path)s, %(target_id)s, %(table)s, %(day)s, %(row_count)s, %(checksum)s, %(bytes)s,
    %(first_ts)s, %(last_ts)s
)
ON CONFLICT (path) DO UPDATE SET superseded_at = NULL, written_at = now(), verified_at = now()
