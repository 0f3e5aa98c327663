-- purpose: where a sweep came from; a baseline never mixes generated with real history
-- minimum version: 14
CREATE TYPE ledger.source AS ENUM ('collected', 'imported', 'generated');
