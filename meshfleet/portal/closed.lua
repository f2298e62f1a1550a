-- Envoy passes on a request whose script fails: with no name, with the portal's own account. Here it ends instead.
local function closed(handle, run)
  local done, fault = pcall(run, handle)
  if not done then
    handle:logErr(tostring(fault))
    handle:respond({ [":status"] = "500" }, "the portal cannot tell who sends this request; its log says why")
  end
end

