-- wrk -s requests.lua ... -- FILE FIRST
-- Posts the lines of FILE in turns. A line with %d in it is used again and again, with numbers from
-- FIRST on in their place: no row is created twice.
local bodies = {}
local next_body = 0
local number

function init(args)
    for line in io.lines(args[1]) do
        bodies[#bodies + 1] = line
    end
    number = tonumber(args[2])
    wrk.method = "POST"
    wrk.headers["Content-Type"] = "application/json"
end

function request()
    local body = bodies[next_body % #bodies + 1]
    next_body = next_body + 1
    if body:find("%%%d*d") then
        body = body:gsub("%%%d*d", function(format)
            return string.format(format, number)
        end)
        number = number + 1
    end
    return wrk.format(nil, nil, nil, body)
end
