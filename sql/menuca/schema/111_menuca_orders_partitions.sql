-- purpose: the 16 partitions of menuca.orders, remainders 0 to 15 (M-41)
-- minimum version: 14
DO $$
BEGIN
    FOR remainder IN 0..15 LOOP
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS menuca.%I PARTITION OF menuca.orders '
            'FOR VALUES WITH (MODULUS 16, REMAINDER %s)',
            'orders_partition_' || remainder,
            remainder
        );
    END LOOP;
END
$$;
