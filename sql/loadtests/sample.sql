-- purpose: values of some rows of a table, at random, in the order of one of its columns; what has a NULL among them is left out
-- minimum version: 14
-- grant: SELECT on the table
SELECT s.drawn
FROM (
    SELECT ARRAY[{drawn}]::pg_catalog.text[] AS drawn, {ordered} AS ordered
    FROM {relation} AS t TABLESAMPLE SYSTEM (%(percent)s)
    WHERE pg_catalog.num_nulls({drawn}) = 0
    ORDER BY pg_catalog.random()
    LIMIT %(most)s
) AS s
ORDER BY s.ordered
