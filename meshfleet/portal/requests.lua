-- Refuses requests that could be read in two ways, and removes what only the portal may say. Runs first.
-- Before it stand VERSION, of the listener, and closed.lua.

local AUDIT = "meshfleet.portal"

-- Encoded, these would become a separator, a dot or an escape to whoever decodes the path again.
local NEVER_ENCODED = { [0x25] = true, [0x2e] = true, [0x2f] = true, [0x5c] = true, [0x7f] = true }
-- What may stand in the header Connection: a header that it names would be taken for one of this hop.
local HOP = { ["close"] = true, ["http2-settings"] = true, ["keep-alive"] = true, ["te"] = true, ["upgrade"] = true }

local function fault_of_path(path)
  if path:sub(1, 1) ~= "/" then
    return "must begin with /"
  end
  if path:find("[^\33-\126]") or path:find("\\", 1, true) then
    return "has a character that must be encoded"
  end
  if path:find("//", 1, true) then
    return "has an empty segment"
  end
  for segment in path:gmatch("[^/]+") do
    -- A server that knows path parameters cuts them off.
    local bare = segment:match("^[^;]*")
    if bare == "." or bare == ".." then
      return "has a segment of dots"
    end
  end
  for position in path:gmatch("()%%") do
    local code = path:match("^%x%x", position + 1)
    local byte = code and tonumber(code, 16)
    if not byte or byte < 0x20 or NEVER_ENCODED[byte] then
      return "has an encoded character that it must not have"
    end
  end
  return nil
end

-- What a proxy says of a request, or a server takes for it: the portal alone says so here.
local OURS = {
  "^impersonate",
  "^x%-remote%-",
  "^x%-forwarded%-",
  "^x%-envoy%-",
  "^x%-original%-",
  "^x%-rewrite%-",
  "^x%-auth%-request%-",
  "^x%-http%-method",
  "^x%-method%-override$",
  "^x%-real%-ip$",
  "^x%-client%-",
  "^x%-ssl%-",
  "^ssl%-client%-",
  "^true%-client%-ip$",
  "^forwarded$",
  "^proxy%-authorization$",
  -- Without it no server looks at fields after the body.
  "^trailer$",
}
-- Envoy has written it, whatever the sender did.
local WRITTEN = { ["x-forwarded-proto"] = true }

local function ours(name)
  if WRITTEN[name] then
    return false
  end
  for _, pattern in ipairs(OURS) do
    if name:find(pattern) then
      return true
    end
  end
  return false
end

-- The filter of tokens takes what follows "Bearer " wherever it stands, up to a space; it knows one case of the word,
-- and API servers know all.
local function fault_of_token(headers)
  local value = headers:get("authorization")
  if not value or not value:lower():find("bearer", 1, true) then
    return nil
  end
  local scheme, token = value:match("^(%a+) +([%w._~+/=-]+)$")
  if not scheme or scheme:lower() ~= "bearer" then
    return "the Authorization header must be Bearer and one token"
  end
  headers:replace("authorization", "Bearer " .. token)
  return nil
end

local function fault_of_headers(headers)
  -- Envoy joins headers that come twice, and the filter of tokens reads up to the comma.
  if (headers:get("authorization") or ""):find(",", 1, true) then
    return "there is more than one Authorization header"
  end
  for position = 0, headers:getNumValues("sec-websocket-protocol") - 1 do
    local offered = headers:getAtIndex("sec-websocket-protocol", position)
    if offered:lower():find("bearer.authorization", 1, true) then
      return "a token in Sec-WebSocket-Protocol would reach the cluster; send it in the Authorization header"
    end
  end
  for position = 0, headers:getNumValues("connection") - 1 do
    for name in headers:getAtIndex("connection", position):lower():gmatch("[^,%s]+") do
      if not HOP[name] then
        return "Connection names another header"
      end
    end
  end
  return nil
end

local function check(handle)
  local headers = handle:headers()
  local path = (headers:get(":path") or ""):match("^[^?]*")
  if path == "/readyz" then
    local routes = handle:metadata():get("version") or "none"
    handle:respond({ [":status"] = "200" }, "ok " .. VERSION .. " " .. routes)
    return
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set(AUDIT, "path", path)
  local cluster = path:match("^/clusters/([^/]+)")
  if cluster then
    metadata:set(AUDIT, "cluster", cluster)
  end
  local fault = fault_of_path(path)
  if fault then
    handle:respond({ [":status"] = "400" }, "the path " .. fault)
    return
  end
  fault = fault_of_headers(headers)
  if fault then
    handle:respond({ [":status"] = "400" }, fault)
    return
  end
  fault = fault_of_token(headers)
  if fault then
    handle:respond({ [":status"] = "401", ["www-authenticate"] = "Bearer" }, fault)
    return
  end
  local removed = {}
  for name, _ in pairs(headers) do
    if ours(name) then
      removed[name] = true
    end
  end
  for name, _ in pairs(removed) do
    headers:remove(name)
  end
end

function envoy_on_request(handle)
  closed(handle, check)
end
