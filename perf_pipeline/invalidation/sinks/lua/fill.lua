-- Store a value under its lease. An invalidation since then has taken the lease away: the value was
-- computed from data before the change, and is refused.
-- KEYS: value, tag, lease. ARGV: epoch, token, value, milliseconds it lives. Returns 1 stored, 0 refused.
if redis.call('GET', KEYS[3]) ~= ARGV[2] then return 0 end
local mark = ARGV[1] .. '@' .. string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('ZRANGEBYSCORE', KEYS[2], '+inf', '+inf')[1] ~= mark then return 0 end
if not redis.call('ZSCORE', KEYS[2], KEYS[1]) then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], now + ARGV[4], KEYS[1])
redis.call('UNLINK', KEYS[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
return 1
