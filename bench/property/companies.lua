-- wrk: asks for the dashboards of all companies in turn. Arguments: their ids.
local ids, at = {}, 0

function init(args)
   ids = args
end

function request()
   at = at % #ids + 1
   return wrk.format("GET", wrk.path .. "?companyId=" .. ids[at])
end
