-- purpose: which target holds a server's instance-wide families, or held them before its restart, and whether it has gone quiet
-- minimum version: 14
SELECT
    s.holder_id,
    s.swept_at <= pg_catalog.clock_timestamp() - %(quiet)s::interval AS is_quiet,
    s.postmaster_start = %(postmaster_start)s AS is_running
FROM ledger.servers AS s
WHERE s.system_identifier = %(system_identifier)s AND s.address = %(address)s AND s.port = %(port)s
ORDER BY is_running DESC, s.swept_at DESC
LIMIT 1
