#!/usr/bin/env python3
"""test_pipe.py FAKE_MCP WRIT_MCP - the stdio transport of the jailed front end, byte by byte."""
import json
import os
import select
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
FAKE, FRONT = sys.argv[1:3]
DEADLINE = 20
INIT = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}}}


META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}}}
GOOD = [
    {"method": "tools/call", "params": {"name": "echo", "arguments": {"a": [1]},
                                        "_meta": {"progressToken": 1}}},
    {"method": "tools/call", "params": {
        "name": "ask", "arguments": {}, "requestState": "00",
        "inputResponses": {"user_name": {"action": "cancel"}}, "_meta": META}},
    {"method": "tools/list", "params": {"cursor": "0", "_meta": META}},
    {"method": "server/discover", "params": {"_meta": META}},
    {"method": "resources/read", "params": {"uri": "test://static-text"}},
    {"method": "prompts/get", "params": {"name": "greet",
                                         "arguments": {"who": "x"}}},
    {"method": "completion/complete", "params": {
        "ref": {"type": "ref/prompt", "name": "greet"},
        "argument": {"name": "who", "value": "a"}}},
    {"method": "logging/setLevel", "params": {"level": "error"}},
    {"method": "resources/subscribe", "params": {"uri": "test://static-text"}},
    {"method": "initialize", "params": {"protocolVersion": "2025-11-25",
                                        "capabilities": {}}},
]
WRONG = [None, True, 0, -1.5, 1e300, "", "\x00", "\u202e", "x" * 5000, [], {},
         [[]], {"a": {}}, "__proto__"]


def swapped(value):
    """`value` with one thing in it replaced, in every way."""
    yield from WRONG
    if isinstance(value, dict):
        for key in value:
            yield {k: v for k, v in value.items() if k != key}
            yield {**value, "__proto__": value}
            for other in swapped(value[key]):
                yield {**value, key: other}
    elif isinstance(value, list):
        for i, item in enumerate(value):
            for other in swapped(item):
                yield value[:i] + [other] + value[i + 1:]


def malformed():
    """Lines: requests with one thing wrong, as JSON, cut, and bent."""
    for good in GOOD:
        message = {"jsonrpc": "2.0", "id": 7, **good}
        for bad in swapped(message):
            yield json.dumps(bad).encode()
        whole = json.dumps(message).encode()
        for i in range(len(whole)):
            yield whole[:i]
            yield whole[:i] + b"\xff" + whole[i + 1:]
            yield whole[:i] + bytes([whole[i] ^ 0x20]) + whole[i + 1:]
            yield whole[:i] + whole[i:i + 1] + whole[i:]


class Front:
    """One client of one front end."""

    def __init__(self, *instruction):
        self.p = subprocess.Popen([FAKE, FRONT, *instruction],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, bufsize=0)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for f in (self.p.stdin, self.p.stdout, self.p.stderr):
            f.close()
        try:
            self.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
            raise

    def write(self, data):
        view = memoryview(data)
        while view:
            n = os.write(self.p.stdin.fileno(), view[:65536])
            view = view[n:]

    def send(self, message):
        self.write(json.dumps(message).encode() + b"\n")

    def line(self, seconds=DEADLINE):
        """The next line, or None."""
        end = time.monotonic() + seconds
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.p.stdout], [], [], left)[0]:
                return None
            data = os.read(self.p.stdout.fileno(), 1 << 20)
            if not data:
                return None
            self.rest += data
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def call(self, number, tool, **arguments):
        self.send({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                   "params": {"name": tool, "arguments": arguments}})

    def end(self):
        """Close the input; what still comes, and the exit status."""
        self.p.stdin.close()
        lines = []
        while True:
            line = self.line()
            if line is None:
                break
            lines.append(line)
        return lines, self.p.wait(DEADLINE)

    def begin(self):
        self.send(INIT)
        assert self.line()["id"] == 0
        return self


class Pipe(unittest.TestCase):

    def test_pipe__lines_may_come_in_pieces_with_cr_and_blank_ones_between(self):
        with Front() as f:
            for byte in b'\n \r\n{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n':
                f.write(bytes([byte]))
            self.assertEqual(f.line(), {"jsonrpc": "2.0", "id": 1, "result": {}})
            f.write(b'{"jsonrpc":"2.0","id":2,"method":"ping"}\n'
                    b'{"jsonrpc":"2.0","id":3,"method":"ping"}\n{"json')
            self.assertEqual([f.line()["id"], f.line()["id"]], [2, 3])
            f.write(b'rpc":"2.0","id":4,"method":"ping"}\n')
            self.assertEqual(f.line()["id"], 4)
            self.assertEqual(f.end(), ([], 0))

    def test_pipe__the_end_of_input_ends_it(self):
        with Front() as f:
            self.assertEqual(f.end(), ([], 0))

    def test_pipe__what_is_asked_before_the_end_is_answered(self):
        with Front() as f:
            f.send(INIT)
            f.call(1, "text")
            f.write(b'{"jsonrpc":"2.0","id":2,"method":"ping"}')
            lines, status = f.end()
            self.assertEqual(sorted(x["id"] for x in lines), [0, 1, 2])
            self.assertEqual(status, 0)

    def test_pipe__a_call_that_does_not_end_does_not_keep_it(self):
        with Front() as f:
            f.begin().call(1, "slow")
            start = time.monotonic()
            self.assertEqual(f.end(), ([], 0))
            self.assertLess(time.monotonic() - start, 5)

    def test_pipe__a_client_that_closes_its_end_ends_it(self):
        with Front() as f:
            f.begin().call(1, "slow")
            f.p.stdout.close()
            self.assertEqual(f.p.wait(DEADLINE), 0)

    def test_pipe__a_line_too_long_is_refused_and_skipped(self):
        with Front() as f:
            f.write(b'{"jsonrpc":"2.0","id":1,"method":"ping","x":"' +
                    b"a" * (17 << 20) + b'"}\n')
            f.send({"jsonrpc": "2.0", "id": 2, "method": "ping"})
            first = f.line()
            self.assertEqual((first["id"], first["error"]["code"]),
                             (None, -32600))
            self.assertEqual(f.line()["id"], 2)

    def test_pipe__arguments_up_to_their_bound_come_back_whole(self):
        with Front() as f:
            f.begin().call(1, "echo", s="x" * (3 << 20))
            got = f.line()["result"]["structuredContent"]["result"]
            self.assertEqual(len(got["s"]), 3 << 20)
            f.call(2, "echo", s="x" * (15 << 20))
            self.assertIn("too large",
                          f.line()["result"]["content"][0]["text"])

    def test_pipe__bytes_that_are_no_text_are_refused(self):
        with Front() as f:
            f.write(b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}\n')
            self.assertEqual(f.line()["error"]["code"], -32700)
            f.write(b'\0\n')
            self.assertEqual(f.line()["error"]["code"], -32700)
            f.write(b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
            self.assertEqual(f.line()["error"]["code"], -32700)

    def test_pipe__what_a_tool_prints_is_never_a_line(self):
        with Front() as f:
            f.begin().call(9, "printer")
            got = f.line()
            self.assertEqual(got["id"], 9)
            self.assertIn('"jsonrpc"', got["result"]["content"][0]["text"])
            f.send({"jsonrpc": "2.0", "id": 10, "method": "ping"})
            self.assertEqual(f.line()["id"], 10)

    def test_pipe__a_client_that_does_not_read_stalls_and_then_gets_it_all(self):
        big = {"jsonrpc": "2.0", "method": "tools/call", "params": {
            "name": "echo", "arguments": {"s": "y" * 100000}}}
        with Front() as f:
            f.begin()
            os.set_blocking(f.p.stdin.fileno(), False)
            sent, stalled, queue = 0, 0, b""
            while stalled < 20 and sent < 2000:
                if not queue:
                    queue = json.dumps({**big, "id": sent}).encode() + b"\n"
                    sent += 1
                try:
                    n = os.write(f.p.stdin.fileno(), queue)
                    queue, stalled = queue[n:], 0
                except BlockingIOError:
                    stalled += 1
                    time.sleep(0.05)
            self.assertLess(sent, 400)
            os.set_blocking(f.p.stdin.fileno(), True)
            seen = {f.line()["id"] for _ in range(sent - 1)}
            f.write(queue)
            seen.add(f.line()["id"])
            self.assertEqual(seen, set(range(sent)))

    def test_pipe__many_requests_in_flight_and_one_too_many(self):
        with Front() as f:
            f.begin()
            for i in range(1, 130):
                f.call(i, "slow")
            got = f.line()
            self.assertEqual((got["id"], got["error"]["code"]), (129, -32603))
            for i in range(1, 129):
                f.send({"jsonrpc": "2.0", "method": "notifications/cancelled",
                        "params": {"requestId": i}})
            f.call(1, "text")
            self.assertEqual(f.line()["id"], 1)

    def test_pipe__a_slow_call_is_overtaken(self):
        with Front("finish") as f:
            f.begin().call(1, "slow")
            f.call(2, "text")
            self.assertEqual([f.line()["id"], f.line()["id"]], [2, 1])

    def test_pipe__malformed_requests_of_every_kind(self):
        sent = 0
        with Front() as f:
            f.begin()
            batch = []
            for line in malformed():
                if b"\n" in line:
                    continue
                batch.append(line)
                if len(batch) == 50:
                    sent += self.survives(f, batch)
                    batch = []
            sent += self.survives(f, batch)
            f.call(1, "text")
            self.assertEqual(f.line()["id"], 1)
        self.assertGreater(sent, 7000)

    def survives(self, f, batch):
        """Each line is answered at most once, and the server is there after."""
        f.write(b"\n".join(batch) + b'\n{"jsonrpc":"2.0","id":"mark",'
                b'"method":"ping"}\n')
        answers = 0
        while True:
            got = f.line()
            self.assertIsNotNone(got, batch)
            self.assertEqual(got["jsonrpc"], "2.0")
            if "method" in got:
                continue
            self.assertNotEqual("result" in got, "error" in got)
            if got.get("id") == "mark":
                break
            answers += 1
        self.assertLessEqual(answers, len(batch) + 50)
        return len(batch)

    def test_pipe__ten_thousand_calls(self):
        with Front() as f:
            f.begin()
            for start in range(1, 10001, 100):
                for i in range(start, start + 100):
                    f.call(i, "echo", i=i)
                got = sorted(f.line()["id"] for _ in range(100))
                self.assertEqual(got, list(range(start, start + 100)))


unittest.main(argv=sys.argv[:1])
