-- purpose: how fast the machine was in some executions, and how large their data
-- minimum version: 14
SELECT e.execution_id, e.transactions, e.data_bytes, e.metadata -> 'reference' AS reference
FROM perf_mgmt.test_executions AS e
WHERE e.execution_id = ANY (%(executions)s::uuid [])
