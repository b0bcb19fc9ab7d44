-- What wrk sends: requests with the cookies of one user after the other, from a file with a Cookie header on each line.
local requests = {}
local turn = 0

function init(args)
  for cookie in io.lines(args[1]) do
    local headers = { ["Accept"] = "*/*", ["User-Agent"] = "wrk" }
    if cookie ~= "" then headers["Cookie"] = cookie end
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  local line = '{"requests":%d,"us":%d,"failed":%d,"p50":%d,"p99":%d}\n'
  io.write(line:format(summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
