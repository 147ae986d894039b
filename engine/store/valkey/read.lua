#!lua flags=allow-oom
-- One person as of one moment; no flag says "no writes", so that a replica refuses: what it holds may be old.
-- KEYS: person, reservations, keeping; and where interactions are to be counted, their marks and the person's names.
-- ARGV: keys of interactions.
local person = redis.call('HMGET', KEYS[1], 'token', 'record', 'to', 'link')
local now = redis.call('TIME')
local marks, names = {}, ''
if KEYS[4] then
  for at, key in ipairs(ARGV) do
    marks[at] = redis.call('HEXISTS', KEYS[4], key)
  end
  names = redis.call('GET', KEYS[5]) or ''
end
return {
  person[1] or '', person[2] or '', person[3] or '', person[4] or '', redis.call('HGETALL', KEYS[2]),
  redis.call('HGET', KEYS[3], 'token') or '', now[1] * 1000 + math.floor(now[2] / 1000), marks, names
}
