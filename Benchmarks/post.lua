-- For wrk: posts batches of events, every event with an id that was never sent before.
--
-- The last twelve hex digits of each id are replaced by its number, mixed so that a codec finds as little to save in
-- them as in any others. A batch is kept as the pieces between those digits, so that a request is one `table.concat`.
-- Arguments behind `--`: the NDJSON file, events a batch, batches to keep, and the number to begin behind, so that a
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
    requests, begun, number = {}, 0, tonumber(arguments[4] or 0) + lane * 2^40
    rate = tonumber(arguments[5] or 0)
    digits = {}
    for place = 0, 65535 do digits[place] = string.format("%04x", (place * 40503 + 12345) % 65536) end
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

-- An id is `xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx`: the last twelve digits make room for three texts of four.
function pieces(body)
    local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n"
        .. "Content-Length: " .. #body .. "\r\n\r\n"
    local parts, from, text = {}, 1, head .. body
    while true do
        local first, last = text:find('"id":"%x+%-%x+%-%x+%-%x+%-', from)
        if not first then break end
        parts[#parts + 1] = text:sub(from, last)
        for _ = 1, 3 do parts[#parts + 1] = "" end
        from = last + 13
    end
    parts[#parts + 1] = text:sub(from)
    return parts
end

-- 16 bits of the number in each text; the lower ones, which change most, stir the others: no two numbers look alike.
function request()
    local parts = requests[begun % #requests + 1]
    begun = begun + 1
    for place = 2, #parts - 3, 4 do
        number = number + 1
        local low, middle, high = number % 65536, math.floor(number / 65536) % 65536, math.floor(number / 2^32) % 65536
        parts[place] = digits[low]
        parts[place + 1] = digits[(middle + low * 29) % 65536]
        parts[place + 2] = digits[(high + middle + low * 57) % 65536]
    end
    return table.concat(parts)
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
    due = due and math.max(due + 1000 / rate, now - 1000) or now
    return math.max(0, due - now)
end

function done(summary, latency)
    io.write(string.format(
        '\n{"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"most":%d,"status_errors":%d,"socket_errors":%d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
        summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write
            + summary.errors.timeout))
end
