"""The measurements. Each puts figures into a Results; who is asked in which round is interleaved, so that all peers see the same machine."""
import json
import os
import re
import time

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
        self.ms = {"moment": 5, "quick": 100, "full": 500}[level]

    def pick(self, moment, quick, full):
        return {"moment": moment, "quick": quick, "full": full}[self.level]


def codec(bench, size, results):
    out = bench.program("bench_codec", "--benchmark_format=json", "--benchmark_min_time=%g" % (size.ms / 1000))
    for row in json.loads(out)["benchmarks"]:
        what, name, who = row["name"].split("/")[:3]
        results.add("%s_%s" % (what, name), who if who != "ours" else "cnode", row["cpu_time"] / 1000)
    out = bench.run(["erl", "-noshell", "+S", "1:1", "-pa", bench.work, "-run", "codec_terms", "time", bench.work, str(size.ms)])
    for key, us in json.loads(out).items():
        results.add(key.replace("/", "_"), "beam", us)


def local(bench, size, results):
    bench.env["BENCH_MANY"] = str(size.pick(100, 10_000, 1_000_000))
    out = bench.program("bench_local_processes", "--benchmark_format=json", "--benchmark_min_time=%g" % (size.ms / 1000))
    for row in json.loads(out)["benchmarks"]:
        words = row["name"].split("/")
        ns = 1e9 / row["items_per_second"]
        if words[0] == "send_to_many":
            results.point("send_to_many", "cnode", int(words[1]), ns)
        else:
            results.add("local_" + words[0], "cnode", ns)
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
            makers.append(lambda: nodes.start_beam(bench, "beam_quiet", quiet))
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
        args = [what, "--port", server.port, "--node", server.node, "--cookie", self.bench.cookie, "--pid", server.pid,
                "--name", self.bench.fresh_name("bc") + "x"]
        for key, value in options.items():
            args += ["--" + key.replace("_", "-"), value]
        return json.loads(self.bench.program("bench_client", *args))

    def beam_client(self, server, what, callers, count):
        name = self.bench.fresh_name("client") + "@localhost"
        out = self.bench.run(["erl", "-noinput", "-sname", name, "-setcookie", self.bench.cookie, "-pa", self.bench.work, "-run", "bench_client",
                              "main", what, server.node, str(server.pid), str(callers), str(count)])
        return json.loads(out.strip().splitlines()[-1])

    def round(self):
        pick, add = self.size.pick, self.results.add
        calls, some = pick(500, 20_000, 200_000), pick(200, 4_000, 40_000)
        # With libei, its own words for monitors and aliases are missing: for the record.
        for what, figure, options in (
                ("call", "call64", dict(window=64, count=calls)), ("call", "call256", dict(window=256, count=calls)),
                ("call", "call64_cache", dict(window=64, count=calls, atom_cache=1)), ("call", "call1", dict(window=1, count=some)),
                ("cast", "cast", dict(count=calls)), ("echo", "echo", dict(window=64, count=some))):
            for s in self.servers + ([self.libei] if self.libei and figure != "call64_cache" else []):
                self.keep(figure, s, self.client(s, what, **options))
        for figure, bytes_, window, count in (("bin64k", 65_536, 8, pick(50, 1000, 10_000)), ("bin64m", 64 << 20, 1, pick(1, 5, 20))):
            for s in self.servers:
                self.keep(figure, s, self.client(s, "echo_binary", size=bytes_, window=window, count=count, atom_cache=1))
        self.keep("bin64m", self.raw, self.client(self.raw, "raw", size=64 << 20, count=pick(1, 5, 20)))
        for what, callers, figure, count in (("call", 1, "beam1", some), ("call", 64, "beam64", calls), ("call", 256, "beam256", calls),
                                             ("cast", 1, "beam_cast", calls), ("echo", 16, "beam16_echo", some), ("rpc", 16, "rpc", some),
                                             ("erpc", 16, "erpc", some)):
            for s in self.servers:
                self.keep(figure, s, self.beam_client(s, what, callers, count))
        for s in self.servers:
            self.keep("connect", s, self.client(s, "connect", count=pick(10, 200, 2000)))

    def keep(self, figure, server, row):
        for key in ("cpu_us", "rate", "p50_us", "cpu_us_per_mb", "mb_per_s"):
            if key in row:
                self.results.add("%s.%s" % (figure, key), server.kind, row[key])

    def curves(self):
        pick, point = self.size.pick, self.results.point
        calls = pick(500, 10_000, 100_000)
        servers = [s for s in self.servers if s.kind in ("cnode", "beam")]
        for n in pick((1, 4), (1, 10, 100), (1, 3, 10, 30, 100, 300, 1000)):
            for s in servers:
                row = self.client(s, "call", connections=n, window=max(64, n), count=calls)
                point("connections.cpu_us", s.kind, n, row["cpu_us"])
                point("connections.rate", s.kind, n, row["rate"])
        for n in pick((1, 100), (1, 100, 10_000), (1, 10, 100, 1000, 10_000)):
            for s in servers:
                point("monitors.cpu_us", s.kind, n, self.client(s, "call", monitors=n, window=64, count=calls)["cpu_us"])
        sizes = [1, 100, 10_000, 1_000_000] if self.size.level == "moment" else [1, 100, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
        for n in sizes + pick([], [], [1_000_000_000]):
            count = max(1, min(pick(20, 2000, 20_000), pick(10**6, 10**8, 10**9) // max(n, 1000)))
            for s in servers:
                row = self.client(s, "echo_binary", size=n, window=1, count=count, atom_cache=1)
                point("message_size.cpu_us", s.kind, n, row["cpu_us"])
                point("message_size.mb_per_s", s.kind, n, row["mb_per_s"])

    def after_load(self):
        time.sleep(self.size.pick(0, 2, 5))
        for s in self.servers:
            self.results.add("rss_after", s.kind, s.rss() / 1e6)
            s.stop()


def hot_code(bench, size, results):
    """The rows of test/bench/hot_code, which prints a table of its own."""
    out = bench.run([os.path.join(bench.here, "hot_code", "run")] + ([] if size.level == "full" else ["quick"]), timeout=3600)
    rows = {"load_file, all checks, p50": "load", "purge, nobody in old code, p50": "purge", "change_code, state of 1 KiB, p50": "change_1k",
            "change_code, state of 1 MiB, p50": "change_1m", "change_code, state of 1 GiB, p50": "change_1g", "round trip (erpc), p50": "erpc_trip",
            "longest stall of a caller, upgrade of 1": "stall_1", "longest stall of a caller, upgrade of 10000": "stall_10000"}
    for line in out.splitlines():
        found = re.match(r"(.+?)\s{2,}([\d.]+) us\s+([\d.]+) us", line)
        if found and found.group(1).strip() in rows:
            figure = "hot_" + rows[found.group(1).strip()]
            results.add(figure, "cnode", float(found.group(2)))
            results.add(figure, "beam", float(found.group(3)))
    return out
