"""The nodes under measurement, each a process of this machine: ours, BEAMs, one on libei, and a plain echo server."""
import os
import shutil
import subprocess
import time


class Broken(Exception):
    """A benchmark that lost a reply, a node that did not start: there is no figure."""


class Bench:
    """Folders, cookie and epmd of one run. Use as a context: everything that was started ends with it."""

    def __init__(self, here, work):
        top = os.path.normpath(os.path.join(here, "..", ".."))
        self.here, self.work, self.cookie = here, work, "bench%d" % os.getpid()
        self.cnode = os.environ.get("CNODE", os.path.join(top, "build/release/bin/cnode"))
        self.bin = os.environ.get("BENCH", os.path.join(top, "build/release/bench"))
        self.env = {k: v for k, v in os.environ.items() if k not in ("ERL_FLAGS", "ERL_AFLAGS", "ERL_ZFLAGS", "ERL_LIBS", "ERL_DIST_PORT")}
        self.env.update(ERL_EPMD_PORT=str(10000 + os.getpid() % 20000), ERL_EPMD_ADDRESS="127.0.0.1", HOME=work, LANG="C.UTF-8",
                        LC_ALL="C.UTF-8", ERL_CRASH_DUMP="/dev/null", BENCH_TERMS=work, CNODE=self.cnode)
        self.started, self.copies, self.numbers = [], [], 0

    def __enter__(self):
        self.run(["epmd", "-port", self.env["ERL_EPMD_PORT"], "-daemon"])
        for source in ("wire/bench_server.erl", "wire/bench_client.erl", "local/bench_local.erl", "codec/codec_terms.erl"):
            self.run(["erlc", "-o", self.work, os.path.join(self.here, source)])
        self.run(["erl", "-noshell", "-pa", self.work, "-run", "codec_terms", "write", self.work])
        return self

    def __exit__(self, *_):
        for process in self.started:
            process.kill()
            process.wait()
        subprocess.run(["epmd", "-port", self.env["ERL_EPMD_PORT"], "-kill"], env=self.env, capture_output=True)
        for folder in self.copies:
            shutil.rmtree(folder, ignore_errors=True)

    def has(self, program):
        return os.access(os.path.join(self.bin, program), os.X_OK)

    def program(self, name, *args, timeout=900):
        return self.run([os.path.join(self.bin, name), *map(str, args)], timeout=timeout)

    def run(self, command, timeout=900):
        """What it printed; Broken when it fails."""
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=timeout)
        if done.returncode != 0:
            raise Broken("%s: %s" % (" ".join(command), (done.stdout[-500:] + done.stderr[-1500:] + " status %d" % done.returncode)))
        return done.stdout

    def start(self, command, log):
        with open(os.path.join(self.work, log), "w") as out:
            process = subprocess.Popen(command, env=self.env, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.started.append(process)
        return process

    def wait_for(self, what, condition, process=None):
        for _ in range(1200):
            answer = condition()
            if answer:
                return answer
            if process and process.poll() is not None:
                break
            time.sleep(0.05)
        raise Broken("%s: not within a minute" % what)

    def read_log(self, log):
        with open(os.path.join(self.work, log)) as f:
            return f.read()

    def fresh_name(self, prefix):
        self.numbers += 1
        return "%s%d" % (prefix, self.numbers)


class Server:
    """A node with the process bench_server on it: name, port, the pid whose CPU time counts."""

    def __init__(self, bench, kind, process, name, port):
        self.bench, self.kind, self.process, self.port = bench, kind, process, port
        self.node = name + "@localhost"

    @property
    def pid(self):
        return self.process.pid

    def rss(self):
        """Bytes that are resident."""
        with open("/proc/%d/statm" % self.pid) as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self):
        self.process.kill()
        self.process.wait()


def epmd_port(bench, name):
    for line in subprocess.run(["epmd", "-port", bench.env["ERL_EPMD_PORT"], "-names"], env=bench.env, capture_output=True, text=True).stdout.splitlines():
        words = line.split()
        if len(words) == 5 and words[1] == name:
            return int(words[4])
    return None


def start_ours(bench, kind="cnode", options=()):
    name = bench.fresh_name("ours")
    process = bench.start([bench.cnode, "start", "--sname", name + "@localhost", "--cookie", bench.cookie, "--pa", bench.bin, *options], name + ".log")
    bench.wait_for(name, lambda: "ready" in bench.read_log(name + ".log"), process)
    server = Server(bench, kind, process, name, bench.wait_for(name, lambda: epmd_port(bench, name)))
    start_server_process(bench, server.node)
    return server


def start_beam(bench, kind="beam", flags=(), root=None):
    name = bench.fresh_name("beam")
    code = bench.work
    command = ["erl"]
    if root:
        command = ["chroot", root, "erl"]
        if bench.work not in " ".join(bench.copies):
            os.makedirs(root + bench.work, exist_ok=True)
            bench.copies.append(root + bench.work)
            shutil.copy(os.path.join(bench.work, "bench_server.beam"), root + bench.work)
    command += ["-noinput", "+S", "1:1", *flags, "-sname", name + "@localhost", "-setcookie", bench.cookie, "-pa", code]
    process = bench.start(command, name + ".log")
    server = Server(bench, kind, process, name, bench.wait_for(name, lambda: epmd_port(bench, name), process))
    start_server_process(bench, server.node)
    return server


def start_server_process(bench, node):
    evaluate(bench, "{ok, _} = rpc:call('%s', bench_server, start, [])" % node)


def evaluate(bench, expression):
    """By a BEAM node that ends then; a match that fails is a failure."""
    bench.run(["erl", "-noinput", "-hidden", "-sname", bench.fresh_name("starter") + "@localhost", "-setcookie", bench.cookie, "-eval",
               expression + ", halt(0)."], timeout=120)


def start_libei(bench):
    name = bench.fresh_name("libei")
    process = bench.start([os.path.join(bench.bin, "bench_libei_server"), name, bench.cookie], name + ".log")
    return Server(bench, "libei", process, name, int(bench.wait_for(name, lambda: bench.read_log(name + ".log").strip(), process)))


def start_raw(bench):
    process = bench.start([os.path.join(bench.bin, "bench_raw_echo")], "raw.log")
    return Server(bench, "raw", process, "raw", int(bench.wait_for("raw", lambda: bench.read_log("raw.log").strip(), process)))
