/**
 * All that a RedisStore does to records, as one Lua script; the second argument says what. Every key that it touches is in KEYS. The first
 * argument comes back before and behind each answer, behind it with how much it holds, so that the caller knows it for its own and
 * for whole. Numbers are text in it: what comes between two of their digits would make another number.
 *
 * A session is a hash: `v` version, `t` times (touched, expires, idle, absolute, reach, written), `u` user, `m` the rest of the record,
 * `d` data, `r` earlier versions, each followed by a line feed, `p` that it does not count yet. `reach` is how long the index of its user lives at least: a session that
 * outlives it has to take the index along. A tombstone is a hash too: `g` reason, `t` times, `n` the version that took its place.
 * An index is a sorted set of a user's keys, scored in the order in which they came.
 */
export const SCRIPT = `
local tag = table.remove(ARGV, 1)
local op, clock = ARGV[1], tonumber(ARGV[2])
local now = clock
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

-- One for each value, and its octets.
local function size(value)
  if type(value) ~= 'table' then return 1 + (value and #tostring(value) or 0) end
  local all = 1
  for _, one in ipairs(value) do all = all + size(one) end
  return all
end

local function whole(answer)
  return { tag, answer, tag .. size(answer) }
end

-- The commonest, so it comes first and does no more than it must.
if op == 'load' then
  local f = redis.call('HMGET', KEYS[1], 't', 'g', 'v', 'u', 'm', 'd')
  local expires, absolute = string.match(f[1] or '', '^%S+ (%S+) %S+ (%S+)')
  if not expires or tonumber(expires) < now or (tonumber(absolute) or now) < now then return whole(false) end
  return whole(f[2] and { f[2] } or { f[1], f[3], f[4], f[5], f[6] })
end

local function text(number)
  return number < math.huge and string.format('%.17g', number) or '-'
end

-- Redis's own expiry is for memory only, so it comes a second late. A clock that was handed in is not Redis's: no expiry then.
local function expire(key, at)
  if clock then return end
  if at < 9e15 then redis.call('PEXPIREAT', key, string.format('%.0f', math.ceil(at) + 1000)) else redis.call('PERSIST', key) end
end

local function times(line)
  local touched, expires, fixed, idle, absolute, reach, written = string.match(line or '', '^(%S+) (%S+) ((%S+) (%S+)) ?(%S*) ?(%S*)$')
  if not touched then return nil end
  local t = { line = line, fixed = fixed, touched = tonumber(touched), expires = tonumber(expires), idle = tonumber(idle) }
  t.absolute, t.reach, t.written = tonumber(absolute) or math.huge, tonumber(reach) or math.huge, tonumber(written) or now
  t.ends = math.min(t.expires, t.absolute)
  return t
end

-- What lies there and is not over: a session or a tombstone.
local function find(key)
  local f = redis.call('HMGET', key, 't', 'g', 'v', 'u')
  local e = times(f[1])
  if not e or e.ends < now then return nil end
  e.gone, e.version, e.user = f[2], f[3], f[4]
  return e
end

local function live(key)
  local e = find(key)
  return e and not e.gone and e or nil
end

local function record(key, e)
  local f = redis.call('HMGET', key, 'm', 'd')
  return { e.line, e.version, e.user, f[1], f[2] }
end

-- Whether the record has, or had lately, this version: then a write that comes again has been done.
local function known(key, e, version)
  if e.version == version then return true end
  return string.find('\\n' .. (redis.call('HGET', key, 'r') or ''), '\\n' .. version .. '\\n', 1, true) ~= nil
end

-- A client that has lost its connection sends again after a while, and others may have written a hundred times by then. So as long as
-- writes follow each other closely many versions are kept, and few after a pause.
local function recent(key, e, few)
  local all = e.version .. '\\n' .. (redis.call('HGET', key, 'r') or '')
  local stop = 0
  for _ = 1, now - e.written < 10000 and 256 or few do stop = string.find(all, '\\n', stop + 1, true) or stop end
  return string.sub(all, 1, stop)
end

-- How long the index must live for this session; sessions without an absolute end get as much again as they live without use.
local function reachOf(t)
  if clock then return math.huge end
  return t.absolute < math.huge and t.absolute or t.ends + t.idle
end

local function keepIndex(index, reach)
  if clock then return end
  local left = redis.call('PTTL', index)
  if left < 0 or now + left < reach + 1000 then expire(index, reach) end
end

local function put(key, t, version, rest, data, before)
  redis.call('HSET', key, 'v', version, 't', t.line .. ' ' .. text(t.reach) .. ' ' .. text(now), 'm', rest, 'd', data, 'r', before)
  expire(key, t.ends)
end

-- The session or the user that a key is of.
local function nameOf(key)
  return string.match(key, '^[^}]*}[su]:(.*)$')
end

-- Where nothing lives. The first command is one that a full memory refuses: nothing has changed then.
local function insert(key, index, version, timesLine, rest, data, user)
  local t = times(timesLine)
  t.reach = index and reachOf(t) or math.huge
  put(key, t, version, rest, data, '')
  redis.call('HDEL', key, 'g', 'n', 'u', 'p')
  if not index then return 1 end
  redis.call('HSET', key, 'u', user)
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2] or 0
  redis.call('ZADD', index, last + 1, nameOf(key))
  keepIndex(index, t.reach)
  return redis.call('ZCARD', index)
end

-- Nobody's end fails because this user of the server may not publish. A channel is no key: in a Cluster all nodes hear of it.
local function tell(key, message)
  redis.pcall('PUBLISH', string.match(key, '^[^{]*') .. 'ended', message)
end

local function bury(key, reason, ms, successor)
  tell(key, nameOf(key))
  local laid = redis.pcall('HSET', key, 'g', reason, 't', '0 ' .. text(now + ms) .. ' 0 -', 'n', successor)
  -- Memory is full: the session ends all the same, only nobody will know why.
  if type(laid) == 'table' then return redis.call('DEL', key) end
  redis.call('HDEL', key, 'v', 'u', 'm', 'd', 'r', 'p')
  expire(key, now + ms)
end

-- A write that changes nothing: what comes again has to be a write, too, for WAIT to count who has it.
local function again(key, field, value)
  redis.call('HSET', key, field, value)
end

-- Which of a user's sessions are too many once another one has begun, oldest first. If the index holds some that are not in KEYS, from
-- \`first\` on: nothing, and all that it holds. \`spare\` makes place itself.
local function surplus(index, first, spare, max)
  if not max or redis.call('ZCARD', index) < max then return {} end
  local user, members, keyOf, others = nameOf(index), redis.call('ZRANGE', index, 0, -1), {}, {}
  for i = first, #KEYS do keyOf[nameOf(KEYS[i])] = KEYS[i] end
  for _, member in ipairs(members) do
    if member ~= spare and not keyOf[member] then return nil, members end
  end
  for _, member in ipairs(members) do
    local key = keyOf[member]
    local e = member ~= spare and live(key)
    if e and e.user == user then
      local f = redis.call('HMGET', key, 'm', 'p')
      local ok, rest = pcall(cjson.decode, f[1])
      -- Without a user's own name it is no session, and what may yet be withdrawn is none so far.
      if ok and rest.userId and not f[2] then others[#others + 1] = key end
    elseif member ~= spare then
      redis.call('ZREM', index, member)
    end
  end
  for _ = 1, math.min(#others, max - 1) do others[#others] = nil end
  return others
end

local function evict(index, keys, ms)
  for _, key in ipairs(keys) do
    bury(key, 'evicted', ms, '')
    redis.call('ZREM', index, nameOf(key))
  end
end

-- Each gives one value, and never nil: what stands behind it would be lost.
local ops = {}

-- 0: taken; -1: it was there already; -2: too many; else how many the index holds.
function ops.create(key, index)
  local max, deny, ms = tonumber(ARGV[8]), ARGV[9] == '1', tonumber(ARGV[10])
  local e = find(key)
  if not e then
    local ending, members = surplus(index, 3, nil, max)
    if not ending then return { 'again', members } end
    if deny and #ending > 0 then return -2 end
    local count = insert(key, index, unpack(ARGV, 3, 7))
    if ARGV[11] == '1' then redis.call('HSET', key, 'p', '1') end
    evict(index, ending, ms)
    return count
  end
  if e.gone or not known(key, e, ARGV[3]) then return 0 end
  again(key, 'v', e.version)
  return -1
end

-- One element: the user whose index has to be taken along.
function ops.save(key, index)
  local version, t, rest, data, expected, few = ARGV[3], times(ARGV[4]), ARGV[5], ARGV[6], ARGV[7], tonumber(ARGV[8])
  local e = live(key)
  if not e then return false end
  if known(key, e, version) then return 1 end
  if e.version ~= expected then return record(key, e) end
  t.reach = e.reach
  if e.user and t.ends > e.reach then
    if not index then return { e.user } end
    t.reach = reachOf(t)
    keepIndex(index, t.reach)
  end
  put(key, t, version, rest, data, recent(key, e, few))
  return 1
end

function ops.touch(key, index)
  local touched, expires = tonumber(ARGV[3]), tonumber(ARGV[4])
  local e = live(key)
  if not e then return 0 end
  -- An older request's touch says nothing about a life that a newer write has set.
  if touched >= e.touched then e.expires = math.max(e.expires, math.min(expires, touched + e.idle, e.absolute)) end
  e.touched, e.ends = math.max(e.touched, touched), math.min(e.expires, e.absolute)
  if e.user and e.ends > e.reach then
    if not index then return { e.user } end
    e.reach = reachOf(e)
    keepIndex(index, e.reach)
  end
  local moved = { text(e.touched), text(e.expires), e.fixed, text(e.reach), text(e.written) }
  redis.call('HSET', key, 't', table.concat(moved, ' '))
  expire(key, e.ends)
  return 1
end

function ops.delete(key)
  local e = find(key)
  if e and e.gone then
    again(key, 'g', e.gone)
    return 0
  end
  bury(key, ARGV[3], tonumber(ARGV[4]), '')
  return e and 1 or 0
end

function ops.replace(old, new, index)
  local expected, reason, ms, version = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
  local e, there = live(old), find(new)
  if not e then
    if not there or there.gone or not known(new, there, version) then return false end
    again(new, 'v', there.version)
    return 1
  end
  if e.version ~= expected then return record(old, e) end
  if there then return 0 end
  local ending, members = surplus(index, 4, nameOf(old), tonumber(ARGV[11]))
  if not ending then return { 'again', members } end
  if ARGV[12] == '1' and #ending > 0 then return -2 end
  insert(new, index, unpack(ARGV, 6, 10))
  bury(old, reason, ms, version)
  if index then redis.call('ZREM', index, nameOf(old)) end
  evict(index, ending, tonumber(ARGV[13]))
  return 1
end

-- The second step of a replace across slots; then the way back.
function ops.supersede(old)
  local expected, reason, ms, version = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
  local e = find(old)
  if not e then return false end
  if e.gone then
    if redis.call('HGET', old, 'n') ~= version then return 0 end
    again(old, 'g', e.gone)
    return 1
  end
  if e.version ~= expected then return record(old, e) end
  bury(old, reason, ms, version)
  return 1
end

-- The third, where there is a limit: from now on it counts, and the oldest go.
function ops.count(key, index)
  local e = live(key)
  if not e or e.version ~= ARGV[3] or redis.call('HEXISTS', key, 'p') == 0 then return 0 end
  local ending, members = surplus(index, 3, nameOf(key), tonumber(ARGV[4]))
  if not ending then return { 'again', members } end
  redis.call('HDEL', key, 'p')
  evict(index, ending, tonumber(ARGV[6]))
  return 1
end

function ops.withdraw(key, index)
  local e = live(key)
  if not e or e.version ~= ARGV[3] then return 0 end
  if index then redis.call('ZREM', index, nameOf(key)) end
  return redis.call('DEL', key)
end

-- A user's sessions: KEYS are the index and all that are in it. If it holds others by now: 'again', and which.
function ops.user(index)
  local action, reason, ms, except = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
  local user, keyOf, found, count = nameOf(index), {}, {}, 0
  for i = 2, #KEYS do keyOf[nameOf(KEYS[i])] = KEYS[i] end
  local members = redis.call('ZRANGE', index, 0, -1)
  for _, member in ipairs(members) do
    if not keyOf[member] then return { 'again', members } end
  end
  for _, member in ipairs(members) do
    local key = keyOf[member]
    local e = live(key)
    if not e or e.user ~= user then
      redis.call('ZREM', index, member)
    elseif action == 'list' then
      found[#found + 1] = { member, record(key, e) }
    elseif action == 'end' and member ~= except then
      bury(key, reason, ms, '')
      redis.call('ZREM', index, member)
      count = count + 1
    end
  end
  if action == 'end' and count == 0 then
    redis.call('ZADD', index, 0, '')
    redis.call('ZREM', index, '')
  end
  return { 'done', action == 'list' and found or tostring(count) }
end

function ops.tell(key)
  tell(key, ARGV[3])
  return 1
end

function ops.ended()
  local ended = {}
  for _, key in ipairs(KEYS) do
    if not live(key) then ended[#ended + 1] = nameOf(key) end
  end
  return ended
end

function ops.sweep(key)
  local t = times(redis.call('HGET', key, 't'))
  return t and t.ends + tonumber(ARGV[3]) < now and redis.call('DEL', key) or 0
end

-- The keys of a node, a page of them; no key is told. A SCAN by itself would come back without a tag.
function ops.scan()
  return redis.call('SCAN', ARGV[3], 'MATCH', ARGV[4], 'COUNT', ARGV[5])
end

local answer = ops[op](KEYS[1], KEYS[2], KEYS[3])
return whole(type(answer) == 'number' and tostring(answer) or answer)
`

/** Its SHA-1: Redis knows it by this name once it has seen it. */
export const SCRIPT_SHA = '560d46e760a36b194400ad3d412ba0246c1d7c8b'
