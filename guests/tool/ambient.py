"""Tries everything a program finds around it without asking, and tells what
it got: one line each, "name: got DETAIL | nothing | refused", and the same as
one line of JSON at the end."""
import json
import os
import socket
import sys
import time

from componentize_py_types import Err, Ok
from wit_world import exports
from wit_world.imports import outgoing_handler, preopens
from wit_world.imports import wasi_http_types as http

results = {}


def report(name, state, detail=""):
    results[name] = {"state": state, "detail": detail}
    print(f"{name}: {state}{' ' if detail else ''}{detail}")


def attempt(name, action):
    """`action` returns a detail to show, or None for nothing."""
    try:
        detail = action()
    except Err as error:
        report(name, "refused", type(error.value).__name__)
    except Exception as error:  # whatever refuses, refuses
        report(name, "refused", f"{type(error).__name__}: {error}"[:120])
    else:
        if detail is None:
            report(name, "nothing")
        else:
            report(name, "got", str(detail)[:120])


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().strip()


def write(path):
    with open(path, "w", encoding="utf-8"):
        pass
    os.unlink(path)
    return "created " + path


def counted(values):
    values = list(values)
    return f"{len(values)}, first {values[0]}" if values else None


def connect():
    with socket.create_connection(("127.0.0.1", 80), 1):
        return "connected"


def fetch():
    request = http.OutgoingRequest(http.Fields.from_list([]))
    request.set_scheme(http.Scheme_Http())
    request.set_authority("127.0.0.1:80")
    request.set_path_with_query("/")
    future = outgoing_handler.handle(request, None)
    future.subscribe().block()
    answer = future.get()
    while isinstance(answer, Ok):
        answer = answer.value
    if isinstance(answer, Err):
        raise answer
    return answer


def stdin():
    data = sys.stdin.read(64)
    return f"{len(data)} characters" if data else None


def wall():
    now = time.time()
    return None if now < 1 else int(now)


class Run(exports.Run):
    def run(self) -> None:
        attempt("arguments", lambda: counted(sys.argv))
        attempt("environment", lambda: counted(sorted(os.environ)))
        attempt("home", lambda: os.environ.get("HOME"))
        attempt("preopens", lambda: counted(
            name for _, name in preopens.get_directories()))
        attempt("passwd", lambda: read("/etc/passwd"))
        attempt("proc-environ", lambda: read("/proc/self/environ"))
        attempt("root", lambda: counted(os.listdir("/")))
        attempt("cwd", lambda: counted(os.listdir(".")))
        attempt("parent", lambda: counted(os.listdir("..")))
        attempt("tmp-write", lambda: write("/tmp/ambient-was-here"))
        attempt("tcp-connect", connect)
        attempt("name-lookup", lambda: socket.getaddrinfo("localhost", 80))
        attempt("http-fetch", fetch)
        attempt("wall-clock", wall)
        attempt("monotonic-clock", lambda: time.monotonic_ns())
        attempt("random", lambda: os.urandom(8).hex())
        attempt("stdin", stdin)
        print(json.dumps(results))
