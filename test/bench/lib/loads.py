"""What loads a node in the rows of the wire: figure, client, what it is told, how often. `test/bench/profile` uses the same."""

# Counts at the three sizes: moment, quick, full.
CALLS, SOME = (500, 20_000, 60_000), (200, 4_000, 12_000)


class Load:
    """Of the C++ client (options) or, with `callers`, of the BEAM client. `libei`: that server can do it, too."""

    def __init__(self, figure, what, count, callers=None, libei=False, **options):
        self.figure, self.what, self.count, self.callers, self.libei, self.options = figure, what, count, callers, libei, options


CPP = (
    Load("call64", "call", CALLS, libei=True, window=64, check_monitors=1),
    Load("call256", "call", CALLS, libei=True, window=256),
    Load("call64_cache", "call", CALLS, window=64, atom_cache=1),
    Load("call1", "call", SOME, libei=True, window=1),
    Load("cast", "cast", CALLS, libei=True),
    Load("echo", "echo", SOME, libei=True, window=64),
    Load("bin64k", "echo_binary", (50, 1_000, 3_000), size=65_536, window=8, atom_cache=1),
    Load("bin64m", "echo_binary", (1, 5, 10), size=64 << 20, window=1, atom_cache=1),
    Load("connect", "connect", (10, 200, 1_000)),
)
BEAM = (
    Load("beam1", "call", SOME, callers=1),
    Load("beam64", "call", CALLS, callers=64),
    Load("beam256", "call", CALLS, callers=256),
    Load("beam_cast", "cast", CALLS, callers=1),
    Load("beam16_echo", "echo", SOME, callers=16),
    Load("rpc", "rpc", SOME, callers=16),
    Load("erpc", "erpc", SOME, callers=16),
)


def of_figure(figure):
    """The load behind `call64.cpu_us` or `call64`; None when it is no row of the wire."""
    name = figure.split(".")[0]
    return next((load for load in CPP + BEAM if load.figure == name), None)
