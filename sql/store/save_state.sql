-- purpose: replace the counters of families
-- minimum version: 14
INSERT INTO ledger.state (target_id, family, ts, row_count, frame)
SELECT %(target_id)s, f.family, %(ts)s, f.row_count, f.frame
FROM unnest(%(families)s::text[], %(row_counts)s::integer[], %(frames)b::bytea[])
    AS f (family, row_count, frame)
ON CONFLICT (target_id, family)
DO UPDATE SET ts = excluded.ts, row_count = excluded.row_count, frame = excluded.frame
