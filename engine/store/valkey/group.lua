#!lua flags=allow-oom
-- A consumer group, unless it is there already.
redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
return 1
