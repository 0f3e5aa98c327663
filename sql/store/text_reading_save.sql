-- purpose: remember that texts are being read on a target, or how that went
-- minimum version: 14
INSERT INTO ledger.text_reads (target_id, begun_at, finished, failures, milliseconds)
VALUES (%(target_id)s, %(begun_at)s, %(finished)s, %(failures)s, %(milliseconds)s)
ON CONFLICT (target_id) DO UPDATE SET
    begun_at = excluded.begun_at, finished = excluded.finished,
    failures = excluded.failures, milliseconds = excluded.milliseconds
