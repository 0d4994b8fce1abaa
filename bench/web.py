"""The part `http` of bench/run: HTTP in and out.

In: the same component (guests/http/serve.c) behind `writ serve` and `wasmtime serve`, a fresh
instance each request, wrk for the load.  Out: the same client (guests/test/http.c) under `writ run`
and `wasmtime run -S http`, against nginx on loopback; each of Writ's requests is judged, crosses
two processes, and is audited.  Rounds of both are interleaved.  Judging: bench-judge.
"""
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tests", "e2e"))
import origin  # noqa: E402

CONNECTIONS = 32
BIG = 64 << 20
JUDGE_AIM = 2.0
LIMITS = ("limits: { time: 600s, requests: 10000000, audit: 1GiB, "
          "memory: 256MiB }\nrandom: secure\n")


class Failed(Exception):
    """Why there is no number."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One of the two servers, on a port of its own."""

    def __init__(self, make):
        self.port = free_port()
        self.process = subprocess.Popen(
            make(f"127.0.0.1:{self.port}"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port),
                                         1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.close()
        raise Failed("it does not listen: " + self.process.stderr.read()
                     .decode(errors="replace").strip()[-100:])

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def wrk(port, path, seconds):
    """(requests a second, p99 in ms)."""
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "--latency",
         f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True,
        timeout=seconds + 60, check=False)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)",
                    done.stdout)
    if not rate or not p99:
        raise Failed("wrk: " + (done.stderr.strip() or "no word")[:100])
    if bad:
        raise Failed("wrk: " + bad[0])
    unit = {"us": 1e-3, "ms": 1.0, "s": 1e3}[p99[2]]
    return float(rate[1]), float(p99[1]) * unit


def bench_in(table, writ, wasmtime, component, rounds, seconds):
    ways = {"writ": lambda at: [writ, "serve", "--addr", at, component],
            "wasmtime": lambda at: [wasmtime, "serve", "-S", "cli", "-C",
                                    "cache=y", "--addr", at, component]}
    servers, found = {}, {}
    try:
        for name, make in ways.items():
            servers[name] = Server(make)
        for path in ("/", "/big/65536"):
            found = {name: [] for name in ways}
            for i in range(rounds + 1):
                for name, server in servers.items():
                    got = wrk(server.port, path, seconds if i else 1)
                    if i:
                        found[name].append(got)
            what = "serve, hello" if path == "/" else "serve, 64 KiB"
            for i, (label, unit, aim) in enumerate((
                    ("requests", "a second", 1.0), ("p99", "ms", None))):
                mine, theirs = (statistics.median(v[i] for v in found[n])
                                for n in ways)
                table.ratio(f"{what}: {label}", mine, theirs, unit,
                            aim if path == "/" else None, higher=True)
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        table.add("serve", "not measured", "", "", "", str(error))
    finally:
        for server in servers.values():
            server.close()


def seconds_of(argv, want):
    begin = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=600, check=False)
    spent = time.perf_counter() - begin
    if done.returncode != 0 or want not in done.stdout:
        words = (done.stdout + done.stderr).strip().splitlines()
        raise Failed(f"status {done.returncode}: "
                     f"{words[-1] if words else 'no word'}"[:140])
    return spent


def bench_one(table, what, peers, count, unit, rounds, aim, work):
    """Rate of each peer: `count` units of work less the start."""
    spent = {name: [[], []] for name in peers}
    try:
        for i in range(rounds + 1):
            for name, run in peers.items():
                for k, words in enumerate(work):
                    t = seconds_of(run(words[0]), words[1])
                    if i:
                        spent[name][k].append(t)
        rates = {name: count / max(statistics.median(b) -
                                   statistics.median(a), 1e-9)
                 for name, (a, b) in spent.items()}
    except (Failed, OSError, subprocess.TimeoutExpired) as error:
        table.add(what, "not measured", "", "", "", str(error))
        return
    table.ratio(what, rates["writ"], rates["wasmtime"], unit, aim,
                higher=True)


def bench_out(table, writ, wasmtime, client, scratch, rounds, scale):
    authority = origin.Authority(os.path.join(scratch, "tls"))
    # what is sent up is written: not to a disk
    with tempfile.TemporaryDirectory(prefix="writ-bench-",
                                     dir="/dev/shm") as shm, \
            origin.Nginx(os.path.join(shm, "nginx"), authority,
                         log=False) as nginx:
        url = f"http://127.0.0.1:{nginx.plain}"
        nginx.file("small", b"hello\n")
        with open(os.path.join(shm, "nginx", "www", "big"), "wb") as file:
            file.truncate(BIG)
        path = os.path.join(scratch, "out.writ.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"writ: 1\n{LIMITS}http:\n  - {{ name: o, methods: "
                       f"[GET, PUT], url: \"{url}/**\", addresses: "
                       "[\"127.0.0.1/32\"], request: { max: 1GiB }, "
                       "response: { max: 1GiB } }\n")
        os.chmod(path, 0o644)
        audit = os.path.join(scratch, "out.audit")

        def ours(words):
            if os.path.exists(audit):
                os.unlink(audit)
            return [writ, "run", "--audit", audit, "-w", path, client, *words]

        def theirs(words):
            return [wasmtime, "run", "-S", "http", "-C", "cache=y", client,
                    *words]

        peers = {"writ": ours, "wasmtime": theirs}
        for width in (1, 16):
            n = int((2000 if width == 1 else 6000) * scale)
            get = ["GET", url + "/small", "-q", "-j", str(width), "-n"]
            bench_one(table, f"requests sent, {width} at a time", peers, n,
                      "a second", rounds, 0.8,
                      [(get + ["1"], "1 times status 200"),
                       (get + [str(n + 1)], f"{n + 1} times status 200")])
        times = 4
        for what, words in (("down", ["GET", url + "/big"]),
                            ("up", ["PUT", url + "/upload/up", "-d",
                                    f"@{BIG}"])):
            words = words + ["-q", "-n"]
            bench_one(table, f"64 MiB bodies, {what}", peers,
                      times * BIG / 1e6, "MB/s", rounds, 0.8,
                      [(words + ["1"], "1 times status 20"),
                       (words + [str(times + 1)], " times status 20")])


def bench_judge(table, build):
    program = os.path.join(build, "bench", "bench-judge")
    if not os.access(program, os.X_OK):
        table.add("judging a request", "not measured", "", "", "",
                  "no bench-judge")
        return
    for shapes in (10, 100, 1000):
        done = subprocess.run([program, str(shapes)], capture_output=True,
                              stdin=subprocess.DEVNULL, text=True,
                              timeout=300, check=False)
        if done.returncode != 0:
            table.add(f"judging a request, {shapes} shapes", "not measured",
                      "", "", "", done.stderr.strip()[:120])
            continue
        got = json.loads(done.stdout)
        micros = got["ns"] / 1000
        aim = JUDGE_AIM if got["shapes"] == 100 else None
        table.add(f"judging a request, {got['shapes']} shapes",
                  f"{micros:.3f} µs", "", "",
                  f"≤ {aim} µs" if aim else "",
                  ("met" if micros <= aim else "NOT MET") if aim else "")


def bench(table, build, out, scratch, wasmtime, quick):
    writ = os.path.join(os.path.abspath(build), "writ")
    rounds, seconds, scale = (2, 2, 0.3) if quick else (5, 5, 1.0)
    bench_in(table, writ, wasmtime, os.path.join(out, "serve-c.wasm"), rounds,
             seconds)
    bench_out(table, writ, wasmtime, os.path.join(out, "test", "http.wasm"),
              scratch, rounds, scale)
    bench_judge(table, build)
