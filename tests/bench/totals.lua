-- For wrk: the exact totals, which wrk itself rounds. Costs nothing while it runs.
function done(summary, latency, requests)
   io.write(string.format("Exactly: %d requests, %d bytes\n", summary.requests, summary.bytes))
end
