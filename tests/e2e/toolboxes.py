"""What the cases of toolboxes share: a box with tools in it, a raw client that
says exactly what it is told to, and the processes of a server."""
import json
import os
import queue
import shutil
import subprocess
import threading
import time

import assemble
from harness import WAIT_SECONDS, check, equal, verify_audit, wait_until

LEGACY, MODERN = "2025-11-25", "2026-07-28"
META = "io.modelcontextprotocol/"

# say(text) prints it, pour() prints without end
SAY = """(component
  (import "wasi:io/error@0.2.12" (instance $error
    (export "error" (type (sub resource)))))
  (alias export $error "error" (type $error-t))
  (import "wasi:io/streams@0.2.12" (instance $streams
    (export "error" (type $e (eq $error-t)))
    (type $why (variant (case "last-operation-failed" (own $e))
      (case "closed")))
    (export "stream-error" (type $why-t (eq $why)))
    (export "output-stream" (type $out (sub resource)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $out)) (param "contents" (list u8))
      (result (result (error $why-t)))))))
  (alias export $streams "output-stream" (type $output))
  (import "wasi:cli/stdout@0.2.12" (instance $stdout
    (export "output-stream" (type $o (eq $output)))
    (export "get-stdout" (func (result (own $o))))))
  (core module $libc
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 65536))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15))
        (i32.const -16)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (alias export $stdout "get-stdout" (func $get-c))
  (core func $get (canon lower (func $get-c)))
  (alias export $streams "[method]output-stream.blocking-write-and-flush"
    (func $write-c))
  (core func $write (canon lower (func $write-c) (memory $memory)
    (realloc $realloc)))
  (core module $main
    (import "env" "memory" (memory 2))
    (import "env" "get" (func $get (result i32)))
    (import "env" "write" (func $write (param i32 i32 i32 i32)))
    (func (export "say") (param $at i32) (param $n i32)
      (call $write (call $get) (local.get $at) (local.get $n)
        (i32.const 1024)))
    (func (export "pour") (local $o i32)
      (local.set $o (call $get))
      (loop $more
        (call $write (local.get $o) (i32.const 2048) (i32.const 4096)
          (i32.const 1024))
        (br_if $more (i32.eqz (i32.load8_u (i32.const 1024)))))))
  (core instance $main (instantiate $main (with "env" (instance
    (export "memory" (memory $memory)) (export "get" (func $get))
    (export "write" (func $write))))))
  (func $say (param "text" string) (canon lift (core func $main "say")
    (memory $memory) (realloc $realloc)))
  (func $pour (canon lift (core func $main "pour")))
  (export "say" (func $say))
  (export "pour" (func $pour)))
"""
_made, _lock = {}, threading.Lock()


def say_component(box):
    """A component that prints; assembled once."""
    with _lock:
        if "say" not in _made:
            with open(assemble.assemble(box, SAY, "work/say.wasm"),
                      "rb") as file:
                _made["say"] = file.read()
        return box.file("work/say.wasm", _made["say"])


# -- toolboxes

def group(box, name, guest, *, writ=None, **more):
    """One group of a toolbox: a copy of a guest, and its own writ."""
    if guest == "say":
        say_component(box)
        file = "say.wasm"
    else:
        file = os.path.basename(guest) + ".wasm"
        if not os.path.exists(box.path("work/" + file)):
            shutil.copyfile(box.guest(guest), box.path("work/" + file))
            box.own(box.path("work/" + file))
    entry = {"name": name, "component": "./" + file, "functions": "all"}
    if writ is not None:
        box.writ_file(writ, f"work/{name}.writ.yaml")
        entry["writ"] = f"./{name}.writ.yaml"
    entry.update(more)
    return entry


def toolbox(box, *groups, pin=True, name="work/toolbox.yaml", **more):
    """Write a toolbox (JSON is YAML) and pin it."""
    path = box.file(name, json.dumps(
        {"toolbox": 1, "name": "e2e", "tools": list(groups), **more}))
    if pin:
        result = box.writ("pin", "--yes", path)
        equal(result.code, 0, result)
    return path


def typed(box, **more):
    return group(box, "t", "test/typed", **more)


# -- processes

def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as file:
            return [int(c) for c in file.read().split()]
    except OSError:
        return []


def comm(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_ticks(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
            return int(fields[11]) + int(fields[12])
    except OSError:
        return 0


def rss_kib(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def fds(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return -1


# -- the raw client

class Client:
    """`writ mcp` over stdio, and what it says."""

    def __init__(self, box, path, *more):
        self.box = box
        self.process = box.popen(
            box.command("mcp", "--toolbox", path, *more),
            stdin=subprocess.PIPE)
        self.pid = self.process.pid
        self.ids = 0
        self.stash = []
        self.notes = []
        self.err = []
        self.lines = queue.Queue()
        self.readers = [threading.Thread(target=t, daemon=True)
                        for t in (self._read, self._read_err)]
        for t in self.readers:
            t.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _read_err(self):
        for line in self.process.stderr:
            self.err.append(line.decode("utf-8", "replace"))

    def error(self):
        return "".join(self.err)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            try:
                stream.close()
            except OSError:
                pass

    # what the server is made of
    def workers(self):
        return [c for c in children(self.pid) if comm(c) == "writ-worker"]

    def front(self):
        found = [c for c in children(self.pid) if comm(c) == "writ-mcp"]
        check(len(found) == 1, found, self.error())
        return found[0]

    # words
    def send_bytes(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message):
        self.send_bytes(json.dumps(message).encode() + b"\n")

    def next(self, seconds=WAIT_SECONDS):
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError("no word of the server; " + self.error()) \
                from None
        check(line is not None, "the server ended: " + self.error())
        message = json.loads(line)
        equal(message["jsonrpc"], "2.0", message)
        return message

    def silent(self, seconds=0.2):
        """Nothing is said meanwhile."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"said {line!r}")

    def begin(self, method, params=None, modern=False, **more):
        self.ids += 1
        params = dict(params or {})
        if modern:
            params["_meta"] = {META + "protocolVersion": MODERN,
                               META + "clientCapabilities": {},
                               **params.get("_meta", {})}
        self.send({"jsonrpc": "2.0", "id": self.ids, "method": method,
                   "params": params, **more})
        return self.ids

    def answer(self, want, seconds=WAIT_SECONDS):
        for i, message in enumerate(self.stash):
            if message["id"] == want:
                return self.stash.pop(i)
        end = time.monotonic() + seconds
        while True:
            message = self.next(max(0.01, end - time.monotonic()))
            if "method" in message:
                self.notes.append(message)
            elif message["id"] == want:
                return message
            else:
                self.stash.append(message)

    def ask(self, method, params=None, **more):
        return self.answer(self.begin(method, params, **more))

    def result(self, method, params=None, **more):
        message = self.ask(method, params, **more)
        check("result" in message, message, self.error())
        return message["result"]

    def hello(self, version=LEGACY, name="raw", capabilities=None):
        found = self.result("initialize", {
            "protocolVersion": version, "capabilities": capabilities or {},
            "clientInfo": {"name": name, "version": "1"}})
        self.note("notifications/initialized")
        return found

    def note(self, method, params=None):
        self.send({"jsonrpc": "2.0", "method": method,
                   **({"params": params} if params else {})})

    def call_begin(self, name, arguments=None, **more):
        return self.begin("tools/call", {"name": name,
                                         "arguments": arguments or {},
                                         **more.pop("params", {})}, **more)

    def call(self, name, arguments=None, **more):
        message = self.answer(self.call_begin(name, arguments, **more))
        check("result" in message, message, self.error())
        return message["result"]

    def value(self, name, arguments=None, **more):
        """What a call that works returns."""
        found = self.call(name, arguments, **more)
        check(not found["isError"], found)
        return found.get("structuredContent", {}).get("result")

    def fails(self, name, arguments=None, *words, **more):
        """A call that is a tool error, whose text has `words`."""
        found = self.call(name, arguments, **more)
        check(found["isError"], found)
        for word in words:
            check(word in text_of(found), f"no {word!r}", found)
        return found

    def end(self, seconds=WAIT_SECONDS):
        """Close; the server and all of its processes go."""
        family = [self.pid, *children(self.pid)]
        self.process.stdin.close()
        code = self.process.wait(seconds)
        gone(family)
        for t in self.readers:
            t.join(5)
        return code


def gone(pids):
    wait_until(f"all of {pids} gone",
               lambda: not any(alive(p) for p in pids))


def text_of(result):
    return "\n".join(c.get("text", "") for c in result["content"])


def sessions(box):
    """The records of each audit log of the box, verified."""
    return [verify_audit(p) for p in box.audits()]


def started(box, c, n=1):
    """Wait until the log says that n calls began and did not end."""
    def running():
        count = 0
        for path in box.audits():
            with open(path, "rb") as file:
                text = file.read()
            count += text.count(b'"type":"call-start"') - \
                text.count(b'"type":"call-end"')
        return count >= n
    wait_until("a call began; " + c.error(), running)
