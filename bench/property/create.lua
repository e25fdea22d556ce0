-- wrk: POSTs an apartment whose number nobody had before. Arguments: the compound, and a prefix for this run.
local compound, prefix = "", ""
local thread_count = 0

function setup(thread)
   thread:set("place", thread_count)
   thread_count = thread_count + 1
end

function init(args)
   compound, prefix = args[1], args[2]
   count = 0
end

function request()
   count = count + 1
   local number = prefix .. place .. "-" .. count
   local body = '{"compoundId":"' .. compound .. '","apartmentNumber":"' .. number .. '","monthlyRent":310000}'
   return wrk.format("POST", nil, nil, body)
end
