# Upgrades an application of many processes back and forth while callers ask its processes without a pause:
#   crowd_load.exs NODE FOLDER PROCESSES ROUNDS [starting]
# FOLDER/crowd-1 and FOLDER/crowd-2 are its versions. Each answer must be one more than the last from the same process, whichever version gives
# it; none may be missing. With `starting`, more processes are started without a pause, too. Prints the longest wait of any caller, each round.
[node, folder, processes, rounds | more] = System.argv()
node = String.to_atom(node)
[processes, rounds] = Enum.map([processes, rounds], &String.to_integer/1)
rpc = fn m, f, a -> :erpc.call(node, m, f, a, 120_000) end
true = Node.connect(node)
{:ok, _} = rpc.(:application, :ensure_all_started, [:crowd])
:ok = rpc.(:crowd_sup, :more, [processes])

defmodule Caller do
  # Asks its own processes in turn until it is told to stop: {calls, longest wait in microseconds, versions seen}
  def ask(pids), do: ask(pids, [], %{}, 0, 0, %{})
  defp ask([], done, counts, calls, longest, versions), do: ask(Enum.reverse(done), [], counts, calls, longest, versions)

  defp ask([pid | rest], done, counts, calls, longest, versions) do
    receive do
      {:stop, to} -> send(to, {self(), calls, longest, versions})
    after
      0 ->
        began = System.monotonic_time(:microsecond)
        {version, count} = GenServer.call(pid, :next, :infinity)
        waited = System.monotonic_time(:microsecond) - began
        known = Map.get(counts, pid)
        if known != nil and count != known + 1, do: raise("#{inspect(pid)} answers #{count} after #{known}")
        ask(rest, [pid | done], Map.put(counts, pid, count), calls + 1, max(longest, waited), Map.update(versions, version, 1, &(&1 + 1)))
    end
  end

  def start_more(rpc, n) do
    receive do
      {:stop, to} -> send(to, {self(), n})
    after
      0 ->
        {:ok, pid} = rpc.(:supervisor, :start_child, [:crowd_sup, []])
        {_, 1} = GenServer.call(pid, :next, :infinity)
        start_more(rpc, n + 1)
    end
  end
end

for round <- 1..rounds do
  {to, change} = if rem(round, 2) == 1, do: {2, :upgrade_app}, else: {1, :downgrade_app}
  all = rpc.(:supervisor, :which_children, [:crowd_sup]) |> Enum.map(&elem(&1, 1))
  callers = for part <- Enum.chunk_every(all, div(length(all) + 7, 8)), do: spawn_link(fn -> Caller.ask(part) end)
  starter = if more == ["starting"], do: spawn_link(fn -> Caller.start_more(rpc, 0) end)
  Process.sleep(200)
  arguments = if change == :upgrade_app, do: [:crowd, ~c"#{folder}/crowd-2"], else: [:crowd, ~c"1", ~c"#{folder}/crowd-1"]
  began = System.monotonic_time(:millisecond)
  {:ok, []} = rpc.(:release_handler, change, arguments)
  took = System.monotonic_time(:millisecond) - began
  Process.sleep(200)
  started =
    if starter do
      send(starter, {:stop, self()})
      receive do: ({^starter, n} -> n)
    else
      0
    end
  results = for c <- callers do
    send(c, {:stop, self()})
    receive do: ({^c, calls, longest, versions} -> {calls, longest, versions})
  end
  calls = results |> Enum.map(&elem(&1, 0)) |> Enum.sum()
  longest = results |> Enum.map(&elem(&1, 1)) |> Enum.max()
  seen = results |> Enum.flat_map(&Map.keys(elem(&1, 2))) |> Enum.uniq() |> Enum.sort()
  # Every process answers as the new version, also those that were started meanwhile.
  now = rpc.(:supervisor, :which_children, [:crowd_sup]) |> Enum.map(&elem(&1, 1))
  true = length(now) == length(all) + started
  [^to] = now |> Enum.map(fn pid -> GenServer.call(pid, :next, :infinity) |> elem(0) end) |> Enum.uniq()
  IO.puts("round #{round} version #{to} of #{length(now)} longest #{longest} us took #{took} ms calls #{calls} seen #{Enum.join(seen, ",")} started #{started}")
end
