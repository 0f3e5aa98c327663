-- A value, and the epoch its entity's keys were made under; it counts only under the type's epoch.
-- KEYS: value, tag, on a single server the type's epoch. Returns {value, made under, epoch}, each or false.
-- A value counts only as a member of its tag: one whose tag was evicted can no longer be invalidated.
-- What another run of the server wrote (restarted from disk, failed over, moved slot) counts as absent:
-- it may lack the last invalidations.
local mark = redis.call('ZRANGEBYSCORE', KEYS[2], '+inf', '+inf')[1]
if not mark or not redis.call('ZSCORE', KEYS[2], KEYS[1]) then return {false, false, false} end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local function epoch_of(text)
    local at = text and string.find(text, '@', 1, true)
    return at and string.sub(text, at + 1) == run and string.sub(text, 1, at - 1)
end
local epoch = KEYS[3] and epoch_of(redis.call('GET', KEYS[3]))
return {redis.call('GET', KEYS[1]), epoch_of(mark), epoch or false}
