-- purpose: the only extension used; counters of every statement
-- minimum version: 14
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
