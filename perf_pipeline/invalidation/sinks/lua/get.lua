-- A value, and the epoch its entity's keys were made under; the caller compares it with the type's.
-- KEYS: value, tag. Returns {value or false, epoch or false}.
-- A value counts only as a member of its tag: one whose tag was evicted can no longer be invalidated.
-- What another run of the server wrote (restarted from disk, failed over, moved slot) counts as absent:
-- it may lack the last invalidations.
local mark = redis.call('ZRANGEBYSCORE', KEYS[2], '+inf', '+inf')[1]
if not mark or not redis.call('ZSCORE', KEYS[2], KEYS[1]) then return {false, false} end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local at = string.find(mark, '@', 1, true)
if string.sub(mark, at + 1) ~= run then return {false, false} end
return {redis.call('GET', KEYS[1]), string.sub(mark, 1, at - 1)}
