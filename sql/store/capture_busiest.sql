-- purpose: the hour of a span in which a database's statements were called most; no row: none was
-- minimum version: 14
SELECT h.hour, sum(h.calls)::bigint AS calls
FROM ledger.statements_hourly AS h
WHERE h.target_id = %(target_id)s AND h.dbid = %(dbid)s AND h.hour >= %(start)s AND h.hour < %(finish)s
    AND h.toplevel AND h.source <> 'generated'
GROUP BY h.hour
ORDER BY calls DESC, h.hour DESC
LIMIT 1
