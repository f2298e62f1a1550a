-- Refuses requests that could be read in two ways, and removes what only the portal may say. Runs first.

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

function envoy_on_request(handle)
  local headers = handle:headers()
  local path = (headers:get(":path") or ""):match("^[^?]*")
  if path == "/readyz" then
    handle:respond({ [":status"] = "200" }, "ok")
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
  local removed = {}
  for name, _ in pairs(headers) do
    if name:find("^impersonate") or name:find("^x%-remote%-") or name == "proxy-authorization" then
      removed[name] = true
    end
  end
  for name, _ in pairs(removed) do
    headers:remove(name)
  end
end
