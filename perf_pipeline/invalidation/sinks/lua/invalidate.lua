-- Forget every key of some entities: values, and leases of values being computed.
-- KEYS: for each entity its tag, then keys known without it. ARGV: prefix of leases, names per entity.
-- Returns {number of the entity, error, ...} of those that failed; the others are done.
-- Keys of a tag share its slot: their names hold the same entity in braces.
local each = tonumber(ARGV[2])
local function forget(first)
    local names = redis.call('ZRANGEBYSCORE', KEYS[first], '-inf', '(+inf') -- all but the epoch's mark
    for i = first + 1, first + each - 1 do names[#names + 1] = KEYS[i] end
    for from = 1, #names, 1000 do
        local values, leases = {}, {}
        for i = from, math.min(from + 999, #names) do
            values[#values + 1] = names[i]
            leases[#leases + 1] = ARGV[1] .. names[i]
        end
        redis.call('UNLINK', unpack(values))
        redis.call('UNLINK', unpack(leases))
    end
    redis.call('UNLINK', KEYS[first])
end
local failed = {}
for first = 1, #KEYS, each do
    local done, trouble = pcall(forget, first)
    if not done then
        failed[#failed + 1] = (first - 1) / each + 1
        failed[#failed + 1] = type(trouble) == 'table' and trouble.err or tostring(trouble)
    end
end
return failed
