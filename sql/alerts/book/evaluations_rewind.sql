-- purpose: count evaluations that lie ahead of the clock, which was set back, as made now
-- minimum version: 14
UPDATE monitoring.alert_evaluations
SET evaluated_at = %(now)s
WHERE evaluated_at > %(now)s AND target = ANY (%(names)s::text[])
