{application, shop, [{description, "till, door and bells"}, {vsn, "2"}, {modules, [shop, till, door, tally]}, {registered, [shop_sup, till, bells]},
 {applications, [kernel, stdlib]}, {env, [{colour, blue}, {size, 1}, {new, true}]}, {mod, {shop, []}}]}.
