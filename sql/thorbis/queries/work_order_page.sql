-- purpose: 25 work orders of the tenant, newest first, after the last one of the page before (T-19)
-- minimum version: 14
-- parameters: business_id, before_created_at ('infinity' for the first page), before_id
SELECT id, title, status, total_amount, created_at
FROM hs.work_orders
WHERE business_id = %(business_id)s
  AND (created_at, id) < (%(before_created_at)s::timestamptz, %(before_id)s::bigint)
ORDER BY created_at DESC, id DESC
LIMIT 25
