{application, shop, [{description, "till, door and bells"}, {vsn, "1"}, {modules, [shop, till, door, tally]}, {registered, [shop_sup, till, bells]},
 {applications, [kernel, stdlib]}, {env, [{colour, red}, {size, 1}, {gone, true}]}, {mod, {shop, []}}]}.
