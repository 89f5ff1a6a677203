"""The measurements. Each puts figures into a Results; who is asked in which round is interleaved, so that all peers see the same machine."""
import json
import os
import re
import time

import loads
import nodes


class Results:
    """figure -> who -> all values; curve -> who -> x -> all values."""

    def __init__(self):
        self.figures, self.curves, self.notes = {}, {}, []

    def add(self, figure, who, value):
        self.figures.setdefault(figure, {}).setdefault(who, []).append(value)

    def point(self, curve, who, x, value):
        self.curves.setdefault(curve, {}).setdefault(who, {}).setdefault(x, []).append(value)


class Size:
    """How much is done. moment: to see that all of it works."""

    def __init__(self, level):
        self.level = level
        self.rounds = {"moment": 1, "quick": 2, "full": 5}[level]
        self.ms = {"moment": 5, "quick": 100, "full": 200}[level]

    def pick(self, moment, quick, full):
        return {"moment": moment, "quick": quick, "full": full}[self.level]


def codec(bench, size, results):
    out = bench.program("bench_codec", "--benchmark_format=json", "--benchmark_min_time=%g" % (size.ms / 1000))
    for row in json.loads(out)["benchmarks"]:
        what, name, who = row["name"].split("/")[:3]
        results.add("%s_%s" % (what, name), who if who != "ours" else "cnode", row["cpu_time"] / 1000)
        if (what, who) == ("decode", "ours"):  # which always builds the term
            results.add("build_" + name, "cnode", row["cpu_time"] / 1000)
    out = bench.run(["erl", "-noshell", "+S", "1:1", "-pa", bench.work, "-run", "codec_terms", "time", bench.work, str(size.ms)])
    for key, us in json.loads(out).items():
        results.add(key.replace("/", "_"), "beam", us)


def local(bench, size, results):
    out = bench.program("bench_local_processes", "--benchmark_format=json", "--benchmark_filter=-^send_to_many/", "--benchmark_min_time=%g" % (size.ms / 1000))
    for row in json.loads(out)["benchmarks"]:
        results.add("local_" + row["name"].split("/")[0], "cnode", 1e9 / row["items_per_second"])
    idle = size.pick(1000, 100_000, 1_000_000)
    out = bench.run(["erl", "-noshell", "+S", "1:1", "+P", "2000000", "-pa", bench.work, "-run", "bench_local", "main", str(size.ms), str(idle)])
    peers = [("beam", json.loads(out))]
    if bench.has("bench_caf"):
        peers.append(("caf", json.loads(bench.program("bench_caf", size.ms, idle))))
    for who, figures in peers:
        for name, value in figures.items():
            results.add("local_" + name, who, value)
    for function, figure, n in (("idle", "local_idle_bytes", idle), ("servers", "local_idle_server_bytes", idle // 4)):
        results.add(figure, "cnode", json.loads(bench.program("bench_local_processes", "memory", function, n))[function])


class Wire:
    """The servers stay up for all rounds."""

    def __init__(self, bench, size, results):
        self.bench, self.size, self.results = bench, size, results
        quiet = ("+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none")
        makers = [lambda: nodes.start_ours(bench), lambda: nodes.start_beam(bench, "beam")]
        if size.level != "moment":
            makers += [lambda: nodes.start_ours(bench, "cnode_1", ("--schedulers", "1")), lambda: nodes.start_beam(bench, "beam_quiet", quiet)]
        peer = os.path.join(os.environ.get("CNODE_PEERS", "/var/cache/cnode/peers"), "sid")
        if os.path.exists(os.path.join(peer, ".complete")) and os.geteuid() == 0:
            makers.append(lambda: nodes.start_beam(bench, "beam29", root=peer))
        else:
            results.notes.append("no BEAM 29 here: CNODE_PEERS names no folder with one")
        self.servers = [make() for make in makers]
        self.libei = nodes.start_libei(bench) if bench.has("bench_libei_server") else None
        self.raw = nodes.start_raw(bench)
        time.sleep(1)
        for s in self.servers:
            results.add("rss_idle", s.kind, s.rss() / 1e6)

    def client(self, server, what, **options):
        return run_client(self.bench, server, what, **options)

    def load(self, server, load):
        """One row's load on one server; with libei, without what it has no words for."""
        count = self.size.pick(*load.count)
        if load.callers:
            row = run_beam_client(self.bench, server, load.what, load.callers, count)
        else:
            options = {k: v for k, v in load.options.items() if server.kind != "libei" or k != "check_monitors"}
            row = self.client(server, load.what, count=count, **options)
        for key in ("cpu_us", "rate", "p50_us", "cpu_us_per_mb", "mb_per_s"):
            if key in row:
                self.results.add("%s.%s" % (load.figure, key), server.kind, row[key])

    def round(self):
        for load in loads.CPP + loads.BEAM:
            for s in self.servers + ([self.libei] if self.libei and load.libei else []):
                self.load(s, load)
            if load.figure == "bin64m":
                row = self.client(self.raw, "raw", size=load.options["size"], count=self.size.pick(*load.count))
                for key in ("cpu_us_per_mb", "mb_per_s"):
                    self.results.add("bin64m." + key, "raw", row[key])

    def curves(self):
        pick, point = self.size.pick, self.results.point
        calls = pick(500, 10_000, 40_000)
        servers = [s for s in self.servers if s.kind in ("cnode", "beam")]
        for n in pick((1, 4), (1, 10, 100), (1, 3, 10, 30, 100, 300, 1000)):
            for s in servers:
                row = self.client(s, "call", connections=n, window=max(64, n), count=calls)
                point("connections.cpu_us", s.kind, n, row["cpu_us"])
                point("connections.rate", s.kind, n, row["rate"])
        for n in pick((1, 100), (1, 100, 10_000), (1, 10, 100, 1000, 10_000)):
            for s in servers:
                point("monitors.cpu_us", s.kind, n, self.client(s, "call", monitors=n, window=64, count=calls, check_monitors=1)["cpu_us"])
        sizes = [1, 100, 10_000, 1_000_000] if self.size.level == "moment" else [1, 100, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
        for n in sizes + pick([], [], [1_000_000_000]):
            count = max(1, min(pick(20, 2000, 5_000), pick(10**6, 10**8, 10**9) // max(n, 1000)))
            for s in servers:
                row = self.client(s, "echo_binary", size=n, window=1, count=count, atom_cache=1)
                point("message_size.cpu_us", s.kind, n, row["cpu_us"])
                point("message_size.mb_per_s", s.kind, n, row["mb_per_s"])

    def after_load(self):
        time.sleep(self.size.pick(0, 2, 5))
        for s in self.servers:
            self.results.add("rss_after", s.kind, s.rss() / 1e6)
            s.stop()


def run_client(bench, server, what, **options):
    args = [what, "--port", server.port, "--node", server.node, "--cookie", bench.cookie, "--pid", server.pid, "--name", bench.fresh_name("bc") + "x"]
    for key, value in options.items():
        args += ["--" + key.replace("_", "-"), value]
    return json.loads(bench.program("bench_client", *args))


def run_beam_client(bench, server, what, callers, count):
    out = bench.run(["erl", "-noinput", "-sname", bench.fresh_name("client") + "@localhost", "-setcookie", bench.cookie, "-pa", bench.work, "-run",
                     "bench_client", "main", what, server.node, str(server.pid), str(callers), str(count)])
    return json.loads(out.strip().splitlines()[-1])


def processes(bench, size, results):
    """By the number of processes: a local message to each of them; a remote call while they wait. Nodes of their own for these."""
    most = size.pick(100, 100_000, 1_000_000)
    bench.env["BENCH_MANY"] = str(most)
    if bench.has("bench_local_processes"):
        out = bench.program("bench_local_processes", "--benchmark_format=json", "--benchmark_filter=^send_to_many/", "--benchmark_min_time=%g" % (size.ms / 1000))
        for row in json.loads(out)["benchmarks"]:
            results.point("send_to_many", "cnode", int(row["name"].split("/")[1]), 1e9 / row["items_per_second"])
        out = bench.run(["erl", "-noshell", "+S", "1:1", "+P", "2000000", "-pa", bench.work, "-run", "bench_local", "send_to_many", str(size.ms), str(most)])
        for n, ns in json.loads(out).items():
            results.point("send_to_many", "beam", int(n), ns)
    servers = [nodes.start_ours(bench), nodes.start_beam(bench, flags=("+P", "2000000"))]
    there = 0
    for n in [10**e for e in range(len(str(most)))]:
        for s in servers:
            nodes.evaluate(bench, "%d = rpc:call('%s', bench_server, idle, [%d])" % (n - there, s.node, n - there))
            for _ in range(2):  # while the first calls are made, new processes still begin
                row = run_client(bench, s, "call", window=64, count=size.pick(200, 10_000, 40_000))
                results.point("idle_processes.cpu_us", s.kind, n, row["cpu_us"])
        there = n
    for s in servers:
        s.stop()


HOT_ROWS = {
    "load_file, all checks, p50": "load", "load_file by erpc, p50": "load_erpc", "purge, nobody in old code, p50": "purge",
    "purge, 1,000 idle processes of the module, p50": "purge_idle", "change_code, state of 1 KiB, p50": "change_1k",
    "change_code, state of 1 MiB, p50": "change_1m", "change_code, state of 1 GiB, p50": "change_1g", "round trip (erpc), p50": "erpc_trip",
    "longest stall of a caller, 1 upgraded by hand": "stall_1", "longest stall of a caller, 10000 upgraded by hand": "stall_10000",
    "longest stall of a caller, release with 1": "release_1", "longest stall of a caller, release with 10000": "release_10000",
}


def hot_code(bench, size, results):
    """The rows of test/bench/hot_code, which prints a table of its own."""
    out = bench.run([os.path.join(bench.here, "hot_code", "run")] + ([] if size.level == "full" else ["quick"]), timeout=3600)
    for line in out.splitlines():
        found = re.match(r"(.+?)\s{2,}([\d.]+) us\s+([\d.]+) us", line)
        if found and found.group(1).strip() in HOT_ROWS:
            figure = "hot_" + HOT_ROWS[found.group(1).strip()]
            results.add(figure, "cnode", float(found.group(2)))
            results.add(figure, "beam", float(found.group(3)))
