-- libcothread for LuaJIT: each Lua coroutine is a host task. docs/binding.md explains what every binding does.
-- SPDX-License-Identifier: Apache-2.0
local ffi = require "ffi"
local prefix = os.getenv "COTHREAD_PREFIX" or "/usr/local" -- of ./build.sh install

local header = assert(io.popen("grep -v '^#include' " .. prefix ..
    "/include/cothread.h | cpp -P -DCOTHREAD_API= -DCOTHREAD_CHECKED="))
ffi.cdef(header:read "*a")
header:close()
local C = ffi.load(prefix .. "/lib/libcothread.so.2")
local M = {C = C}
for line in io.lines(prefix .. "/share/cothread/constants.txt") do
    local name, value = line:match "^COTHREAD_(%S+) (%-?%d+)$"
    if name then -- a Lua number where it is exact
        M[name] = #value < 16 and tonumber(value) or loadstring("return " .. value .. "LL")()
    end
end
assert(C.cothread_abi() == 2, "this binding was written for ABI 2 of libcothread")

local function check(result)
    return result >= 0 and result or error(ffi.string(C.cothread_last_error()), 3)
end

local options = ffi.new("cothread_options", {size = ffi.sizeof "cothread_options", flags = M.HOSTED})
M.scheduler = check(C.cothread_create(options))
local ring = C.cothread_host_ring()
local requests, batch = ffi.cast("char *", ring.requests), ffi.cast("char *", ring.ready)
local handlers, tokens, living = {}, 0, 0 -- handlers[token](batch entry)
local current

-- An entry may be larger than the header's struct: the library's size is the stride, and what is unknown is 0.
local function request(task, operation, fd, deadline, object, value)
    if ring.request_count == ring.capacity then check(C.cothread_submit()) end
    local place = requests + ring.request_count * ring.request_size
    ffi.fill(place, ring.request_size)
    ffi.cast("cothread_request *", place)[0] = {task.handle, operation, fd, deadline, object, value}
    ring.request_count = ring.request_count + 1
end

-- The coroutine gives way; returns its batch entry's reason (0: what it waited for came), events and value.
local function wait(operation, fd, seconds, object)
    request(current, operation, fd, seconds and C.cothread_after(seconds * 1e9) or M.FOREVER, object or 0, 0)
    return coroutine.yield()
end

local function resume(task, ...)
    current = task
    local ok, result = coroutine.resume(task.coroutine, ...)
    current = nil
    if coroutine.status(task.coroutine) == "dead" then
        living, handlers[task.token], task.ended, task.result = living - 1, nil, true, result
        request(task, M.FINISH, -1, 0, 0, 0)
        if not ok then error(debug.traceback(task.coroutine, result), 0) end
    end
end

-- token(handler): a number that any thread may pass to cothread_post(scheduler, NULL, token, deadline).
function M.token(handler) tokens = tokens + 1; handlers[tokens] = handler; return tokens end

function M.spawn(body)
    local task = {coroutine = coroutine.create(body)}
    task.token = M.token(function(ready) resume(task, ready.reason, ready.events, ready.value) end)
    task.handle, living = check(C.cothread_host_create(task.token, nil, 0)), living + 1
    request(task, M.WAIT, -1, M.NOW, 0, 0) -- it starts in the next batch, after those spawned before it
    return task
end

function M.join(task) if not task.ended then wait(M.WAIT_JOIN, -1, nil, task.handle) end; return task.result end
function M.sleep(seconds) return wait(M.WAIT, -1, seconds) end
function M.wait_fd(fd, events, seconds) return wait(M.WAIT, fd, seconds, events) end
function M.event() return check(C.cothread_event_create(0)) end
function M.wait_event(event, seconds) return wait(M.WAIT_EVENT, -1, seconds, event) end
function M.signal(event, value) return check(C.cothread_event_signal(event, ffi.cast("void *", value or 0))) end

-- Runs until every task has ended.
function M.run()
    while living > 0 do
        for i = 0, check(C.cothread_poll_scheduler(M.FOREVER)) - 1 do
            local ready = ffi.cast("cothread_ready *", batch + i * ring.ready_size)
            handlers[tonumber(ready.token)](ready)
        end
    end
end

return M
