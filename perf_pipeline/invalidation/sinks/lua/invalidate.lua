-- Forget every key of an entity: values, and leases of values being computed.
-- KEYS: tag, then keys known without it. ARGV: prefix of leases. Returns how many values went.
-- Keys of a tag share its slot: their names hold the same entity in braces.
local names = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(+inf') -- all but the epoch's mark
for i = 2, #KEYS do names[#names + 1] = KEYS[i] end
local gone = 0
for first = 1, #names, 1000 do
    local values, leases = {}, {}
    for i = first, math.min(first + 999, #names) do
        values[#values + 1] = names[i]
        leases[#leases + 1] = ARGV[1] .. names[i]
    end
    gone = gone + redis.call('UNLINK', unpack(values))
    redis.call('UNLINK', unpack(leases))
end
redis.call('UNLINK', KEYS[1])
return gone
