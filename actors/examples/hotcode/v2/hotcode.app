{application, hotcode,
 [{description, "demo"},
  {vsn, "0.2.0"},
  {modules, [hotcode_app, hotcode_sup, demo_server]},
  {registered, [hotcode_sup, demo_server]},
  {applications, [kernel, stdlib]},
  {mod, {hotcode_app, []}}]}.
