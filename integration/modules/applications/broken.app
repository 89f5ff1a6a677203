{application, broken, [{vsn, "1"]}.
