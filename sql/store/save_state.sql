-- purpose: replace the counters of one family
-- minimum version: 14
INSERT INTO ledger.state (target_id, family, ts, row_count, frame)
VALUES (%(target_id)s, %(family)s, %(ts)s, %(row_count)s, %(frame)b)
ON CONFLICT (target_id, family)
DO UPDATE SET ts = excluded.ts, row_count = excluded.row_count, frame = excluded.frame
