-- For wrk: posts batches of events, each request with ids that were never sent before.
--
-- Twelve hex digits in every id of a batch are replaced by the request's serial. A batch is kept as the pieces
-- between those digits, so that a request is one `table.concat` with the serial as separator.
-- Arguments behind `--`: the NDJSON file, events a batch, batches to keep, and the serial to begin behind, so that a
-- second run sends other ids; then how many requests a second this thread begins, 0 being as many as it can.

local ffi = require("ffi")
ffi.cdef [[
    typedef struct { long seconds, nanoseconds; } moment;
    int clock_gettime(int clock, moment *now);
]]

local threads = {}

function setup(thread)
    thread:set("lane", #threads)
    table.insert(threads, thread)
end

function init(arguments)
    local file, size, kept = arguments[1], tonumber(arguments[2]), tonumber(arguments[3])
    requests, serial, rate, due = {}, tonumber(arguments[4] or 0), tonumber(arguments[5] or 0), 0
    local stream = assert(io.open(file))
    for _ = 1, kept do
        local events = {}
        for _ = 1, size do
            local line = stream:read()
            if line then events[#events + 1] = line end
        end
        if #events == 0 then break end
        requests[#requests + 1] = pieces("[" .. table.concat(events, ",") .. "]")
    end
end

-- An id is `xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx`: the last twelve digits make room for the serial.
function pieces(body)
    local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n"
        .. "Content-Length: " .. #body .. "\r\n\r\n"
    local parts, from, text = {}, 1, head .. body
    while true do
        local first, last = text:find('"id":"%x+%-%x+%-%x+%-%x+%-', from)
        if not first then break end
        parts[#parts + 1] = text:sub(from, last)
        from = last + 13
    end
    parts[#parts + 1] = text:sub(from)
    return parts
end

function request()
    serial = serial + 1
    return table.concat(requests[serial % #requests + 1], string.format("%02x%010x", lane + 1, serial))
end

-- Milliseconds, on a clock that only goes on.
function uptime()
    local now = ffi.new("moment")
    ffi.C.clock_gettime(1, now)
    return tonumber(now.seconds) * 1000 + tonumber(now.nanoseconds) / 1e6
end

-- Every request has its time; who is late by a second does not catch up.
function delay()
    if rate == 0 then return 0 end
    local now = uptime()
    due = math.max(due + 1000 / rate, now - 1000)
    return math.max(0, due - now)
end

function done(summary, latency)
    io.write(string.format(
        '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"most":%d,"status_errors":%d,"socket_errors":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
        summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write
            + summary.errors.timeout))
end
