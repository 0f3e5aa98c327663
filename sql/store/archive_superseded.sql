-- purpose: files no reader can still be asked for: superseded longer ago than the longest read
-- minimum version: 14
SELECT path FROM ledger.archive WHERE superseded_at < now() - INTERVAL '1 hour' ORDER BY path
