-- purpose: the proofs in force of a target's partitions, and those of dropped ones where asked
-- minimum version: 14
SELECT
    archive_id, parent, schema_name, name, relation, bounds, row_count, content_hash, columns, files,
    bytes, archived_at, dropped_at, restored_at,
    COALESCE(held_until > clock_timestamp(), false) AS held
FROM maintenance.partition_archive
WHERE target = %(target)s AND superseded_at IS NULL
    AND (%(dropped)s::boolean OR dropped_at IS NULL)
ORDER BY archive_id
