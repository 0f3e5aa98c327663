-- purpose: targets that are not declared here and that nobody evaluated for so long while those declared here were, with incidents that are open
-- minimum version: 14
-- compared with our own last look, not with the clock: after everything stood still nobody is the later one
SELECT DISTINCT e.target
FROM monitoring.alert_evaluations AS e
JOIN monitoring.incidents AS i ON i.target = e.target AND i.status <> 'resolved'
WHERE e.target <> ALL (%(names)s::text[])
    AND e.evaluated_at < (
        SELECT max(o.evaluated_at) FROM monitoring.alert_evaluations AS o WHERE o.target = ANY (%(names)s::text[])
    ) - %(patience)s::interval
ORDER BY e.target
