-- purpose: constraint of ret.transactions: a key with the tenant, for lines that name a transaction
-- minimum version: 14
DO $$
BEGIN
    ALTER TABLE ret.transactions ADD CONSTRAINT transactions_business_id_id_key UNIQUE (business_id, id);
EXCEPTION
    WHEN duplicate_table OR duplicate_object THEN NULL;  -- ADD CONSTRAINT knows no IF NOT EXISTS
END
$$;
