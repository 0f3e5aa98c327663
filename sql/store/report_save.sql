-- purpose: keep the report of a day; an unchanged one is not written again
-- minimum version: 14
INSERT INTO perf_mgmt.reports AS r (target_id, day, kind, html, markdown, content_hash)
VALUES (%(target_id)s, %(day)s, %(kind)s, %(html)s, %(markdown)s, %(content_hash)s)
ON CONFLICT (target_id, day, kind) DO UPDATE
SET html = excluded.html, markdown = excluded.markdown, content_hash = excluded.content_hash
WHERE (r.html, r.markdown) IS DISTINCT FROM (excluded.html, excluded.markdown)
