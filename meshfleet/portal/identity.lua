-- Who sends a request, and what the cluster is told of it. Runs after the tokens were verified.
-- Before it stand, written by script.py: SOURCES, CLUSTER, USERS, GROUPS, ACCOUNTS and OPEN; and closed.lua.

local AUDIT = "meshfleet.portal"
local SYSTEM = "system:"

local function quoted(text)
  return '"' .. tostring(text) .. '"'
end

-- RFC 4514 without its rarer forms: a value in hexadecimal or with a control character gives no name.
local function subject_of(text)
  local names, organizations = {}, {}
  local position = 1
  while position <= #text do
    local key, start = text:match("^%s*([%w.]+)=()", position)
    if not key or text:sub(start, start) == "#" then
      return nil
    end
    local value = {}
    position = start
    while position <= #text do
      local character = text:sub(position, position)
      if character == "\\" then
        local code = text:match("^%x%x", position + 1)
        value[#value + 1] = code and string.char(tonumber(code, 16)) or text:sub(position + 1, position + 1)
        position = position + (code and 3 or 2)
      elseif character == "," or character == "+" then
        break
      else
        value[#value + 1] = character
        position = position + 1
      end
    end
    position = position + 1
    local whole = table.concat(value)
    if key == "CN" then
      names[#names + 1] = whole
    elseif key == "O" then
      organizations[#organizations + 1] = whole
    end
  end
  if #names ~= 1 then
    return nil
  end
  return names[1], organizations
end

local function usable(name)
  return type(name) == "string" and name ~= "" and #name <= 1024 and not name:find("[%c\127-\255]")
end

-- A user and groups, or nil and what is wrong.
local function of_certificate(connection)
  local user, groups = subject_of(connection:subjectPeerCertificate())
  if not user then
    return nil, "the subject of the client certificate must have one CN"
  end
  return user, groups
end

local function of_account(claims)
  local bound = claims["kubernetes.io"]
  local account = type(bound) == "table" and bound.serviceaccount
  if type(account) ~= "table" or not (usable(bound.namespace) and usable(account.name)) then
    return nil, "the token is not that of a service account"
  end
  local user = "system:serviceaccount:" .. bound.namespace .. ":" .. account.name
  if claims.sub ~= user then
    return nil, "the token is not that of a service account"
  end
  return user, { "system:serviceaccounts", "system:serviceaccounts:" .. bound.namespace }
end

local function of_provider(source, claims)
  local user = claims[source.username_claim]
  if not usable(user) then
    return nil, "the token has no claim " .. source.username_claim .. " that names a user"
  end
  if source.username_claim == "email" and claims.email_verified ~= nil and claims.email_verified ~= true then
    return nil, "the email of the token is not verified"
  end
  local found = source.groups_claim ~= "" and claims[source.groups_claim] or {}
  if type(found) == "string" then
    found = { found }
  end
  if type(found) ~= "table" then
    return nil, "the claim " .. source.groups_claim .. " of the token is not a list of groups"
  end
  local groups = {}
  for _, group in pairs(found) do
    if not usable(group) then
      return nil, "the claim " .. source.groups_claim .. " of the token is not a list of groups"
    end
    groups[#groups + 1] = source.groups_prefix .. group
  end
  return source.username_prefix .. user, groups
end

local function identify(handle)
  local info = handle:streamInfo()
  local connection = info:downstreamSslConnection()
  if connection and connection:peerCertificatePresented() then
    return "certificate", of_certificate(connection)
  end
  local verified = info:dynamicMetadata():get("envoy.filters.http.jwt_authn") or {}
  for name, source in pairs(SOURCES) do
    if verified[name] then
      if source.accounts then
        return "account", of_account(verified[name])
      end
      return "provider", of_provider(source, verified[name])
    end
  end
  return nil, nil, "there is no client certificate and no bearer token of a known issuer"
end

local function fault_of_names(user, groups)
  if not usable(user) then
    return "the name of the user has characters that it must not have"
  end
  if user:sub(1, #SYSTEM) == SYSTEM then
    return "user " .. quoted(user) .. " is one of Kubernetes itself"
  end
  for _, group in ipairs(groups) do
    if not usable(group) then
      return "the name of a group has characters that it must not have"
    end
    if group:sub(1, #SYSTEM) == SYSTEM then
      return "group " .. quoted(group) .. " is one of Kubernetes itself"
    end
  end
  return nil
end

local function union(...)
  local all, seen = {}, {}
  for _, list in ipairs({ ... }) do
    for _, name in ipairs(list) do
      if not seen[name] then
        seen[name] = true
        all[#all + 1] = name
      end
    end
  end
  return all
end

-- The open requests of each user in this cluster, by the thread that this is a state of. Envoy keeps the handle of a
-- request until it ends, however it ends, and nothing else here does: a table with weak keys holds those that are open,
-- and those that no collection has met yet.
local open = {}

local function counted(requests)
  local count = 0
  for _ in pairs(requests) do
    count = count + 1
  end
  return count
end

-- Whether a user may have another. Collections cost what all users share: one a second and user, who is refused until
-- then where it found nearly as many as there may be.
local function takes(handle, user)
  local mine = open[user]
  if not mine then
    mine = { requests = setmetatable({}, { __mode = "k" }), count = 0, full = 0 }
    open[user] = mine
  end
  if mine.count >= OPEN then
    if mine.full == os.time() then
      return false
    end
    -- Handles have a finalizer, so that the first frees them and the second takes them out of the table.
    collectgarbage()
    collectgarbage()
    mine.count = counted(mine.requests)
    if mine.count >= 0.9 * OPEN then
      mine.full = os.time()
    end
    if mine.count >= OPEN then
      return false
    end
  end
  mine.requests[handle] = true
  mine.count = mine.count + 1
  return true
end

-- The mark tells it from what the filter of tokens refuses (replies.py).
local function refuse(handle, fault)
  handle:streamInfo():dynamicMetadata():set(AUDIT, "refused", true)
  handle:respond({ [":status"] = "403" }, fault)
end

local function pass(handle)
  local headers = handle:headers()
  local kind, user, groups = identify(handle)
  if not user then
    handle:respond({ [":status"] = "401", ["www-authenticate"] = "Bearer" }, groups)
    return
  end
  local metadata = handle:streamInfo():dynamicMetadata()
  local fault = kind ~= "account" and fault_of_names(user, groups)
  if fault then
    refuse(handle, fault)
    return
  end
  metadata:set(AUDIT, "user", user)
  metadata:set(AUDIT, "groups", groups)
  if not CLUSTER then
    return
  end
  local declared = USERS[user]
  if kind == "account" then
    declared = ACCOUNTS[user] and {}
  else
    local known = {}
    for _, group in ipairs(groups) do
      if GROUPS[group] then
        known[#known + 1] = group
      end
    end
    groups = known
  end
  if not declared then
    refuse(handle, quoted(user) .. " is not declared for cluster " .. quoted(CLUSTER))
    return
  end
  if not takes(handle, user) then
    local fault = quoted(user) .. " has too many open requests in cluster " .. quoted(CLUSTER)
    handle:respond({ [":status"] = "429", ["retry-after"] = "1" }, fault)
    return
  end
  groups = union(groups, declared, { "system:authenticated" })
  metadata:set(AUDIT, "groups", groups)
  headers:remove("authorization")
  headers:replace("impersonate-user", user)
  for _, group in ipairs(groups) do
    headers:add("impersonate-group", group)
  end
end

function envoy_on_request(handle)
  closed(handle, pass)
end
