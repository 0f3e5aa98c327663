-- purpose: blocks found in and read into shared buffers in a span
-- minimum version: 14
-- hot only: the hour before the newest sweep; where that is long ago, the check fails for its age
SELECT COALESCE(sum(blks_hit), 0)::bigint AS blks_hit, COALESCE(sum(blks_read), 0)::bigint AS blks_read
FROM ledger.database
WHERE target_id = %(target_id)s AND ts > %(start)s AND ts <= %(finish)s
