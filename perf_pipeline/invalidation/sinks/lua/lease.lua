-- Take the lease of a missing value: who holds it may store what he computes.
-- KEYS: value, tag, lease. ARGV: epoch, token, milliseconds of the lease.
-- Returns {'taken'}, {'value', value} where somebody stored one meanwhile, or {'held', milliseconds left}.
local mark = ARGV[1] .. '@' .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '+inf', '+inf')[1]
if found and found ~= mark then redis.call('UNLINK', KEYS[2]) end -- its values are no members any more
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. now)
if redis.call('ZSCORE', KEYS[2], KEYS[1]) then
    local value = redis.call('GET', KEYS[1])
    if value then return {'value', value} end
    local left = redis.call('PTTL', KEYS[3])
    if left > 0 then return {'held', left} end
end
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[2], '+inf', mark, now + ARGV[3], KEYS[1])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return {'taken'}
