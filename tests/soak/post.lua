-- wrk: the same image again and again, over connections that stay open.
local file = assert(io.open(os.getenv("SOAK_IMAGE"), "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "image/png"
wrk.headers["Accept"] = "application/x-npz"
file:close()
