-- purpose: add to a sweep's notes what became known after it was committed
-- minimum version: 14
UPDATE ledger.sweeps SET notes = pg_catalog.concat_ws(E'\n', nullif(notes, ''), %(note)s::text)
WHERE target_id = %(target_id)s AND ts = %(ts)s
