-- purpose: make a day due again that got imported sweeps, and later imported days whose window it is in
-- minimum version: 14
-- hot only: later days that are archived keep the baselines they were judged by
DELETE FROM perf_mgmt.day_progress AS p
WHERE p.target_id = %(target_id)s
    AND p.day >= %(day)s::date AND p.day < %(day)s::date + %(window_days)s::integer
    AND (p.day = %(day)s::date OR EXISTS (
        SELECT FROM ledger.sweeps AS w
        WHERE w.target_id = %(target_id)s AND w.source = 'imported'
            AND w.ts >= p.day::timestamptz AND w.ts < (p.day + 1)::timestamptz
    ))
