"""The table's rows: what is compared with what, and the goal."""
from math import exp, log

SMALL_TERMS = ("gen_call", "nested_map", "tuples", "deep", "ints")


class Row:
    """A figure against a goal. `ratio` tells what the goal bounds: ours / theirs ("of") or theirs / ours ("times"); None bounds ours."""

    def __init__(self, text, figure, unit, goal, against="beam", ratio="of", less=True, at_most=None):
        self.text, self.figure, self.unit, self.goal, self.against, self.ratio, self.less = text, figure, unit, goal, against, ratio, less
        self.at_most = (ratio != "times" and less) if at_most is None else at_most

    @property
    def key(self):
        """What reasons.md and test/bench/profile call it."""
        return self.figure if self.against == "beam" else "%s/%s" % (self.figure, self.against)

    @property
    def label(self):
        return self.text + (" (%s)" % ("CAF" if self.against == "caf" else self.against) if self.against in ("caf", "libei") else "")

    @property
    def is_short(self):
        """Also in the short table: not each of the small terms."""
        return self.goal is not None and not any(self.figure.endswith("_" + t) for t in SMALL_TERMS)

    @property
    def goal_text(self):
        return "" if self.goal is None else ("≤ " if self.at_most else "≥ ") + "%g" % self.goal


def times(text, figure, goal, against="beam"):
    return Row(text, figure, "us", goal, against, "times")


ROWS = [
    "The wire, a C++ client that sends what OTP sends",
    Row("server CPU per call, 64 in flight", "call64.cpu_us", "us", 0.07),
    Row("server CPU per call, 256 in flight", "call256.cpu_us", "us", 0.05),
    Row("server CPU per call, 64 in flight, atom cache", "call64_cache.cpu_us", "us", 0.08),
    Row("calls per second, 64 in flight", "call64.rate", "/s", None, less=False),
    Row("round trip p50, one caller", "call1.p50_us", "us", 0.82),
    Row("server CPU per cast", "cast.cpu_us", "us", 0.15),
    Row("server CPU per echo of a 2.5 KB term", "echo.cpu_us", "us", 0.12),
    Row("CPU per MB echoed, 64 KB binaries", "bin64k.cpu_us_per_mb", "us", 0.60),
    Row("CPU per MB echoed, 64 MB binaries", "bin64m.cpu_us_per_mb", "us", 0.80),
    Row("64 MB echo rate, against raw loopback", "bin64m.mb_per_s", "MB/s", 0.75, against="raw", less=False),
    Row("connect and handshake, CPU", "connect.cpu_us", "us", 0.40),
    "The wire, a BEAM client",
    Row("round trip p50, one caller", "beam1.p50_us", "us", 0.90),
    Row("calls per second, 64 callers", "beam64.rate", "/s", 1.1, less=False),
    Row("server CPU per call, 64 callers", "beam64.cpu_us", "us", 0.55),
    Row("calls per second, 256 callers", "beam256.rate", "/s", 1.1, less=False),
    Row("server CPU per call, 256 callers", "beam256.cpu_us", "us", 0.50),
    Row("2.5 KB term, 16 callers, rate", "beam16_echo.rate", "/s", 1.0, less=False),
    Row("2.5 KB term, 16 callers, server CPU", "beam16_echo.cpu_us", "us", 0.55),
    Row("server CPU per cast", "beam_cast.cpu_us", "us", None),
    Row("rpc:call, server CPU", "rpc.cpu_us", "us", 0.75),
    Row("erpc:call, server CPU", "erpc.cpu_us", "us", 0.75),
    "The codec",
    *[times("decode %s" % t, "decode_" + t, 3, a) for t in SMALL_TERMS for a in ("libei", "beam")],
    times("decode, mean of these", "decode_mean", 4, "libei"), times("decode, mean of these", "decode_mean", 4, "beam"),
    *[times("decode %s, libei keeps it" % t, "build_" + t, None, "libei") for t in SMALL_TERMS],
    times("decode, mean of these, libei keeps them", "build_mean", None, "libei"),
    *[times("encode %s" % t, "encode_" + t, 2.2, a) for t in SMALL_TERMS for a in ("libei", "beam")],
    times("encode, mean of these", "encode_mean", 3, "libei"), times("encode, mean of these", "encode_mean", 3, "beam"),
    *[times("validate %s" % t, "validate_" + t, None, "libei") for t in SMALL_TERMS],
    times("validate, mean of these", "validate_mean", 4, "libei"),
    times("decode a map of 100,000 keys", "decode_big_map", 12), times("encode a map of 100,000 keys", "encode_big_map", 5),
    Row("decode a binary of 16 MB", "decode_binary", "us", 5, ratio=None), Row("encode a binary of 16 MB", "encode_binary", "us", 5, ratio=None),
    "Processes of one node",
    Row("call: request, reply, monitor", "local_call", "ns", 0.10), Row("call: request, reply, monitor", "local_call", "ns", 0.35, against="caf"),
    Row("send, one way", "local_send", "ns", 0.40), Row("ping-pong, round trip", "local_ping_pong", "ns", 0.30),
    Row("spawn, first message, exit", "local_spawn", "ns", 0.15),
    Row("memory per idle process", "local_idle_bytes", "B", 256, ratio=None), Row("memory per idle gen_server", "local_idle_server_bytes", "B", None),
    "Memory of a node",
    Row("resident, started", "rss_idle", "MB", 0.15), Row("resident, after the load", "rss_after", "MB", 0.10),
    "Hot code",
    Row("load_file of a small module, p50", "hot_load", "us", 0.5), Row("purge, p50", "hot_purge", "us", 1.1),
    Row("purge, 1,000 idle processes of the module", "hot_purge_idle", "us", None),
    Row("load_file by erpc, p50", "hot_load_erpc", "us", None), Row("round trip by erpc, p50", "hot_erpc_trip", "us", None),
    Row("longest stall, 1 process, release_handler", "hot_release_1", "us", 0.05),
    Row("longest stall, 10,000, release_handler", "hot_release_10000", "us", 0.01),
    Row("longest stall, 1 process, by hand (sys)", "hot_stall_1", "us", 0.05),
    Row("longest stall, 10,000, by hand (sys)", "hot_stall_10000", "us", 0.01),
    Row("change_code, equal layout, 1 MiB", "hot_change_1m", "us", None),
    Row("change_code, equal layout, 1 GiB", "hot_change_1g", "us", 100, ratio=None),
    Row("change_code, 1 GiB to 1 MiB", "hot_change_flat", "x", 1.5, ratio=None),
]

CURVES = [
    ("connections.cpu_us", "server CPU per call, by connections", "connections", "us"),
    ("connections.rate", "calls per second, by connections", "connections", "/s"),
    ("monitors.cpu_us", "server CPU per call, by monitors on the server", "monitors", "us"),
    ("message_size.cpu_us", "server CPU per echo, by size of the binary", "bytes", "us"),
    ("message_size.mb_per_s", "echo, MB per second, by size of the binary", "bytes", "MB/s"),
    ("send_to_many", "local send, by number of receiving gen_servers", "processes", "ns"),
    ("idle_processes.cpu_us", "server CPU per call, by processes that wait", "processes", "us"),
]


def best(values, less):
    return min(values) if less else max(values)


class Figures:
    """The best of all rounds. The BEAM of a row is the better of its variants in this run; ours is the node as it starts by default."""

    def __init__(self, results):
        self.raw = results.figures
        for what in ("decode", "build", "encode", "validate"):
            whos = set.intersection(*[set(self.raw.get("%s_%s" % (what, t), {})) for t in SMALL_TERMS])
            for who in whos:
                logs = [log(min(self.raw["%s_%s" % (what, t)][who])) for t in SMALL_TERMS]
                self.raw.setdefault(what + "_mean", {})[who] = [exp(sum(logs) / len(logs))]

        if {"hot_change_1g", "hot_change_1m"} <= set(self.raw):
            self.raw["hot_change_flat"] = {"cnode": [min(self.raw["hot_change_1g"]["cnode"]) / min(self.raw["hot_change_1m"]["cnode"])]}

    def value(self, row, who):
        found = self.raw.get(row.figure, {})
        kinds = ("beam", "beam_quiet") if who == "beam" else (who,)
        values = [best(found[k], row.less) for k in kinds if k in found]
        return best(values, row.less) if values else None

    def ratio(self, row):
        """What the goal bounds; None when a side is missing."""
        ours, theirs = self.value(row, "cnode"), self.value(row, row.against)
        if ours is None or (row.ratio and not theirs):
            return None
        return ours if row.ratio is None else ours / theirs if row.ratio == "of" else theirs / ours

    def met(self, row):
        ratio = self.ratio(row)
        if row.goal is None or ratio is None:
            return None
        return ratio <= row.goal if row.at_most else ratio >= row.goal
