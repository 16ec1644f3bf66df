-- For wrk: looks at every reply, and says how many there were and how many were not the redirect wanted.
-- Arguments: the wanted Location, and the fewest bytes a body may have.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init(arguments)
   location, shortest = arguments[1], tonumber(arguments[2])
   seen, wrong = 0, 0
end

function response(status, headers, body)
   seen = seen + 1
   if status ~= 302 or headers["Location"] ~= location or headers["Cache-Control"] ~= "no-store"
      or headers["Connection"] ~= "close" or #body < shortest then
      wrong = wrong + 1
   end
end

function done(summary, latency, requests)
   local all_seen, all_wrong = 0, 0
   for _, thread in ipairs(threads) do
      all_seen = all_seen + thread:get("seen")
      all_wrong = all_wrong + thread:get("wrong")
   end
   io.write(string.format("Replies seen: %d, wrong: %d\n", all_seen, all_wrong))
end
