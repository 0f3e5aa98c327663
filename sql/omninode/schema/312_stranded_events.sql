-- purpose: view omninode.stranded_events: events that wait for more than an hour (O-17)
-- minimum version: 14
CREATE OR REPLACE VIEW omninode.stranded_events AS
SELECT id, source, action, retry_count, claimed_by, claimed_until, created_at
FROM omninode.hook_events
WHERE NOT processed AND retry_count < 10 AND created_at < now() - interval '1 hour';
COMMENT ON VIEW omninode.stranded_events IS 'One row per event that waits for more than an hour.';
