-- purpose: note how far an answer is; only from the state it was in, so that two who act do so once
-- minimum version: 14
UPDATE monitoring.alert_responses
SET state = %(state)s, told = coalesce(%(told)s::text, told), run_id = coalesce(%(run_id)s::text, run_id),
    value_after = coalesce(%(value_after)s::float8, value_after),
    looked_at = coalesce(looked_at, %(at)s),
    ended_at = CASE WHEN %(ended)s::boolean THEN coalesce(ended_at, %(at)s) ELSE ended_at END
WHERE response_id = %(response_id)s AND state = %(was)s
RETURNING response_id
