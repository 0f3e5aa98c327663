-- purpose: what follows reads every hour the store has; more than a statement of ours may usually take
-- minimum version: 14
SET LOCAL statement_timeout = 0;
