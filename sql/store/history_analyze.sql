-- purpose: let the planner know the size of generated history: nothing else will until autovacuum comes
-- minimum version: 14
ANALYZE ledger.sweeps, ledger.statements, ledger.tables, ledger.indexes
