-- purpose: how far the deltas of one interval row can be trusted
-- minimum version: 14
CREATE TYPE ledger.quality AS ENUM
    ('exact', 'first_seen', 'reset', 'evicted_reinserted', 'gap', 'lower_bound');
