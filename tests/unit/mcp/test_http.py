#!/usr/bin/env python3
"""test_http.py FAKE_HTTP WRIT_MCP - streamable HTTP of the jailed front end, byte by byte."""
import http.client
import json
import os
import resource
import select
import socket
import struct
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
FAKE, FRONT = sys.argv[1:3]
DEADLINE = 20
with open(FRONT, "rb") as program:
    code = program.read()
SANITIZED = b"__asan_init" in code or b"__tsan_init" in code
TOKEN = "0123456789abcdef0123456789abcdef"
BOTH = "application/json, text/event-stream"
INIT = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {"elicitation": {}}}}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}


def call(number, tool, **arguments):
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}}


def modern(number, method, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method,
            "params": {**params, "_meta": META}}


def head(length, *extra, port=0, verb="POST", path="/mcp", drop=(), **fields):
    """The bytes of a head that is right but for what is said otherwise."""
    lines = {"Host": f"127.0.0.1:{port}", "Authorization": f"Bearer {TOKEN}",
             "Content-Type": "application/json", "Accept": BOTH,
             "Content-Length": str(length)}
    lines.update({k.replace("_", "-"): v for k, v in fields.items()})
    text = [f"{verb} {path} HTTP/1.1"]
    text += [f"{k}: {v}" for k, v in lines.items() if k not in drop]
    return ("\r\n".join(text + list(extra)) + "\r\n\r\n").encode("latin-1")


class Answer:
    """One response, read from a socket."""

    def __init__(self, sock):
        self.response = http.client.HTTPResponse(sock)
        self.response.begin()
        self.status = self.response.status
        self.headers = self.response.headers

    def json(self):
        return json.loads(self.response.read())

    def event(self):
        """The next event of a stream; None at its end."""
        while True:
            line = self.response.readline()
            if not line:
                return None
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def events(self):
        return list(iter(self.event, None))


class Front:
    """The front end and its broker."""

    def __init__(self, *options):
        self.p = subprocess.Popen([FAKE, FRONT, *options], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, bufsize=1)
        self.port, self.pid = map(int, self.p.stdout.readline().split())
        self.socks = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for s in self.socks:
            s.close()
        self.p.stdin.close()
        try:
            status = self.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            raise
        finally:
            said = self.p.stderr.read()
            self.p.stdout.close()
            self.p.stderr.close()
        if kind is None and (status or said):
            raise AssertionError(f"status {status}: {said}")

    def tell(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def report(self):
        """Cancelled calls, clients opened and closed."""
        self.tell("report")
        return tuple(map(int, self.p.stdout.readline().split()))

    def until(self, want):
        """Wait for a report."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            got = self.report()
            if want(*got):
                return got
            time.sleep(0.02)
        raise AssertionError(f"report {got}")

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), DEADLINE)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socks.append(s)
        return s

    def raw(self, data):
        s = self.connect()
        s.sendall(data)
        return Answer(s)

    def ask(self, message=None, sock=None, **fields):
        """POST (or what `verb` says) on a new connection, or on `sock`."""
        body = b"" if message is None else message \
            if isinstance(message, bytes) else json.dumps(message).encode()
        s = sock or self.connect()
        s.sendall(head(len(body), port=self.port, **fields) + body)
        return Answer(s)

    def ask_modern(self, message, **fields):
        fields = {"MCP-Protocol-Version": "2026-07-28",
                  "Mcp-Method": message["method"], **fields}
        name = message["params"].get("name")
        if name:
            fields.setdefault("Mcp-Name", name)
        return self.ask(message, **fields)

    def session(self):
        got = self.ask(INIT)
        assert got.status == 200, got.status
        got.json()
        number = got.headers["Mcp-Session-Id"]
        assert self.ask({"jsonrpc": "2.0", "method":
                         "notifications/initialized"},
                        Mcp_Session_Id=number).status == 202
        return number

    def memory_kib(self):
        if SANITIZED:
            return 0    # shadow memory grows as it likes
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith("VmRSS"):
                    return int(line.split()[1])
        return 0


class Case(unittest.TestCase):

    def closed(self, sock, seconds=DEADLINE):
        """The peer ends the connection."""
        sock.settimeout(seconds)
        try:
            while sock.recv(65536):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass


class Access(Case):

    def test_http__a_token_is_needed(self):
        wrong = ["", "Bearer", "Bearer ", "Bearer x", f"Basic {TOKEN}",
                 f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", TOKEN,
                 f"Bearer {TOKEN} {TOKEN}", f"Bearer\t{TOKEN}"]
        with Front() as f:
            seen = set()
            for value in wrong:
                got = f.ask(INIT, Authorization=value)
                self.assertEqual(got.headers["WWW-Authenticate"], "Bearer")
                seen.add((got.status, str(got.headers), got.response.read()))
            got = f.ask(INIT, drop=("Authorization",))
            seen.add((got.status, str(got.headers), got.response.read()))
            got = f.ask(INIT, path="/other", Authorization="Bearer x")
            seen.add((got.status, str(got.headers), got.response.read()))
            got = f.ask(None, verb="GET", Authorization="Bearer x",
                        Mcp_Session_Id="0" * 48)
            seen.add((got.status, str(got.headers), got.response.read()))
            self.assertEqual(len(seen), 1)
            self.assertEqual(seen.pop()[0], 401)
            self.assertEqual(f.report()[1], 0)
            self.assertEqual(f.ask(INIT, Authorization=f"bearer {TOKEN}")
                             .status, 200)

    def test_http__without_a_token_host_and_origin_are_still_looked_at(self):
        with Front("no-token") as f:
            self.assertEqual(f.ask(INIT, drop=("Authorization",)).status, 200)
            self.assertEqual(f.ask(INIT, Host="evil.example").status, 403)
            self.assertEqual(f.ask(INIT, Origin="http://evil.example").status,
                             403)

    def test_http__another_host_is_refused(self):
        with Front() as f:
            for host in ("evil.example", f"evil.example:{f.port}", "127.0.0.1",
                         f"127.0.0.1:{f.port}x", f"127.0.0.1:{f.port},x", "",
                         f"localhost:{f.port}."):
                self.assertIn(f.ask(INIT, Host=host).status, (400, 403), host)
            self.assertIn(f.ask(INIT, drop=("Host",)).status, (400, 403))
            self.assertEqual(f.ask(INIT, Host=f"localhost:{f.port}").status,
                             200)

    def test_http__another_origin_is_refused(self):
        with Front() as f:
            for origin in ("http://evil.example", "null", "", "*",
                           f"https://127.0.0.1:{f.port}",
                           f"http://127.0.0.1:{f.port}/"):
                got = f.ask(INIT, Origin=origin)
                self.assertEqual(got.status, 403, origin)
                self.assertNotIn("Access-Control-Allow-Origin", got.headers)
            got = f.ask(INIT, Origin=f"http://127.0.0.1:{f.port}")
            self.assertEqual(got.status, 200)
            self.assertNotIn("Access-Control-Allow-Origin", got.headers)
            self.assertNotIn("Set-Cookie", got.headers)

    def test_http__headers_that_come_twice_are_refused(self):
        with Front() as f:
            body = json.dumps(INIT).encode()
            for line in (f"Host: 127.0.0.1:{f.port}", "Origin: x\r\nOrigin: x",
                         f"Authorization: Bearer {TOKEN}",
                         "Content-Type: application/json",
                         f"Content-Length: {len(body)}",
                         "Content-Length: 1", "Transfer-Encoding: chunked",
                         "Mcp-Session-Id: 1\r\nmcp-session-id: 1",
                         "MCP-Protocol-Version: 1\r\nMCP-Protocol-Version: 1"):
                got = f.raw(head(len(body), line, port=f.port) + body)
                self.assertEqual(got.status, 400, line)

    def test_http__malformed_heads_are_refused(self):
        with Front() as f:
            for line in ("X: \x01", "X : y", "X\x01: y",
                         "no colon", ": y", "(): x"):
                body = json.dumps(INIT).encode()
                s = f.connect()
                s.sendall(head(len(body), line, port=f.port) + body)
                try:
                    self.assertEqual(Answer(s).status, 400, repr(line))
                except (http.client.BadStatusLine, ConnectionResetError):
                    pass
            for start in (b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
                          b"POST /mcp HTTP/9.9\r\n\r\n",
                          b"POST /mcp HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
                          b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 40,
                          b"POST /mcp\r\n\r\n"):
                s = f.connect()
                s.sendall(start)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(DEADLINE)
                first = s.recv(4096)
                self.assertNotIn(b" 200 ", first)
            self.assertEqual(f.ask(INIT).status, 200)

    def test_http__a_head_too_large_is_refused(self):
        with Front() as f:
            body = json.dumps(INIT).encode()
            got = f.raw(head(len(body), "X: " + "y" * 40000, port=f.port))
            self.assertIn(got.status, (413, 431))
            many = [f"X{i}: y" for i in range(100)]
            got = f.raw(head(len(body), *many, port=f.port) + body)
            self.assertEqual(got.status, 400)
            got = f.raw(head(0, port=f.port, path="/" + "x" * 40000))
            self.assertIn(got.status, (413, 414, 431))

    def test_http__what_is_no_json_is_refused(self):
        with Front() as f:
            for kind in ("text/plain", "", "application/jsonx",
                         "application/x-www-form-urlencoded",
                         "application/json; charset=latin1"):
                self.assertEqual(f.ask(INIT, Content_Type=kind).status, 415)
            self.assertEqual(f.ask(INIT, drop=("Content-Type",)).status, 415)
            self.assertEqual(f.ask(INIT, Content_Encoding="gzip").status, 415)
            self.assertEqual(f.ask(INIT, Content_Type=
                                   "Application/JSON;charset=UTF-8").status,
                             200)

    def test_http__the_client_must_take_json_and_streams(self):
        with Front() as f:
            for accept in ("", "text/html", "application/json",
                           "text/event-stream", "application/jsonx, */x"):
                self.assertEqual(f.ask(INIT, Accept=accept).status, 406, accept)
            for accept in ("*/*", "application/*;q=0.9, text/*",
                           "text/event-stream ,application/json"):
                self.assertEqual(f.ask(INIT, Accept=accept).status, 200, accept)

    def test_http__one_path_and_three_methods(self):
        with Front() as f:
            for path in ("/", "/mcp/", "/mcp?x=1", "/MCP", "/m%63p", "/mcp/x",
                         "http://127.0.0.1/mcp", "/../mcp", "/healthz"):
                self.assertEqual(f.ask(INIT, path=path).status, 404, path)
            for verb in ("GET", "DELETE", "PUT", "PATCH", "OPTIONS", "BREW",
                         "post"):
                got = f.ask(None, verb=verb)
                self.assertEqual(got.status, 405, verb)
                self.assertEqual(got.headers["Allow"], "POST")


class Messages(Case):

    def test_http__a_session_from_begin_to_end(self):
        with Front() as f:
            number = f.session()
            self.assertEqual(len(number), 48)
            got = f.ask(call(1, "text"), Mcp_Session_Id=number,
                        MCP_Protocol_Version="2025-11-25")
            self.assertEqual(got.status, 200)
            self.assertEqual(got.headers["Content-Type"], "application/json")
            self.assertEqual(got.json()["result"]["content"][0]["text"],
                             "hello")
            self.assertEqual(f.ask(None, verb="DELETE", Mcp_Session_Id=number)
                             .status, 204)
            self.assertEqual(f.ask(call(1, "text"), Mcp_Session_Id=number)
                             .status, 404)
            self.assertEqual(f.ask(None, verb="DELETE", Mcp_Session_Id=number)
                             .status, 404)
            self.assertEqual(f.ask(None, verb="GET", Mcp_Session_Id=number)
                             .status, 404)
            f.until(lambda _, opened, closed: (opened, closed) == (1, 1))

    def test_http__session_ids_differ_and_cannot_be_made_up(self):
        with Front() as f:
            ids = {f.session() for _ in range(20)}
            self.assertEqual(len(ids), 20)
            one = ids.pop()
            for wrong in (one[:-1], one + "0", one.upper() if one.upper() !=
                          one else "x", "0" * 48, "", "*",
                          one[:-1] + ("0" if one[-1] != "0" else "1")):
                got = f.ask(call(1, "text"), Mcp_Session_Id=wrong)
                self.assertEqual(got.status, 404)

    def test_http__without_a_session_there_is_nothing_to_call(self):
        with Front() as f:
            for message in (call(1, "text"),
                            {"jsonrpc": "2.0", "method": "notifications/x"},
                            {"jsonrpc": "2.0", "id": 1, "result": {}}):
                self.assertEqual(f.ask(message).status, 400)

    def test_http__an_initialize_that_fails_leaves_no_session(self):
        with Front() as f:
            got = f.ask({"jsonrpc": "2.0", "id": 0, "method": "initialize"})
            self.assertNotIn("Mcp-Session-Id", got.headers)
            self.assertIn("error", got.json())
            self.assertEqual(f.report()[1], f.report()[2])

    def test_http__initialize_opens_a_session_whatever_its_headers(self):
        with Front() as f:
            got = f.ask(INIT, Mcp_Method="initialize",
                        MCP_Protocol_Version="2025-11-25")
            self.assertEqual(got.status, 200)
            got = f.ask(call(1, "text"), Mcp_Method="tools/call", Mcp_Session_Id=
                        got.headers["Mcp-Session-Id"])
            self.assertEqual(got.json()["id"], 1)

    def test_http__a_revision_that_is_not_spoken(self):
        with Front() as f:
            number = f.session()
            self.assertEqual(f.ask(call(1, "text"), Mcp_Session_Id=number,
                                   MCP_Protocol_Version="2024-11-05").status,
                             400)
            self.assertEqual(f.ask(call(1, "text"), Mcp_Session_Id=number,
                                   MCP_Protocol_Version="v999").status, 400)

    def test_http__messages_that_are_none(self):
        with Front() as f:
            for body in (b"", b"{", b"[]", b"nul", b"\xff", b"[" * 100000,
                         b'{"jsonrpc":"2.0"}', b'{"a":1,"a":2}', b"1" * 100000):
                got = f.ask(body)
                self.assertEqual(got.status, 400)
                self.assertIn("error", got.json())

    def test_http__stateless_requests(self):
        with Front() as f:
            got = f.ask_modern(modern(1, "tools/call", name="text",
                                      arguments={}))
            self.assertEqual(got.status, 200)
            self.assertEqual(got.json()["result"]["resultType"], "complete")
            self.assertNotIn("Mcp-Session-Id", got.headers)
            got = f.ask_modern(modern(1, "no/method"))
            self.assertEqual((got.status, got.json()["error"]["code"]),
                             (404, -32601))
            got = f.ask({"jsonrpc": "2.0", "id": 9, "method":
                         "server/discover"})
            answer = got.json()
            self.assertEqual((got.status, answer["error"]["code"],
                              answer["id"]), (400, -32602, 9))

    def test_http__headers_must_say_what_the_message_says(self):
        message = modern(1, "tools/call", name="text", arguments={})
        with Front() as f:
            for fields in ({"Mcp_Method": "tools/list"}, {"Mcp_Name": "echo"},
                           {"MCP_Protocol_Version": "2025-11-25"},
                           {"Mcp_Method": "TOOLS/CALL"},
                           {"Mcp_Name": "=?base64?ZWNobw==?="},
                           {"Mcp_Name": "=?base64?dGV4?="},
                           {"Mcp_Name": "=?base64?dGV4dA?="}):
                fields = {k.replace("_", "-"): v for k, v in fields.items()}
                got = f.ask_modern(message, **fields)
                self.assertEqual((got.status, got.json()["error"]["code"]),
                                 (400, -32020), fields)
            for name in ("Mcp-Name", "Mcp-Method", "MCP-Protocol-Version"):
                got = f.ask_modern(message, drop=(name,))
                self.assertEqual((got.status, got.json()["error"]["code"]),
                                 (400, -32020), name)
            got = f.ask_modern(message, **{"Mcp-Name": "=?base64?dGV4dA==?="})
            self.assertEqual(got.status, 200)

    def test_http__progress_comes_as_events_before_the_answer(self):
        with Front() as f:
            message = call(1, "progress")
            message["params"]["_meta"] = {"progressToken": "t"}
            got = f.ask(message, Mcp_Session_Id=f.session())
            self.assertEqual(got.headers["Content-Type"], "text/event-stream")
            events = got.events()
            self.assertEqual([e.get("method") for e in events[:-1]],
                             ["notifications/progress"] * (len(events) - 1))
            self.assertEqual(events[-1]["id"], 1)

    def test_http__a_question_goes_out_on_the_stream_of_its_call(self):
        with Front() as f:
            number = f.session()
            got = f.ask(call(1, "ask"), Mcp_Session_Id=number)
            question = got.event()
            self.assertEqual(question["method"], "elicitation/create")
            back = f.ask({"jsonrpc": "2.0", "id": question["id"], "result": {
                "action": "accept", "content": {"name": "x"}}},
                Mcp_Session_Id=number)
            self.assertEqual(back.status, 202)
            self.assertEqual(got.event()["id"], 1)
            self.assertIsNone(got.event())

    def test_http__two_clients_with_one_session_id(self):
        with Front() as f:
            number = f.session()
            first = f.connect()
            body = json.dumps(call(1, "slow")).encode()
            first.sendall(head(len(body), port=f.port, Mcp_Session_Id=number) +
                          body)
            time.sleep(0.2)
            got = f.ask(call(1, "text"), Mcp_Session_Id=number)
            self.assertEqual((got.status, got.json()["error"]["code"]),
                             (400, -32600))
            f.tell("finish")
            self.assertEqual(Answer(first).json()["id"], 1)

    def test_http__a_stream_brings_what_belongs_to_no_request(self):
        with Front() as f:
            number = f.session()
            got = f.ask(None, verb="GET", Mcp_Session_Id=number)
            self.assertEqual((got.status, got.headers["Content-Type"]),
                             (200, "text/event-stream"))
            f.tell("catalog 1")
            self.assertEqual(got.event()["method"],
                             "notifications/tools/list_changed")
            newer = f.ask(None, verb="GET", Mcp_Session_Id=number)
            f.ask({"jsonrpc": "2.0", "id": 2, "method": "resources/subscribe",
                   "params": {"uri": "test://static-text"}},
                  Mcp_Session_Id=number).json()
            f.tell("updated test://static-text")
            self.assertEqual(newer.event()["method"],
                             "notifications/resources/updated")
            f.socks[-2].shutdown(socket.SHUT_RDWR)
            time.sleep(0.2)
            streams = [f.ask(None, verb="GET", Mcp_Session_Id=number).status
                       for _ in range(4)]
            self.assertEqual(streams.count(503), 1)
            self.assertEqual(f.ask(None, verb="DELETE", Mcp_Session_Id=number)
                             .status, 204)
            self.assertIsNone(got.event())

    def test_http__subscriptions_listen(self):
        with Front() as f:
            got = f.ask_modern(modern(5, "subscriptions/listen", notifications={
                "toolsListChanged": True}))
            self.assertEqual(got.event()["method"],
                             "notifications/subscriptions/acknowledged")
            f.tell("catalog 1")
            self.assertEqual(got.event()["method"],
                             "notifications/tools/list_changed")


class Bodies(Case):

    def test_http__a_body_may_come_in_pieces_and_chunks(self):
        with Front() as f:
            body = json.dumps(INIT).encode()
            s = f.connect()
            for byte in head(len(body), port=f.port) + body:
                s.send(bytes([byte]))
            self.assertEqual(Answer(s).status, 200)
            s = f.connect()
            s.sendall(head(0, "Transfer-Encoding: chunked", port=f.port,
                           drop=("Content-Length",)))
            for i in range(0, len(body), 7):
                part = body[i:i + 7]
                s.sendall(b"%x;ext=1\r\n%s\r\n" % (len(part), part))
            s.sendall(b"0\r\n\r\n")
            self.assertEqual(Answer(s).status, 200)

    def test_http__bad_chunks_end_the_connection(self):
        with Front() as f:
            for chunk in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n",
                          b"5\r\nabc\r\n0\r\n\r\n", b"\r\n\r\n", b"5 5\r\n"):
                s = f.connect()
                s.sendall(head(0, "Transfer-Encoding: chunked", port=f.port,
                               drop=("Content-Length",)) + chunk)
                s.shutdown(socket.SHUT_WR)
                s.settimeout(DEADLINE)
                try:
                    self.assertNotIn(b" 200 ", s.recv(4096))
                except ConnectionResetError:
                    pass
            self.assertEqual(f.ask(INIT).status, 200)

    def test_http__pipelined_requests_are_answered_in_order(self):
        with Front() as f:
            number = f.session()
            data = b""
            for i in range(50):
                body = json.dumps(call(i, "echo", i=i)).encode()
                data += head(len(body), port=f.port, Mcp_Session_Id=number)
                data += body
            s = f.connect()
            s.sendall(data)
            source = s.makefile("rb")
            for i in range(50):
                size = 0
                while True:
                    line = source.readline().strip()
                    if line.lower().startswith(b"content-length:"):
                        size = int(line.split(b":")[1])
                    if not line:
                        break
                self.assertEqual(json.loads(source.read(size))["id"], i)

    def test_http__a_body_too_long_is_refused_and_not_kept(self):
        with Front() as f:
            got = f.raw(head(17 << 20, port=f.port))
            self.assertEqual(got.status, 413)
            got = f.raw(head(10 ** 30, port=f.port))
            self.assertIn(got.status, (400, 413))
            s = f.connect()
            s.sendall(head(0, "Transfer-Encoding: chunked", port=f.port,
                           drop=("Content-Length",)))
            sent = 0
            try:
                while sent < 64 << 20:
                    s.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
                    sent += 1 << 20
            except OSError:
                pass
            self.assertLess(sent, 24 << 20)
            self.assertEqual(f.ask(INIT).status, 200)
            self.assertLess(f.memory_kib(), 128 << 10)

    def test_http__arguments_up_to_their_bound_come_back_whole(self):
        with Front() as f:
            number = f.session()
            got = f.ask(call(1, "echo", s="x" * (3 << 20)),
                        Mcp_Session_Id=number).json()
            self.assertEqual(len(got["result"]["structuredContent"]["result"]
                                 ["s"]), 3 << 20)

    def test_http__expect_continue(self):
        with Front() as f:
            body = json.dumps(INIT).encode()
            s = f.connect()
            s.sendall(head(len(body), "Expect: 100-continue", port=f.port))
            s.settimeout(DEADLINE)
            self.assertIn(b"100", s.recv(100))
            s.sendall(body)
            self.assertEqual(Answer(s).status, 200)
            s = f.connect()
            s.sendall(head(len(body), "Expect: 100-continue", port=f.port,
                           Authorization="Bearer x"))
            self.assertEqual(Answer(s).status, 401)


class Ends(Case):

    def gone(self, f, how):
        """A call of `slow` whose client goes in the way `how`."""
        s = f.connect()
        message = modern(1, "tools/call", name="slow", arguments={})
        body = json.dumps(message).encode()
        s.sendall(head(len(body), port=f.port, MCP_Protocol_Version=
                       "2026-07-28", Mcp_Method="tools/call", Mcp_Name="slow") +
                  body)
        time.sleep(0.2)
        how(s)

    def test_http__a_client_that_goes_has_cancelled(self):
        def reset(s):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                         struct.pack("ii", 1, 0))
            s.close()
        with Front() as f:
            before = f.report()[0]
            for i, how in enumerate((socket.socket.close, reset)):
                self.gone(f, how)
                f.until(lambda cancelled, *_, n=before + i + 1: cancelled == n)

    def test_http__a_client_that_goes_in_the_middle_of_a_stream(self):
        with Front() as f:
            before = f.report()[0]
            for i in range(20):
                s = f.connect()
                message = modern(1, "subscriptions/listen", notifications={
                    "toolsListChanged": True})
                body = json.dumps(message).encode()
                s.sendall(head(len(body), port=f.port, MCP_Protocol_Version=
                               "2026-07-28", Mcp_Method="subscriptions/listen")
                          + body)
                self.assertEqual(Answer(s).event()["method"],
                                 "notifications/subscriptions/acknowledged")
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
                s.close()
                f.tell(f"catalog {i % 2}")
            self.assertEqual(f.report()[0], before)
            self.assertEqual(f.ask(INIT).status, 200)

    def test_http__a_legacy_call_outlives_its_connection(self):
        with Front() as f:
            number = f.session()
            s = f.connect()
            body = json.dumps(call(1, "slow")).encode()
            s.sendall(head(len(body), port=f.port, Mcp_Session_Id=number) + body)
            time.sleep(0.2)
            s.close()
            time.sleep(0.2)
            self.assertEqual(f.report()[0], 0)
            f.tell("finish")
            self.assertEqual(f.ask(call(2, "text"), Mcp_Session_Id=number)
                             .json()["id"], 2)

    def test_http__the_end_of_a_session_cancels_what_runs_in_it(self):
        with Front() as f:
            number = f.session()
            s = f.connect()
            body = json.dumps(call(1, "slow")).encode()
            s.sendall(head(len(body), port=f.port, Mcp_Session_Id=number) + body)
            time.sleep(0.2)
            self.assertEqual(f.ask(None, verb="DELETE", Mcp_Session_Id=number)
                             .status, 204)
            self.assertEqual(Answer(s).status, 202)
            f.until(lambda cancelled, *_: cancelled == 1)

    def test_http__strangers_that_dawdle_are_cut_off(self):
        with Front() as f:
            begin = time.monotonic()
            silent, slow, half = f.connect(), f.connect(), f.connect()
            body = json.dumps(INIT).encode()
            data = head(len(body), port=f.port)
            half.sendall(data[:40])
            for i in range(40):
                try:
                    slow.send(data[i:i + 1])
                except OSError:
                    break
                time.sleep(0.4)
            for s in (silent, slow, half):
                self.closed(s)
            self.assertLess(time.monotonic() - begin, 30)

    def test_http__quiet_sessions_are_forgotten(self):
        with Front("idle=500") as f:
            number, other = f.session(), f.session()
            got = f.ask(None, verb="GET", Mcp_Session_Id=other)
            f.until(lambda _, opened, closed: (opened, closed) == (2, 1))
            self.assertEqual(f.ask(call(1, "text"), Mcp_Session_Id=number)
                             .status, 404)
            self.assertEqual(f.ask(call(1, "text"), Mcp_Session_Id=other)
                             .status, 200)
            self.assertEqual(got.status, 200)

    def test_http__sessions_are_bounded(self):
        with Front("clients=5") as f:
            for _ in range(4):
                f.session()
            got = f.ask(INIT)
            self.assertEqual((got.status, got.headers["Retry-After"]),
                             (503, "1"))

    def test_http__a_reader_that_stops_is_bounded(self):
        with Front() as f:
            number = f.session()
            for i in range(60):
                s = f.connect()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                body = json.dumps(call(i, "echo", s="x" * (3 << 20))).encode()
                s.sendall(head(len(body), port=f.port, Mcp_Session_Id=number))
                s.sendall(body)
                s.settimeout(DEADLINE)
                self.assertEqual(s.recv(1), b"H")
            self.assertLess(f.memory_kib(), 700 << 10)
            got = f.ask({"jsonrpc": "2.0", "id": 1, "method": "ping"},
                        Mcp_Session_Id=number)
            self.assertIn(got.status, (200, 503))


class Many(Case):

    def test_http__thousands_of_idle_connections(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(4000, hard - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with Front() as f:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method":
                               "initialize"}).encode()
            data = head(len(body), port=f.port) + body
            start = f.memory_kib()
            for _ in range(count):
                s = f.connect()
                s.sendall(data)
                self.assertIn(b"HTTP/1.1 200", s.recv(4096))
            grown = f.memory_kib() - start
            self.assertLess(grown, count * 24)
            begin = time.monotonic()
            self.assertEqual(f.ask(INIT).status, 200)
            self.assertLess(time.monotonic() - begin, 2)
            time.sleep(3)
            self.assertLess(f.memory_kib() - start - grown, 1024)
            s = f.socks[count // 2]
            s.sendall(data)
            self.assertIn(b"HTTP/1.1 200", s.recv(4096))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_http__more_connections_than_there_may_be(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < 5200:
            self.skipTest("not enough files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        with Front() as f:
            for _ in range(5000):
                f.connect()
            # Those that say nothing are cut off, and there is room again.
            self.assertEqual(f.ask(INIT).status, 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    def test_http__ten_thousand_calls_leak_nothing(self):
        with Front() as f:
            number = f.session()
            s = f.connect()
            before = 0
            for i in range(10000):
                got = f.ask(call(i, "echo", i=i), sock=s,
                            Mcp_Session_Id=number)
                self.assertEqual(got.json()["id"], i)
                if i == 2000:
                    before = f.memory_kib()
            self.assertLess(f.memory_kib() - before, 512)
            fds = len(os.listdir(f"/proc/{f.pid}/fd"))
            self.assertLess(fds, 16)


unittest.main(argv=sys.argv[:1])
