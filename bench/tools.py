"""The part `mcp` of bench/run: tools called by an agent.

One component and one answer (an echoed string, in a fresh instance each time) over each way in:
behind the front end (bench-front stands in its place), as an MCP client over stdio and over
HTTP; and the same from a plain Node.js MCP server (stdio) and from `wasmtime serve` (HTTP).
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

PROGRAMS = ("writ", "writ-worker", "writ-compiler")
CALL = {"name": "echo", "arguments": {"text": "hello"}}
WINDOW = 16
REVISION = "2026-07-28"
META = "io.modelcontextprotocol/"
TOOLBOX = """toolbox: 1
name: bench
tools:
  - component: ./echo.wasm
    name: bench
    functions: [{ export: echo, name: echo }]
"""


class Failed(Exception):
    """Why there is no number."""


class Speed:
    """Calls a second, and microseconds of one."""

    def __init__(self, line):
        self.rate, self.p50, self.p99, self.most = map(float,
                                                       line.split()[:4])
        self.failed = int(line.split()[4])
        if self.failed:
            raise Failed(f"{self.failed} calls failed")


def ask(argv, env, stdin=None, timeout=300):
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True,
                          env=env, timeout=timeout, check=False)
    if done.returncode != 0:
        raise Failed((done.stderr.strip().splitlines() or ["no word"])[-1])
    return done.stdout


class Box:
    """Folders of one bench: programs, toolboxes, and state of their own."""

    def __init__(self, build, out, scratch):
        self.build, self.out = os.path.abspath(build), out
        self.base = os.path.join(scratch, "mcp")
        self.writ = os.path.join(self.build, "writ")
        self.inside = self.programs("inside", "bench-front")
        self.env = dict(os.environ,
                        XDG_STATE_HOME=os.path.join(self.base, "state"))

    def programs(self, name, front):
        """Programs that find `front` where writ-mcp is looked for."""
        folder = os.path.join(self.base, name)
        os.makedirs(folder)
        for program in PROGRAMS:
            shutil.copy(os.path.join(self.build, program), folder)
        shutil.copy(os.path.join(self.build, "bench", front),
                    os.path.join(folder, "writ-mcp"))
        return os.path.join(folder, "writ")

    def toolbox(self, name, text, files):
        folder = os.path.join(self.base, name)
        os.makedirs(folder)
        for file in files:
            shutil.copy(file, folder)
        path = os.path.join(folder, "toolbox.yaml")
        with open(path, "w", encoding="utf-8") as to:
            to.write(text)
        ask([self.writ, "pin", "--yes", path], self.env)
        return path

    def serve(self, toolbox, *more):
        return [self.writ, "mcp", "--toolbox", toolbox, *more]

    def load(self, server, count, rate=0, window=WINDOW, call=CALL,
             want='"hello"'):
        """One run of bench-load against a server over stdio."""
        return Speed(ask([os.path.join(self.build, "bench", "bench-load"),
                          want, json.dumps(call, separators=(",", ":")),
                          str(window), str(count), str(int(rate)), "--",
                          *server], self.env))

    def front(self, toolbox, orders):
        """Orders (window, count, rate) carried out by bench-front."""
        args = json.dumps(CALL["arguments"])
        lines = "".join(f"echo\t{args}\t{w}\t{n}\t{int(r)}\n"
                        for w, n, r in orders)
        out = ask([self.inside, "mcp", "--toolbox", toolbox], self.env, lines)
        return [Speed(line) for line in out.splitlines()]


def middle(runs):
    """The run of median rate."""
    return sorted(runs, key=lambda s: s.rate)[len(runs) // 2]


def aim(table, what, value, unit, bound, higher=False):
    good = value >= bound if higher else value <= bound
    sign = "≥" if higher else "≤"
    table.add(what, f"{value:.4g} {unit}", "", "", f"{sign} {bound} {unit}",
              "met" if good else "NOT MET")


def latency(table, what, speed, bound=None):
    table.add(f"{what}: p50", f"{speed.p50:.4g} µs")
    if bound:
        aim(table, f"{what}: p99", speed.p99 / 1000, "ms", bound)
    else:
        table.add(f"{what}: p99", f"{speed.p99:.4g} µs")


def bench_inside(table, box, toolbox, count, rounds):
    """Behind the front end: the wire, the broker, a worker, an instance."""
    runs = box.front(toolbox, [(WINDOW, count // 10, 0)]
                     + [(WINDOW, count, 0)] * rounds)
    best = middle(runs[1:])
    aim(table, "tool calls, behind the front end", best.rate, "a second",
        10000, True)
    half, one = box.front(toolbox, [(WINDOW, count // 10, 0),
                                    (WINDOW, count // 4, best.rate / 2),
                                    (1, count // 10, 0)])[1:]
    latency(table, "tool calls, behind the front end, half load", half)
    latency(table, "tool calls, behind the front end, one at a time", one)


def bench_stdio(table, box, toolbox, peer, count, rounds):
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(box.load(box.serve(toolbox), count))
        if peer:
            theirs.append(box.load(peer, count))
    ours = middle(ours)
    aim(table, "MCP over stdio", ours.rate, "a second", 3000, True)
    if peer:
        theirs = middle(theirs)
        table.ratio("MCP over stdio: against a plain Node.js server",
                    ours.rate, theirs.rate, "a second", higher=True)
    half = box.load(box.serve(toolbox), count // 4, ours.rate / 2)
    latency(table, "MCP over stdio, half load", half, 5)
    if peer:
        latency(table, "MCP over stdio, half load: Node.js",
                box.load(peer, count // 4, theirs.rate / 2))
        latency(table, "MCP over stdio, one at a time: Node.js",
                box.load(peer, count // 8, window=1))
    latency(table, "MCP over stdio, one at a time",
            box.load(box.serve(toolbox), count // 8, window=1))


# ---- HTTP

def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server on loopback for the time of a with."""

    def __init__(self, argv, env, port):
        self.argv, self.env, self.port = argv, env, port

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.process.poll() is not None:
                raise Failed(f"{os.path.basename(self.argv[0])} ended: "
                             f"{self.process.returncode}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise Failed("nothing listens")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def message():
    return json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": dict(CALL, _meta={
            META + "protocolVersion": REVISION,
            META + "clientInfo": {"name": "bench", "version": "1"},
            META + "clientCapabilities": {}})}, separators=(",", ":"))


def headers(token):
    return {"Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": REVISION, "Mcp-Method": "tools/call",
            "Mcp-Name": CALL["name"], "Authorization": f"Bearer {token}"}


def script(path, token):
    """The same requests for both servers, for wrk."""
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(message())}"]
    lines += [f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}"
              for k, v in headers(token).items()]
    lines.append("""
done = function(summary, latency, requests)
	local e = summary.errors
	io.write(string.format("%.1f %.1f %.1f %.1f %d\\n",
	    summary.requests * 1e6 / summary.duration, latency:percentile(50),
	    latency:percentile(99), latency.max,
	    e.connect + e.read + e.write + e.status + e.timeout))
end""")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def wrk(box, lua, url, seconds, connections=WINDOW):
    out = ask(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", lua,
               url], box.env)
    return Speed(out.splitlines()[-1])


def check(url, token):
    """The answer is what it should be, before it is measured."""
    request = urllib.request.Request(url, message().encode(), headers(token))
    with urllib.request.urlopen(request, timeout=30) as answer:
        if b"hello" not in answer.read():
            raise Failed("the answer is not an echo")


def bench_http(table, box, toolbox, wasmtime, seconds, rounds):
    token_file = os.path.join(box.base, "token")
    ports = free_port(), free_port()
    ours = box.serve(toolbox, "--http", f"127.0.0.1:{ports[0]}",
                     "--token-file", token_file)
    theirs = [wasmtime, "serve", "-C", "cache=y", "--addr",
              f"127.0.0.1:{ports[1]}", "--max-instance-reuse-count", "1",
              os.path.join(box.out, "bench", "answer.wasm")]
    urls = f"http://127.0.0.1:{ports[0]}/mcp", f"http://127.0.0.1:{ports[1]}/"
    many, one = ([], []), ([], [])
    with Server(ours, box.env, ports[0]), Server(theirs, box.env, ports[1]):
        with open(token_file, encoding="utf-8") as file:
            token = file.read().strip()
        lua = os.path.join(box.base, "wrk.lua")
        script(lua, token)
        for url in urls:
            check(url, token)
        for _ in range(rounds):
            for i, url in enumerate(urls):
                many[i].append(wrk(box, lua, url, seconds))
                one[i].append(wrk(box, lua, url, seconds, 1))
    ours, theirs = map(middle, many)
    table.ratio("MCP over HTTP: against wasmtime serve", ours.rate,
                theirs.rate, "a second", higher=True)
    for name, runs in ((f"{WINDOW} connections", many),
                       ("one connection", one)):
        latency(table, f"MCP over HTTP, {name}", middle(runs[0]))
        latency(table, f"MCP over HTTP, {name}: wasmtime serve",
                middle(runs[1]))


# ---- code tools

CODE = """toolbox: 1
name: code
tools:
  - { name: js, component: ./code-js.wasm, functions: [{ export: run-javascript, name: js }] }
  - { name: py, component: ./code-py.wasm, functions: [{ export: run-python, name: py }] }
"""


def bench_code(table, box, count):
    files = [os.path.join(box.out, f"code-{x}.wasm") for x in ("js", "py")]
    toolbox = box.toolbox("code", CODE, files)
    for name, words, bound in (("js", "run_javascript of 1+1, warm", 3),
                               ("py", "run_python of 1+1, warm", 15)):
        call = {"name": name, "arguments": {"code": "1+1"}}
        speed = box.load(box.serve(toolbox), count, window=1, call=call,
                         want='"value":"2"')
        aim(table, words + ": p50", speed.p50 / 1000, "ms", bound)
        table.add(words + ": p99", f"{speed.p99 / 1000:.4g} ms")


def bench(table, build, out, scratch, peers, scale):
    """peers: {"node": argv of an MCP server or None, "wasmtime": path}"""
    count, rounds = int(40000 * scale), 3 if scale < 1 else 5
    try:
        box = Box(build, out, scratch)
        toolbox = box.toolbox("echo", TOOLBOX, [
            os.path.join(out, "bench", "echo.wasm")])
    except (Failed, OSError) as error:
        table.add("tool calls", "not measured", "", "", "", str(error))
        return
    parts = (
        ("tool calls, behind the front end",
         lambda: bench_inside(table, box, toolbox, count, rounds)),
        ("MCP over stdio", lambda: bench_stdio(
            table, box, toolbox, peers["node"], count, rounds)),
        ("MCP over HTTP", lambda: bench_http(
            table, box, toolbox, peers["wasmtime"], 2 if scale < 1 else 5,
            rounds)),
        ("code tools", lambda: bench_code(table, box, max(count // 100, 60))),
    )
    for name, part in parts:
        try:
            part()
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            table.add(name, "not measured", "", "", "", str(error)[:200])
