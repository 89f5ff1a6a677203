%% An application without processes.
{application, on_disk,
 [{description, "From a file"}, {vsn, "3" ".1"}, {modules, []},
  {applications, [kernel, stdlib]}, {env, [{a, #{<<"key">> => [1.5, $x]}}]}]}.
