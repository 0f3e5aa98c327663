-- purpose: keep the advice of a day; what of the areas looked at is not given any more is gone since then
-- minimum version: 14
WITH given AS (
    SELECT r.area, r.kind, r.object, r.severity, to_jsonb(r.*) AS content
    FROM jsonb_to_recordset(%(entries)s::jsonb) AS r (
        area text, kind text, object text, severity text, evidence text, gain text, cost text,
        statement text, verify text, figures jsonb
    )
),
kept AS (
    INSERT INTO perf_mgmt.advice AS a (
        target_id, area, kind, object_name, first_given, last_given, severity, content
    )
    SELECT %(target_id)s::integer, g.area, g.kind, g.object, %(day)s::date, %(day)s::date, g.severity, g.content
    FROM given AS g
    ON CONFLICT (target_id, area, kind, object_name) DO UPDATE
        SET last_given = excluded.last_given, severity = excluded.severity, content = excluded.content,
            gone_since = NULL, outcome = NULL, measured = NULL,
            first_given = CASE WHEN a.gone_since IS NULL THEN a.first_given ELSE excluded.first_given END
    RETURNING 1
)
UPDATE perf_mgmt.advice AS a SET gone_since = %(day)s::date
WHERE a.target_id = %(target_id)s::integer AND a.gone_since IS NULL AND a.area = ANY (%(areas)s::text [])
    AND NOT EXISTS (
        SELECT FROM given AS g
        WHERE g.area = a.area AND g.kind = a.kind AND g.object = a.object_name
    )
RETURNING a.area, a.kind, a.object_name
