-- purpose: the tables that grew most over some days: pages before and at the end, rows at the end
-- minimum version: 14
WITH sizes AS (
    SELECT
        d.relid,
        (array_agg(d.schema_name || '.' || d.table_name ORDER BY d.day DESC))[1] AS name,
        -- a day on which a table did not change has no row: its size is that of an earlier day
        coalesce(
            (array_agg(d.relpages ORDER BY d.day DESC) FILTER (WHERE d.day < %(first)s::date))[1],
            (array_agg(d.relpages ORDER BY d.day) FILTER (WHERE d.day >= %(first)s::date))[1]
        ) AS first_pages,
        (array_agg(d.relpages ORDER BY d.day DESC))[1] AS last_pages,
        (array_agg(d.n_live_tup ORDER BY d.day DESC))[1] AS rows
    FROM ledger.tables_daily AS d
    WHERE d.target_id = %(target_id)s AND d.day BETWEEN %(earliest)s::date AND %(last)s::date
        AND d.source::text = ANY (%(sources)s::text [])
    GROUP BY d.relid
)
SELECT sizes.name, sizes.first_pages, sizes.last_pages, sizes.rows
FROM sizes
WHERE sizes.last_pages <> sizes.first_pages
ORDER BY abs(sizes.last_pages - sizes.first_pages) DESC, sizes.name, sizes.relid
LIMIT 15
