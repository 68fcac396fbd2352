-- Lua coroutines that sleep, wait for an event, for a descriptor and for a post, and for each other.
-- SPDX-License-Identifier: Apache-2.0
local ffi = require "ffi"
local cothread = require "cothread"
local C, seen = cothread.C, {}
local function see(what) seen[#seen + 1] = tostring(what) end
ffi.cdef "int pipe(int ends[2]); long write(int fd, const void *data, size_t size); long read(int fd, void *to, size_t size);"

local ends = ffi.new "int[2]"
assert(ffi.C.pipe(ends) == 0)
local event, posted = cothread.event(), cothread.event()

local reader = cothread.spawn(function()
    local reason, events = cothread.wait_fd(ends[0], cothread.READABLE, 60)
    assert(reason == 0 and events == cothread.READABLE)
    local text = ffi.new "char[8]"
    return ffi.string(text, ffi.C.read(ends[0], text, 8))
end)

local waiter = cothread.spawn(function()
    assert(cothread.wait_event(event, 0.001) == cothread.ETIMEDOUT)
    local reason, _, value = cothread.wait_event(event)
    assert(reason == 0)
    return tonumber(value)
end)

local writer = cothread.spawn(function()
    assert(cothread.sleep(0.01) == cothread.ETIMEDOUT) -- its deadline is what a sleep waits for
    ffi.C.write(ends[1], "hello", 5)
    cothread.signal(event, 42)
    -- A thread of another library would do this; the handler runs here, in the hub.
    local token = cothread.token(function() cothread.signal(posted) end)
    assert(C.cothread_post(cothread.scheduler, nil, ffi.cast("void *", token), cothread.NOW) == 0)
    assert(cothread.wait_event(posted) == 0)
    see("posted")
end)

cothread.spawn(function()
    see(cothread.join(reader))
    see(cothread.join(waiter))
    cothread.join(writer)
    -- More at once than the ring holds.
    local crowd = {}
    for i = 1, 10000 do crowd[i] = cothread.spawn(function() cothread.sleep(0.001); return i end) end
    local sum = 0
    for _, task in ipairs(crowd) do sum = sum + cothread.join(task) end
    see(sum)
end)

cothread.run()
table.sort(seen)
local said = table.concat(seen, " ")
print(said)
assert(said == "42 50005000 hello posted")
assert(C.cothread_destroy(cothread.scheduler, cothread.FOREVER) == 0)
