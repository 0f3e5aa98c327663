-- purpose: the tenant's restaurants day by day, as of the last refresh (M-12)
-- minimum version: 14
-- parameters: tenant_id
SELECT restaurant_id, order_date, order_count, total_revenue, total_commission, average_order
FROM menuca.restaurant_analytics
WHERE tenant_id = %(tenant_id)s
ORDER BY restaurant_id, order_date
