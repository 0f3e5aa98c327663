-- purpose: keep the proof that a partition lies in the archive
-- minimum version: 14
INSERT INTO maintenance.partition_archive (
    target, parent, schema_name, name, relation, bounds, row_count, content_hash, columns, files, bytes,
    server_clock
) VALUES (
    %(target)s, %(parent)s, %(schema_name)s, %(name)s, %(relation)s, %(bounds)s, %(row_count)s,
    %(content_hash)s, %(columns)s::jsonb, %(files)s::jsonb, %(bytes)s, %(server_clock)s
)
RETURNING archive_id
