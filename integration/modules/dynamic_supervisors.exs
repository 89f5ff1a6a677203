# elixir --sname ... dynamic_supervisors.exs NODE SEEDS: DynamicSupervisor and Task.Supervisor on NODE, which has the module `worker` in C++
# or in Erlang, asked by this Elixir. Random scripts, the same from the same seed; one line for each answer, list and report, with pids by
# the order in which they were first seen.
defmodule DynamicSupervisors do
  def main([node, seeds]) do
    far = String.to_atom(node)
    true = Node.connect(far)
    :ok = :logger.add_handler(:story, __MODULE__, %{level: :error, config: %{to: self()}})
    # Elixir 1.15 put a handler named default beside its own; neither has to print here.
    for h <- :logger.get_handler_ids(), h != :story, do: :logger.remove_handler(h)
    Process.flag(:trap_exit, true)
    for seed <- 1..String.to_integer(seeds), do: dynamic(far, seed)
    tasks(far)
    IO.puts("end: all")
  end

  def log(%{msg: {:report, %{label: {:supervisor, what}, report: r}}}, %{config: %{to: to}}), do: send(to, {:report, what, r})
  def log(_, _), do: :ok

  def start(far, module, argument) do
    sup = :proc_lib.spawn_link(far, :gen, :init_it, [:gen_server, self(), self(), DynamicSupervisor, {module, argument, nil}, []])

    receive do
      {:ack, ^sup, {:ok, ^sup}} -> {:ok, sup}
      {:ack, ^sup, other} -> other
      {:nack, ^sup, other} -> other
      {:EXIT, ^sup, reason} -> {:error, reason}
    end
  end

  def dynamic(far, seed) do
    :rand.seed(:exsss, {seed, 815, seed})
    Process.put(:pids, [])
    Process.put(:case, "dynamic_#{seed}")

    flags =
      if :rand.uniform(8) == 1,
        do: pick([%{strategy: :one_for_all}, %{intensity: -1}, %{period: 0}, %{max_children: :many}, %{extra_arguments: :none}]),
        else: %{strategy: :one_for_one, intensity: pick([0, 1, 3]), period: 1000, max_children: pick([:infinity, 3]), extra_arguments: pick([[], [:worker]])}

    show(:flags, flags)

    case start(far, Supervisor.Default, {:ok, flags}) do
      {:ok, sup} ->
        pid(sup)
        script(sup, Map.get(flags, :extra_arguments, []), pick([5, 10, 15]))

      other ->
        show(:not_started, other)
        told()
    end
  end

  def script(sup, _, 0) do
    Process.exit(sup, :shutdown)
    told()
  end

  def script(sup, extra, n) do
    if :erpc.call(node(sup), Process, :alive?, [sup]) do
      pids = for {_, p, _, _} <- children(sup), is_pid(p), do: p
      {what, answer} = operation(sup, extra, Enum.sort_by(pids, &pid/1))
      show(what, answer)
      told()
      show(:children, children(sup))
      show(:counts, try(do: DynamicSupervisor.count_children(sup), catch: (_, _ -> :gone)))
      script(sup, extra, n - 1)
    else
      told()
    end
  end

  def children(sup) do
    DynamicSupervisor.which_children(sup)
  catch
    _, _ -> []
  end

  def operation(sup, extra, pids) do
    case :rand.uniform(12) do
      n when n <= 4 -> {:start, DynamicSupervisor.start_child(sup, spec(extra))}
      5 -> {:state, Map.update!(:erpc.call(node(sup), :sys, :get_state, [sup]), :restarts, &length/1)}
      6 -> {:unexpected, send(sup, {:"$gen_cast", :whatever})}
      _ when pids == [] -> {:nobody, DynamicSupervisor.terminate_child(sup, self())}
      n when n <= 8 -> {:terminate, DynamicSupervisor.terminate_child(sup, pick(pids))}
      9 -> {:kill, ended(pick(pids), &Process.exit(&1, :kill))}
      _ -> (reason = pick([:normal, :shutdown, {:shutdown, :later}, :crashed]); {:own_exit, ended(pick(pids), &GenServer.cast(&1, {:own_exit, reason}))})
    end
  end

  def ended(pid, f) do
    ref = Process.monitor(pid)
    f.(pid)

    receive do
      {:DOWN, ^ref, _, _, reason} -> reason
    after
      5000 -> :still_there
    end
  end

  def spec(extra) do
    args = [{self(), :dynamic, pick([[], [], [], [:trap], [ends: :ignore], [ends: {:stop, :refused}]])}, []]
    start = {:gen_server, :start_link, if(extra == [], do: [:worker | args], else: args)}

    case :rand.uniform(10) do
      1 -> {:id, start, pick([:permanent, :temporary]), 5000, :worker, [:worker]}
      2 -> pick([%{id: 1}, %{id: 1, start: :nonsense}, %{id: 1, start: start, restart: :often}, %{id: 1, start: start, shutdown: 0}])
      3 -> %{id: 1, start: {:worker, :nowhere, []}}
      _ -> %{id: 1, start: start, restart: pick([:permanent, :transient, :temporary]), shutdown: pick([5000, :infinity, :brutal_kill, 40]), type: pick([:worker, :supervisor])}
    end
  end

  def tasks(far) do
    Process.put(:pids, [])
    Process.put(:case, "tasks")
    {:ok, sup} = start(far, Task.Supervisor, {{:temporary, 5000}, [max_children: 2]})
    pid(sup)
    me = self()
    task = Task.Supervisor.async_nolink(sup, :erlang, :length, [[1, 2, 3]])
    show(:async_nolink, Task.await(task))
    show(:async, Task.await(Task.Supervisor.async(sup, :erlang, :tuple_size, [{1, 2}])))
    failing = Task.Supervisor.async_nolink(sup, :erlang, :exit, [:broken])
    show(:failing, Task.yield(failing, 5000))
    {:ok, _} = Task.Supervisor.start_child(sup, :erlang, :send, [me, :from_a_task])
    show(:start_child, receive(do: (:from_a_task -> :came), after: (5000 -> :nothing)))
    {:ok, _} = Task.Supervisor.start_child(sup, :erlang, :send, [me, :again], restart: :transient)
    show(:transient, receive(do: (:again -> :came), after: (5000 -> :nothing)))
    one = Task.Supervisor.async_nolink(sup, :timer, :sleep, [60_000])
    two = Task.Supervisor.async_nolink(sup, :timer, :sleep, [60_000])
    show(:children, length(Task.Supervisor.children(sup)))
    show(:max_children, Task.Supervisor.start_child(sup, :erlang, :self, []))
    show(:terminate_child, Task.Supervisor.terminate_child(sup, one.pid))
    show(:terminated, Task.yield(one, 5000))
    Process.exit(sup, :shutdown)
    show(:ended_with_it, Task.yield(two, 5000))
    told()
  end

  def told do
    Process.sleep(25)
    _ = :sys.get_status(:logger_proxy)
    for {:report, what, r} <- messages(&match?({:report, _, _}, &1)), do: show({:report, what}, r)
    for m <- Enum.sort(Enum.map(messages(&(elem(&1, 0) in [:EXIT, :terminate])), &alike/1)), do: say(:told, m)
    messages(&(elem(&1, 0) == :started))
  end

  def messages(wanted) do
    {:messages, all} = Process.info(self(), :messages)

    for m <- all, is_tuple(m), wanted.(m) do
      receive(do: (^m -> m))
    end
  end

  def pick(list), do: Enum.at(list, :rand.uniform(length(list)) - 1)
  def show(what, term), do: say(what, alike(term))
  def say(what, term), do: IO.puts("#{Process.get(:case)}: #{inspect(what)} #{inspect(term, limit: :infinity, printable_limit: :infinity, structs: false, charlists: :as_lists)}")

  def alike({:undef, [{_, _, _, _} | _]}), do: {:undef, :stack}
  def alike(p) when is_pid(p), do: if(p == self(), do: :teller, else: {:pid, pid(p)})
  def alike(r) when is_reference(r), do: :ref
  def alike(t) when is_tuple(t), do: List.to_tuple(Enum.map(Tuple.to_list(t), &alike/1))
  def alike([h | t]), do: [alike(h) | alike(t)]
  def alike(m) when is_map(m), do: {:map, Enum.sort(for {k, v} <- Map.to_list(m), do: {alike(k), alike(v)})}
  def alike(t), do: t

  def pid(p) do
    pids = Process.get(:pids)
    if p not in pids, do: Process.put(:pids, pids ++ [p])
    Enum.find_index(Process.get(:pids), &(&1 == p))
  end
end

DynamicSupervisors.main(System.argv())
