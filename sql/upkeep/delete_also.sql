-- purpose: deletes the rows of another table that go with rows just deleted
-- minimum version: 14
-- cadence: each batch
-- scope: database
DELETE /* perf-pipeline */ FROM {table} AS a USING ROWS FROM ({arrays}) AS k ({names}) WHERE {matches}
