-- purpose: how often the detector was wrong on a target's own history, and which injected rises it found, by the calibrations of some weeks
-- minimum version: 14
SELECT c.week, c.as_of, c.kind, c.factor, c.trials, c.rate, c.rate_low, c.rate_high
FROM perf_mgmt.calibration AS c
WHERE c.target_id = %(target_id)s AND c.week BETWEEN %(first)s::date - 6 AND %(last)s::date
    AND c.as_of BETWEEN %(first)s::date AND %(last)s::date AND c.calls_class = 'all'
ORDER BY c.week, c.kind DESC, c.factor
