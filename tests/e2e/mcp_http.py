"""A toolbox served over HTTP: who may come in, and real clients on their tour
(clients_real.py); the parser has unit tests of its own."""
import http.client
import json
import os
import re
import signal

from clients_real import a_toolbox, python, tour, typescript
from harness import (REFUSED, case, cases_of, check, equal, one_sentence,
                     wait_until)
from toolboxes import LEGACY, children, gone, toolbox, typed

ACCEPT = "application/json, text/event-stream"


class Server:
    """`writ mcp --http` on a free port."""

    def __init__(self, box, path, *more):
        self.box, self.log = box, box.path("work/server.log")
        with open(self.log, "wb") as log:
            self.process = box.popen(box.command(
                "mcp", "--toolbox", path, "--http", "127.0.0.1:0", *more),
                stderr=log)
        found = wait_until("serving", lambda: re.search(
            r"http://127\.0\.0\.1:(\d+)/mcp \(token in (.*)\)", self.said()))
        self.port = int(found.group(1))
        self.token_file = found.group(2)
        with open(self.token_file, encoding="ascii") as file:
            self.token = file.read().strip()

    def said(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        family = [self.process.pid, *children(self.process.pid)]
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()
        gone(family)

    def ask(self, message, **headers):
        """Status and body of one POST; a header that is None is left out."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        all_headers = {"Host": f"127.0.0.1:{self.port}", "Accept": ACCEPT,
                       "Content-Type": "application/json",
                       "Authorization": "Bearer " + self.token, **headers}
        c.putrequest("POST", "/mcp", skip_host=True,
                     skip_accept_encoding=True)
        body = json.dumps(message).encode()
        for key, value in all_headers.items():
            if value is not None:
                c.putheader(key, value)
        c.putheader("Content-Length", str(len(body)))
        c.endheaders(body)
        answer = c.getresponse()
        got = answer.status, answer.read().decode("utf-8", "replace")
        c.close()
        return got


HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": LEGACY, "capabilities": {},
    "clientInfo": {"name": "raw", "version": "1"}}}


@case
def MCP_07_host_origin_and_token(box):
    with Server(box, toolbox(box, typed(box))) as s:
        equal(s.ask(HELLO)[0], 200)
        own = f"http://127.0.0.1:{s.port}"
        equal(s.ask(HELLO, Origin=own)[0], 200)
        for headers, status in (
                ({"Host": "evil.example"}, 403),
                ({"Host": f"evil.example:{s.port}"}, 403),
                ({"Host": "127.0.0.1:1"}, 403),
                ({"Origin": "http://evil.example"}, 403),
                ({"Origin": "null"}, 403),
                ({"Origin": f"http://localhost.evil.example:{s.port}"}, 403),
                ({"Authorization": None}, 401),
                ({"Authorization": "Bearer "}, 401),
                ({"Authorization": "Basic " + s.token}, 401),
                ({"Authorization": "Bearer " + s.token[:-1]}, 401),
                ({"Authorization": "Bearer " + s.token + "0"}, 401),
                ({"Authorization": "Bearer " + "0" * len(s.token)}, 401)):
            found = s.ask(HELLO, **headers)
            equal(found[0], status, headers, found)
            check("serverInfo" not in found[1], headers, found)
    equal(box.audits(), [])


@case
def SEC_07_the_token_is_nowhere_else(box):
    with Server(box, toolbox(box, typed(box))) as s:
        equal(os.stat(s.token_file).st_mode & 0o777, 0o600)
        check(len(s.token) >= 64, len(s.token))
        s.ask(HELLO)
        s.ask(HELLO, Authorization="Bearer " + s.token[:-1] + "x")
        for pid in (s.process.pid, *children(s.process.pid)):
            for name in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    check(s.token.encode() not in file.read(), pid, name)
        check(s.token not in s.said(), s.said())
        for path in box.audits():
            with open(path, encoding="utf-8") as file:
                check(s.token not in file.read(), path)


def bad_token(box, make):
    path = toolbox(box, typed(box))
    file = box.path("work/token")
    make(box, file)
    result = box.writ("mcp", "--toolbox", path, "--http", "127.0.0.1:0",
                      "--token-file", file)
    equal((result.code, result.out), (REFUSED, b""), result)
    one_sentence(result)
    check("0123456789" * 4 not in result.error, result)


GOOD = "0123456789" * 4
cases_of({
    "token-others-may-read": lambda b, f: b.file("work/token", GOOD, 0o644),
    "token-too-short": lambda b, f: b.file("work/token", "short", 0o600),
    "token-of-two-lines": lambda b, f: b.file("work/token", GOOD + "\n" +
                                              GOOD, 0o600),
    "token-is-a-link": lambda b, f: os.symlink(
        b.file("work/real", GOOD, 0o600), f),
    "token-is-a-folder": lambda b, f: os.mkdir(f),
}, bad_token)


def elsewhere(box, address):
    path = toolbox(box, typed(box))
    result = box.writ("mcp", "--toolbox", path, "--http", address)
    equal((result.code, result.out), (REFUSED, b""), result)
    one_sentence(result)


cases_of({f"not-on-{a}": a for a in (
    "0.0.0.0:0", "[::]:0", "192.168.0.1:80", ":80", "127.0.0.1",
    "127.0.0.1:99999", "example.org:80", "127.0.0.2:0")}, elsewhere)


def over_http(box, row):
    start, mode = row
    with Server(box, a_toolbox(box)) as s:
        # the newer revision knows no connections: who has the token is one
        tour(box, start, mode, s.token, f"http://127.0.0.1:{s.port}/mcp",
             again=3 if mode == "auto" else 0)


cases_of({
    "http-python-modern": (python, "auto"),
    "http-python-legacy": (python, "legacy"),
    "http-typescript-modern": (typescript("client"), "auto"),
    "http-typescript-legacy": (typescript("client"), "legacy"),
    "http-sdk": (typescript("sdk"), "legacy"),
}, over_http)
