#!lua flags=allow-oom
-- Interactions of one shard by their ids; an empty text for one that was erased.
local found = {}
for at, id in ipairs(ARGV) do
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  found[at] = entry and entry[2][2] or ''
end
return found
