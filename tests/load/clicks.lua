-- wrk: every request is a click on a fact of one of the cases named in the file CASES, and the next one the next case.
local cases = {}
for id in io.lines(os.getenv("CASES")) do cases[#cases + 1] = id end
local facts = {
  { "CT", "sedimentation_sign" }, { "CT", "cystic_loculi" }, { "XR", "amorphous" }, { "CT", "cortical_erosion" },
  { "MR", "soft_tissue_mass" }, { "HX", "palpable_mass" }, { "HX", "trauma_at_site" }, { "CT", "peripheral_rim" },
}
local states = { "present", "absent", "unknown" }
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  clicks = number * 25
  failed = 0
end

function request()
  clicks = clicks + 1
  local fact = facts[clicks % #facts + 1]
  local body = string.format('{"kind":"fact","modality":"%s","finding":"%s","state":"%s"}', fact[1], fact[2],
    states[clicks % #states + 1])
  local path = string.format("/api/v1/cases/%s/edits?lang=en&explain=10", cases[clicks % #cases + 1])
  return wrk.format("POST", path, { ["Content-Type"] = "application/json" }, body)
end

-- a reader looks for a second between two clicks, where PAUSE is set
if os.getenv("PAUSE") then
  function delay() return math.random(950, 1050) end
end

function done(summary, latency)
  io.write(string.format("clicks %d, in a second %.0f, median %.1f ms, 99th percentile %.1f ms, longest %.1f ms, errors %d\n",
    summary.requests, summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000, summary.errors.status + summary.errors.connect
    + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
