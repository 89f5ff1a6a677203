# Writes what inspect/1 prints, for term_text_test. Run: elixir inspect.exs > inspect.golden
IO.puts("% Written by inspect.exs on Elixir #{System.version()}.")

terms = [
  :ok, :"foo bar", Foo.Bar, nil, true, false, :"Elixir.foo", :"Elixir", :foo?, :foo!, :"1a", :foo@bar, :_a, :A, :+, :"a-b", :é, :"",
  :"\n", :{}, :%{}, :.., :&&&, :"é b", :"a\"b", :"Elixir.Foo.Bar1", :"Elixir.1", :"a?b", :do, :end,
  [a: 1], [{:a, 1}, {:"b c", 2}, {:Foo, 3}, {nil, 4}, {:+, 5}, {:"\n", 1}], [{Foo, 1}, {:a, 2}], [{:a, 1} | 2], [{:a, 1}, 2], [{:a, 1, 2}],
  'abc', 'a\'b"\n', 'a\#{b', [1, 2, 300], [7, 8, 9], [0], [127], [], [1 | 2], [[1, 2], [3 | 4]],
  "a\"b\n\t\#{x} é \x7f \e \a", "", "'", "a\0b", <<1, 2, 255>>, <<5::3>>, <<97, 5::3>>, <<255>>, "\u{200b}", "\u{feff}", "\\",
  %{a: 1, b: 2}, %{"b" => 2, a: 1}, %{1 => 2}, %{}, %{nil: 1}, %{Foo => 1}, %{[1] => {2}}, %{__struct__: :foo, b: 1},
  0, -5, 123456789012345678901234567890, {}, {1, :a, "x"}, {%{a: [b: 1]}, [x: %{}]},
  &Enum.map/2, &:lists.map/2, &Kernel.+/2, :erlang.make_fun(:a, :"b c", 3),
  Enum.to_list(1..60), Enum.to_list(1..50), List.to_tuple(Enum.to_list(1..60)), [Enum.to_list(1..30), Enum.to_list(1..30), {1, 2}],
  {Enum.to_list(1..60), 1, 2}, :binary.copy(<<1, 2, 3>>, 30), List.duplicate(%{a: 1}, 40), Enum.map(1..60, &{:"k#{&1}", &1}),
  String.duplicate("x", 5000), List.duplicate(?x, 5000), Map.new(1..20, &{&1, [&1]}),
  1.0, 0.1, 100.0, 1000.0, 12345.0, 1.0e5, 1.5e5, 0.001, 0.0001, 0.00012345, 1.0e10, 1.0e15, 1.0e16, 9007199254740993.0, 1.23e-7, 1.0e22,
  123456789.123, 0.0, 3.141592653589793, 5.0e-324, 1.7976931348623157e308, 123456789012345680.0, -2.5
]

for t <- terms, do: :io.format('{inspect,~w,~w}.~n', [t, String.to_charlist(inspect(t))])
