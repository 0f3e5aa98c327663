-- purpose: notes the slot that is read from now on, and that there was a gap before it
-- minimum version: 14
INSERT /* perf-pipeline */ INTO perf_pipeline_meta.invalidation_stream AS t (slot, limit_bytes)
VALUES (%(slot)s::text, %(limit_bytes)s::bigint)
ON CONFLICT (single) DO UPDATE SET
    slot = excluded.slot,
    limit_bytes = excluded.limit_bytes,
    gaps = t.gaps + (t.slot IS DISTINCT FROM excluded.slot)::integer,
    gap_at = CASE WHEN t.slot IS DISTINCT FROM excluded.slot THEN pg_catalog.clock_timestamp() ELSE t.gap_at END
