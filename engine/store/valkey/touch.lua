#!lua flags=allow-oom
-- A write for its own sake: its confirmation is that of everything before it.
redis.call('SET', KEYS[1], '')
return 1
