-- purpose: whether a target already has a sweep at an instant (its clock may have gone back)
-- minimum version: 14
-- hot only: a clock that goes back by weeks does not meet the same microsecond
SELECT EXISTS (
    SELECT FROM ledger.sweeps WHERE target_id = %(target_id)s AND ts = %(ts)s
) AS taken
