-- The epoch of a cache type: every value of the type was made under one, and counts only under that one.
-- KEYS: epoch. ARGV: a fresh epoch, '1' to begin it now. Returns the epoch.
-- One that another run of the server wrote is not trusted: a later one may be lost.
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local known = ARGV[2] ~= '1' and redis.call('GET', KEYS[1])
if known then
    local at = string.find(known, '@', 1, true)
    if at and string.sub(known, at + 1) == run then return string.sub(known, 1, at - 1) end
end
redis.call('SET', KEYS[1], ARGV[1] .. '@' .. run)
return ARGV[1]
