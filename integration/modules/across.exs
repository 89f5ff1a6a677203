# elixir --sname ... across.exs NODE run | survive: supervision, links and monitors between this node and NODE, which has the modules `worker`
# and `remote_child` in C++ or in Erlang. Prints one line per case, with pids, references and the nodes' names made alike: what two nodes
# that behave alike let us see is alike.
defmodule RemoteChild do
  # GenServer.start_link(module, argument) on another node
  def start_link(node, module, argument) do
    pid = :proc_lib.spawn_link(node, :gen, :init_it, [:gen_server, self(), self(), module, argument, []])

    receive do
      {:ack, ^pid, answer} -> answer
      {:nack, ^pid, answer} -> answer
      {:EXIT, ^pid, reason} -> {:error, reason}
    end
  end
end

defmodule StartedThenLinked do
  # The plain way: the child does not know its supervisor as its parent.
  def start_link(node, module, argument) do
    with {:ok, pid} <- :erpc.call(node, :gen_server, :start, [module, argument, []]) do
      Process.link(pid)
      {:ok, pid}
    end
  end
end

defmodule Patient do
  # A node that is not there counts as a failed start: this one gives it a tenth of a second.
  def start_link(node, module, argument) do
    if Node.connect(node) do
      RemoteChild.start_link(node, module, argument)
    else
      Process.sleep(100)
      {:error, :nodedown}
    end
  end
end

defmodule Across do
  def main([node, "run"]) do
    far = String.to_atom(node)
    true = Node.connect(far)
    :logger.set_primary_config(:level, :none)
    for {name, body} <- cases(), do: one(name, body, far)
    IO.puts("all")
  end

  def main([node, "survive"]) do
    far = String.to_atom(node)
    true = Node.connect(far)
    :logger.set_primary_config(:level, :none)
    Process.flag(:trap_exit, true)
    child = %{id: :far, start: {Patient, :start_link, [far, :worker, {self(), :far, []}]}}
    near = %{id: :near, start: {RemoteChild, :start_link, [node(), :worker, {self(), :near, []}]}}
    {:ok, sup} = Supervisor.start_link([child, near], strategy: :one_for_one, max_restarts: 1000)
    first = started(:far)
    beside = started(:near)
    IO.puts("armed")
    second = started(:far)
    IO.puts("restarted: #{inspect({GenServer.call(second, :ping), first != second, GenServer.call(beside, :ping), counts(sup)})}")
    Supervisor.stop(sup)
  end

  defp one(name, body, far) do
    me = self()

    {pid, ref} =
      spawn_monitor(fn ->
        Process.flag(:trap_exit, true)
        send(me, {self(), body.(far)})
      end)

    got =
      receive do
        {^pid, result} ->
          Process.demonitor(ref, [:flush])
          result

        {:DOWN, ^ref, _, _, reason} ->
          {:case_died, reason}
      after
        60_000 ->
          Process.exit(pid, :kill)
          :never_ended
      end

    IO.puts("#{name}: #{:io_lib.format(~c"~0p", [tidy(got, far)])}")
  end

  defp tidy(pid, far) when is_pid(pid), do: if(node(pid) == far, do: :"<far>", else: :"<near>")
  defp tidy(ref, _) when is_reference(ref), do: :"#Ref"
  defp tidy(fun, _) when is_function(fun), do: :fun
  defp tidy(atom, atom) when is_atom(atom), do: :FAR
  defp tidy(atom, _) when atom == node(), do: :NEAR
  defp tidy({m, f, a, []}, _) when is_atom(m) and is_atom(f) and is_integer(a), do: {m, f, a}
  defp tidy({m, f, a, [{place, _} | _]}, far) when is_atom(m) and is_atom(f) and place in [:file, :error_info], do: {m, f, tidy(a, far)}
  defp tidy(tuple, far) when is_tuple(tuple), do: tuple |> Tuple.to_list() |> Enum.map(&tidy(&1, far)) |> List.to_tuple()
  defp tidy([head | tail], far), do: [tidy(head, far) | tidy(tail, far)]
  defp tidy(map, far) when is_map(map), do: Map.new(map, fn {k, v} -> {k, tidy(v, far)} end)
  defp tidy(other, _), do: other

  # ---- what the cases are made of

  defp child(far, id, options \\ [], more \\ %{}),
    do: Map.merge(%{id: id, start: {RemoteChild, :start_link, [far, :worker, {self(), id, options}]}, shutdown: 2000}, more)

  defp supervisor(children, options \\ []), do: Supervisor.start_link(children, Keyword.merge([strategy: :one_for_one], options))

  defp started(name) do
    receive do
      {:started, ^name, pid} -> pid
    after
      30_000 -> exit({:not_started, name})
    end
  end

  # SLOW: so many times the patience, for nodes that run slowly.
  defp next(ms \\ 5000) do
    receive do
      message -> message
    after
      ms * String.to_integer(System.get_env("SLOW", "1")) -> :silence
    end
  end

  defp all(ms \\ 300) do
    case next(ms) do
      :silence -> []
      message -> [message | all(ms)]
    end
  end

  defp down(pid) do
    ref = Process.monitor(pid)

    receive do
      {:DOWN, ^ref, _, _, reason} -> reason
    after
      5000 -> :alive
    end
  end

  # Not count_children: a supervisor of OTP asks is_process_alive/1 of its children and crashes when one lives elsewhere.
  defp counts(sup), do: for({id, pid, _, _} <- Supervisor.which_children(sup), do: {id, is_pid(pid)})
  defp caught(f), do: (try do f.() catch kind, reason -> {kind, reason} end)
  defp ping(pid), do: caught(fn -> GenServer.call(pid, :ping) end)

  defp worker(far, name, options \\ []) do
    {:ok, _} = :erpc.call(far, :gen_server, :start, [:worker, {self(), name, options}, []])
    started(name)
  end

  # A process here that a worker there can be linked with or watch.
  defp near_process(trap \\ false) do
    me = self()

    spawn(fn ->
      Process.flag(:trap_exit, trap)
      near_loop(me)
    end)
  end

  defp near_loop(me) do
    receive do
      {:do, f} -> f.()
      other -> send(me, {:near, other})
    end

    near_loop(me)
  end

  # A supervisor on the other node, linked with this process.
  defp far_supervisor(far, flags, children),
    do: RemoteChild.start_link(far, :supervisor, {:self, :remote_child, {flags, children}})

  defp far_child(node, id, options \\ [], more \\ %{}),
    do: Map.merge(%{id: id, start: {:remote_child, :start_link, [node, :worker, {self(), id, options}]}, shutdown: 2000}, more)

  # A death and what both sides hear of it, for each way to die.
  defp deaths, do: [:normal, :shutdown, {:shutdown, 1}, :kill, :killed, :noproc, {:some, [reason: "text", n: 1.5]}, :noconnection]

  defp cases do
    [
      child_of_a_supervisor: fn far ->
        {:ok, sup} = supervisor([child(far, :a)])
        pid = started(:a)
        links = :erpc.call(far, :erlang, :process_info, [pid, :links])
        {:dictionary, dictionary} = :erpc.call(far, :erlang, :process_info, [pid, :dictionary])
        {links == {:links, [sup]}, dictionary[:"$ancestors"] == [sup, self()], dictionary[:"$initial_call"], Supervisor.which_children(sup), counts(sup), ping(pid)}
      end,
      crash: fn far ->
        {:ok, sup} = supervisor([child(far, :a)])
        first = started(:a)
        error = caught(fn -> GenServer.call(first, :crash) end)
        told = next()
        second = started_in(told)
        {error, told, first != second, ping(second), counts(sup)}
      end,
      exit_kill: fn far ->
        {:ok, sup} = supervisor([child(far, :a)])
        first = started(:a)
        Process.exit(first, :kill)
        {next(), counts(sup), all()}
      end,
      exit_shutdown_from_elsewhere: fn far ->
        {:ok, _} = supervisor([child(far, :a, [:trap])])
        first = started(:a)
        near = near_process()
        send(near, {:do, fn -> Process.exit(first, :shutdown) end})
        {next(), all()}
      end,
      restart_types: fn far ->
        for restart <- [:permanent, :transient, :temporary], reason <- [:normal, :shutdown, :bad] do
          {:ok, sup} = supervisor([child(far, :a, [], %{restart: restart})])
          pid = started(:a)
          GenServer.call(pid, {:stop, reason})
          result = {restart, reason, all(150), counts(sup)}
          Supervisor.stop(sup)
          all(50)
          result
        end
      end,
      too_many_restarts: fn far ->
        {:ok, sup} = supervisor([child(far, :a)], max_restarts: 2)
        for _ <- 1..3, do: Process.exit(started(:a), :kill)
        {down(sup), all()}
      end,
      init_stops: fn far -> {supervisor([child(far, :a, ends: {:stop, :refused})]), all()} end,
      init_ignores: fn far ->
        {:ok, sup} = supervisor([child(far, :a, ends: :ignore)])
        {Supervisor.which_children(sup), counts(sup), all()}
      end,
      init_gives_nonsense: fn far -> {supervisor([child(far, :a, ends: :nonsense)]), all()} end,
      no_such_module: fn far ->
        {:error, {:shutdown, {:failed_to_start_child, :a, {reason, _}}}} =
          supervisor([%{id: :a, start: {RemoteChild, :start_link, [far, :no_such_module, []]}}])

        reason
      end,
      terminate_child: fn far ->
        {:ok, sup} = supervisor([child(far, :a, [:trap]), child(far, :b)])
        {started(:a), started(:b)}

        [
          Supervisor.terminate_child(sup, :a),
          all(150),
          Supervisor.which_children(sup),
          Supervisor.delete_child(sup, :b),
          Supervisor.restart_child(sup, :b),
          Supervisor.restart_child(sup, :a),
          all(150),
          Supervisor.terminate_child(sup, :b),
          Supervisor.delete_child(sup, :b),
          Supervisor.restart_child(sup, :b),
          Supervisor.terminate_child(sup, :c),
          Supervisor.start_child(sup, child(far, :c)),
          Supervisor.start_child(sup, child(far, :c)),
          Supervisor.start_child(sup, child(far, :d, ends: {:stop, :refused})),
          Enum.map(Supervisor.which_children(sup), &elem(&1, 0)),
          :supervisor.get_childspec(sup, :c) |> elem(1) |> Map.delete(:start),
          Supervisor.stop(sup),
          all(150)
        ]
      end,
      shutdown_values: fn far ->
        for shutdown <- [:brutal_kill, 150, 5000, :infinity], options <- [[], [:trap], [:trap, :slow]] do
          {:ok, sup} = supervisor([child(far, :a, options, %{shutdown: shutdown})])
          pid = started(:a)
          ref = Process.monitor(pid)
          :ok = Supervisor.terminate_child(sup, :a)
          {shutdown, options, next(), next(50), Process.demonitor(ref, [:info])}
        end
      end,
      stop_in_order: fn far ->
        {:ok, sup} = supervisor(for {id, node} <- [a: far, b: node(), c: far, d: node()], do: child(node, id, [:trap]))
        for id <- [:a, :b, :c, :d], do: started(id)
        {Supervisor.stop(sup), all()}
      end,
      supervisor_killed: fn far ->
        {:ok, sup} = supervisor([child(far, :a, [:trap]), child(far, :b)])
        {started(:a), b = started(:b)}
        Process.exit(sup, :kill)
        {down(b), all()}
      end,
      rest_for_one: fn far ->
        {:ok, sup} = supervisor(for({id, node} <- [a: node(), b: far, c: node(), d: far], do: child(node, id)), strategy: :rest_for_one)
        [_, b | _] = for id <- [:a, :b, :c, :d], do: started(id)
        Process.exit(b, :kill)
        after_b = all()
        [{_, d, _, _} | _] = Supervisor.which_children(sup)
        Process.exit(d, :kill)
        {after_b, all(), counts(sup)}
      end,
      one_for_all: fn far ->
        {:ok, sup} = supervisor(for({id, node} <- [a: node(), b: far, c: node(), d: far], do: child(node, id, [:trap])), strategy: :one_for_all)
        [a | _] = for id <- [:a, :b, :c, :d], do: started(id)
        Process.exit(a, :kill)
        {all(), counts(sup)}
      end,
      dynamic_supervisor: fn far ->
        {:ok, sup} = DynamicSupervisor.start_link(strategy: :one_for_one, max_children: 2)
        {:ok, a} = DynamicSupervisor.start_child(sup, child(far, :a))
        {:ok, b} = DynamicSupervisor.start_child(sup, child(node(), :b))
        full = DynamicSupervisor.start_child(sup, child(far, :c))
        all(100)
        Process.exit(a, :kill)
        told = next()
        GenServer.call(started_in(told), {:stop, :bad})
        {full, told, all(), Enum.sort(Map.to_list(DynamicSupervisor.count_children(sup))), DynamicSupervisor.terminate_child(sup, b),
         DynamicSupervisor.terminate_child(sup, a), DynamicSupervisor.start_child(sup, child(far, :d, ends: {:stop, :refused})),
         DynamicSupervisor.start_child(sup, child(far, :d, ends: :ignore)), DynamicSupervisor.stop(sup), all()}
      end,
      started_then_linked: fn far ->
        {:ok, sup} =
          supervisor(
            for {id, options} <- [plain: [], trapping: [:trap]] do
              %{id: id, start: {StartedThenLinked, :start_link, [far, :worker, {self(), id, options}]}, shutdown: 300}
            end
          )

        {started(:plain), started(:trapping)}
        Process.exit(elem(List.keyfind(Supervisor.which_children(sup), :plain, 0), 1), :kill)
        {next(), Supervisor.terminate_child(sup, :plain), Supervisor.terminate_child(sup, :trapping), all()}
      end,
      start_link_by_rpc_dies_with_the_call: fn far ->
        {:ok, pid} = :erpc.call(far, :gen_server, :start_link, [:worker, {self(), :a, []}, []])
        started(:a)
        ref = Process.monitor(pid)
        {:DOWN, ^ref, _, _, reason} = next()
        if is_tuple(reason), do: elem(reason, 1), else: reason
      end,
      supervisor_over_there: fn far ->
        {:ok, sup} = far_supervisor(far, %{intensity: 5}, [far_child(far, :a, [:trap]), far_child(node(), :b, [:trap]), far_child(node(), :c)])
        {started(:a), b = started(:b), c = started(:c)}
        Process.exit(b, :kill)
        again = next()
        crash = caught(fn -> GenServer.call(c, :crash) end)
        [again, crash, all(), counts(sup), Supervisor.which_children(sup), Supervisor.terminate_child(sup, :b), all(150), Supervisor.restart_child(sup, :b), all(150),
         Supervisor.stop(sup), all()]
      end,
      supervisor_over_there_shutdown_values: fn far ->
        for shutdown <- [:brutal_kill, 150, :infinity], options <- [[], [:trap], [:trap, :slow]] do
          {:ok, sup} = far_supervisor(far, %{}, [far_child(node(), :a, options, %{shutdown: shutdown})])
          pid = started(:a)
          ref = Process.monitor(pid)
          :ok = Supervisor.terminate_child(sup, :a)
          result = {shutdown, options, all(100)}
          Process.demonitor(ref, [:flush])
          Supervisor.stop(sup)
          all(50)
          result
        end
      end,
      supervisor_over_there_one_for_all: fn far ->
        {:ok, sup} = far_supervisor(far, %{strategy: :one_for_all}, [far_child(node(), :a), far_child(far, :b), far_child(node(), :c)])
        [a, b, c] = for id <- [:a, :b, :c], do: started(id)
        Process.exit(c, :kill)
        {all(), counts(sup), down(a), down(b)}
      end,
      supervisor_over_there_rest_for_one: fn far ->
        {:ok, sup} = far_supervisor(far, %{strategy: :rest_for_one}, [far_child(node(), :a), far_child(far, :b), far_child(node(), :c)])
        [_, b, _] = for id <- [:a, :b, :c], do: started(id)
        Process.exit(b, :kill)
        {all(), counts(sup)}
      end,
      supervisor_over_there_gives_up: fn far ->
        {:ok, sup} = far_supervisor(far, %{intensity: 1, period: 5}, [far_child(node(), :a)])
        for _ <- 1..2, do: Process.exit(started(:a), :kill)
        {down(sup), all()}
      end,
      supervisor_over_there_as_a_child: fn far ->
        inner = %{
          id: :inner,
          type: :supervisor,
          start: {RemoteChild, :start_link, [far, :supervisor, {:self, :remote_child, {%{intensity: 0, period: 1}, [far_child(far, :a), far_child(node(), :b)]}}]}
        }

        {:ok, outer} = supervisor([inner])
        [a, b] = for id <- [:a, :b], do: started(id)
        Process.exit(a, :kill)
        [c, _] = for id <- [:a, :b], do: started(id)
        {down(b), ping(c), counts(outer), Supervisor.which_children(outer), Supervisor.stop(outer), down(c), all()}
      end,
      task_supervisor_that_is_not_there: fn far -> caught(fn -> Task.Supervisor.async({Tasks, far}, fn -> 1 end) end) |> elem(0) end,
      linked_there_dies: fn far ->
        for reason <- deaths(), reason != :noconnection do
          pid = worker(far, :w)
          Process.link(pid)
          GenServer.cast(pid, {:own_exit, reason})
          {reason, all(100)}
        end
      end,
      linked_here_dies: fn far ->
        for reason <- deaths(), trap <- [[], [:trap]] do
          pid = worker(far, :w, trap)
          near = near_process()
          GenServer.call(pid, {:link, near})
          send(near, {:do, fn -> exit(reason) end})
          heard = all(100)
          ref = Process.monitor(pid)
          {reason, trap, heard, next(100), Process.demonitor(ref, [:info])}
        end
      end,
      exit_signals: fn far ->
        for reason <- deaths(), trap <- [[], [:trap]] do
          pid = worker(far, :w, trap)
          ref = Process.monitor(pid)
          Process.exit(pid, reason)
          {reason, trap, all(100), Process.demonitor(ref, [:info])}
        end
      end,
      exit_signals_from_there: fn far ->
        for reason <- deaths(), trap <- [false, true] do
          pid = worker(far, :w)
          near = near_process(trap)
          ref = Process.monitor(near)
          GenServer.call(pid, {:exit, near, reason})
          {reason, trap, all(100), Process.demonitor(ref, [:info])}
        end
      end,
      both_trap: fn far ->
        pid = worker(far, :w, [:trap])
        near = near_process(true)
        GenServer.call(pid, {:link, near})
        GenServer.call(pid, {:exit, near, :from_there})
        one = all(100)
        send(near, {:do, fn -> Process.exit(pid, :from_here) end})
        {one, all(100), ping(pid), Process.alive?(near)}
      end,
      unlinked: fn far ->
        pid = worker(far, :w)
        Process.link(pid)
        Process.unlink(pid)
        Process.exit(pid, :kill)
        near = near_process()
        other = worker(far, :v)
        GenServer.call(other, {:link, near})
        GenServer.call(other, {:unlink, near})
        Process.exit(near, :kill)
        {all(), ping(other)}
      end,
      links_that_cross: fn far ->
        # Both ends link and unlink at once, three hundred times over; the last word is a link, from both.
        pid = worker(far, :w, [:trap])
        near = near_process(true)

        for n <- 1..300 do
          send(near, {:do, fn -> if rem(n, 2) == 1, do: Process.unlink(pid), else: Process.link(pid) end})
          GenServer.call(pid, {if(rem(n, 3) == 0, do: :unlink, else: :link), near})
        end

        send(near, {:do, fn -> Process.link(pid) end})
        GenServer.call(pid, {:link, near})
        send(near, {:do, fn -> exit(:at_last) end})
        {all(), ping(pid)}
      end,
      link_to_the_dead: fn far ->
        pid = worker(far, :w)
        Process.exit(pid, :kill)
        :killed = down(pid) |> then(fn r -> if r == :noproc, do: :killed, else: r end)
        Process.link(pid)
        near = near_process()
        Process.exit(near, :kill)
        down(near)
        other = worker(far, :v, [:trap])
        GenServer.call(other, {:link, near})
        all()
      end,
      monitors: fn far ->
        for reason <- deaths() do
          near = near_process()
          pid = worker(far, :w, [:trap])
          GenServer.call(pid, {:monitor, near})
          send(near, {:do, fn -> exit(reason) end})
          one = all(100)
          ref = Process.monitor(pid)
          if reason != :noconnection, do: GenServer.cast(pid, {:own_exit, reason}), else: Process.exit(pid, :kill)
          {one, all(100), Process.demonitor(ref, [:info])}
        end
      end,
      monitors_of_names: fn far ->
        near = near_process()
        Process.register(near, :near_name)
        pid = worker(far, :w)
        name = :"name_for_#{node()}"
        :erpc.call(far, :erlang, :register, [name, pid])
        GenServer.call(pid, {:monitor, {:near_name, node()}})
        GenServer.call(pid, {:monitor, {:nobody, node()}})
        Process.monitor({name, far})
        Process.monitor({:nobody, far})
        one = Enum.sort_by(all(100), &elem(&1, 0))
        Process.exit(near, :bye)
        two = all(100)
        Process.exit(pid, :bye)
        :erpc.call(far, :erlang, :whereis, [name]) == :undefined and {one, two, for({:DOWN, _, _, {^name, _}, why} <- all(100), do: why)}
      end,
      monitors_taken_back: fn far ->
        near = near_process()
        pid = worker(far, :w)
        ref = GenServer.call(pid, {:monitor, near})
        true = GenServer.call(pid, {:demonitor, ref})
        mine = Process.monitor(pid)
        true = Process.demonitor(mine)
        Process.exit(near, :kill)
        one = all(100)
        Process.exit(pid, :kill)
        {one, all(100)}
      end,
      the_connection_breaks: fn far ->
        {:ok, sup} = supervisor([child(far, :a, [:trap]), child(far, :b), child(node(), :c)])
        for id <- [:a, :b, :c], do: started(id)
        linked = worker(far, :linked, [:trap])
        Process.link(linked)
        ref = Process.monitor(linked)
        near = near_process(true)
        watcher = worker(far, :watcher, [:trap])
        GenServer.call(watcher, {:link, near})
        GenServer.call(watcher, {:monitor, near})
        Node.monitor(far, true)
        Node.disconnect(far)
        heard = all(1500)
        {Enum.sort_by(heard, fn m -> inspect(tidy(m, far)) end), counts(sup), ping(linked), ping(watcher), Process.demonitor(ref, [:info])}
      end
    ]
  end

  defp started_in({:started, _, pid}), do: pid
  defp started_in({:terminate, name, _}), do: started(name)
end

Across.main(System.argv())
