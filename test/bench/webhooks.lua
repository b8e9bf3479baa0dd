-- Sends the bodies that msgstatus-bench-client has written, each once; every thread reads a file of its own.
--
--   wrk -s webhooks.lua URL -- FILE      thread n reads FILE.n; with the argument `signed` each line is a signature, a space, a body
--
-- Prints what happened as one line of JSON.

local threads = {}

function setup(thread)
    thread:set("part", #threads)
    table.insert(threads, thread)
end

function init(args)
    bodies = assert(io.open(args[1] .. "." .. part))
    signed = args[2] == "signed"
    head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. "\r\nContent-Type: application/json\r\n"
    exhausted = 0
end

function request()
    local line = bodies:read("*l")
    if not line then
        exhausted = 1
        wrk.thread:stop()
        return head .. "Content-Length: 0\r\n\r\n"
    end
    if signed then
        local space = line:find(" ", 1, true)
        return head .. "X-Hub-Signature-256: " .. line:sub(1, space - 1) .. "\r\nContent-Length: " .. #line - space
            .. "\r\n\r\n" .. line:sub(space + 1)
    end
    return head .. "Content-Length: " .. #line .. "\r\n\r\n" .. line
end

function done(summary, latency, requests)
    local exhausted = 0
    for _, thread in ipairs(threads) do exhausted = exhausted + thread:get("exhausted") end
    local e = summary.errors
    print(string.format('{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"failed":%d,"exhausted":%d}', summary.requests,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.status + e.timeout, exhausted))
end
