-- purpose: a fingerprint of the catalogs that changes with every change of a user object; the objects are read only then
-- minimum version: 14
-- cadence: every sweep
SELECT /* perf-pipeline */ pg_catalog.concat_ws(
    ' ',
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(c.oid::pg_catalog.int8, c.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_class AS c WHERE c.oid >= 16384 AND c.relpersistence <> 't'
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended((a.attrelid::pg_catalog.int8 << 16) + a.attnum, a.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_attribute AS a WHERE a.attrelid >= 16384 AND a.attnum > 0
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(i.indexrelid::pg_catalog.int8, i.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_index AS i WHERE i.indexrelid >= 16384
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(d.oid::pg_catalog.int8, d.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_attrdef AS d WHERE d.oid >= 16384
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(p.oid::pg_catalog.int8, p.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_proc AS p WHERE p.oid >= 16384
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(r.oid::pg_catalog.int8, r.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_rewrite AS r WHERE r.oid >= 16384
    ),
    (
        SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.bit_xor(pg_catalog.hashint8extended(n.oid::pg_catalog.int8, n.xmin::pg_catalog.text::pg_catalog.int8)))
        FROM pg_catalog.pg_namespace AS n WHERE n.oid >= 16384 AND n.nspname NOT LIKE 'pg\_%'
    )
) AS fingerprint
