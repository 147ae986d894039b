-- Compare and set: all of it, if the person and how much is kept of histories are still as they were read.
-- KEYS: person, keeping. ARGV: the token of each, and the changes, each after its length: commands, and two that need
-- the server's clock.
if (redis.call('HGET', KEYS[1], 'token') or '') ~= ARGV[1] or (redis.call('HGET', KEYS[2], 'token') or '') ~= ARGV[2] then
  return 0
end
local now = redis.call('TIME')

-- Numbered by microseconds, so that entries of all shards have one order; where a clock was set back, after the last one.
local function count(outbox, marks, key, packed, shard)
  local id = redis.pcall('XADD', outbox, now[1] .. string.format('%06d', now[2]) .. '-*', 'i', packed)
  if type(id) ~= 'string' then
    id = redis.call('XADD', outbox, '*', 'i', packed)
  end
  redis.call('HSET', marks, key, shard .. ' ' .. id)
end

-- Lasts by this server's clock; the key an hour longer, for whoever has a clock ahead of it.
local function reserve(reserved, field, lasts_ms, packed)
  local until_ms = now[1] * 1000 + math.floor(now[2] / 1000) + lasts_ms
  redis.call('HSET', reserved, field, string.format('%.0f ', until_ms) .. packed)
  for _, key in ipairs({reserved, redis.call('HEXISTS', KEYS[1], 'record') == 0 and KEYS[1] or nil}) do
    if redis.call('PTTL', key) < lasts_ms + 3600000 then
      redis.call('PEXPIRE', key, lasts_ms + 3600000)
    end
  end
end

local at = 3
while ARGV[at] do
  local first, last = at + 1, at + ARGV[at]
  if ARGV[first] == 'COUNT' then
    count(unpack(ARGV, first + 1, last))
  elseif ARGV[first] == 'RESERVE' then
    reserve(unpack(ARGV, first + 1, last))
  else
    redis.call(unpack(ARGV, first, last))
  end
  at = last + 1
end
return 1
