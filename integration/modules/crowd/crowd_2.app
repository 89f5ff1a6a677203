{application, crowd, [{description, "many of one kind"}, {vsn, "2"}, {modules, [crowd, crowd_sup]}, {registered, [crowd_sup]}, {applications, [kernel, stdlib]}, {mod, {crowd_sup, []}}]}.
