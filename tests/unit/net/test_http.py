#!/usr/bin/env python3
"""test_http.py WRIT_NET [CLASS...] - requests, bodies and responses of the
jailed net process, with hostile origins."""
import gzip
import os
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
import peer  # noqa: E402
from case import MIB, Case, echo, main  # noqa: E402
from origins import ok  # noqa: E402
from peer import Fault, fault_of, until  # noqa: E402


class Requests(Case):
    def test_request__is_sent_byte_for_byte(self):
        o = self.origin(ok(b"hi", b"X-One:  two "))
        x = self.net.send(o.port, "/a/%2e/b?x=%41&&y", fields=[
            ("accept", "text/*"), ("x-empty", ""), ("x-blank", " ")])
        self.assertEqual(x.head(), 200)
        self.assertEqual(x.field("x-one"), ["two"])
        self.assertEqual(x.body(), b"hi")
        self.assertEqual(o.heads[0].split(b"\r\n"), [
            b"GET /a/%2e/b?x=%41&&y HTTP/1.1",
            b"Host: 127.0.0.1:%d" % o.port, o.heads[0].split(b"\r\n")[2],
            b"accept: text/*", b"x-empty:", b"x-blank:"])
        self.assertTrue(o.heads[0].split(b"\r\n")[2].startswith(
            b"User-Agent: writ/"))
        done = x.done()
        self.assertEqual((done.failed, done.status, done.sent, done.up,
                          done.down), (False, 200, True, 0, 2))

    def test_request__default_ports_are_not_in_host(self):
        o = self.origin(ok())
        self.net.get(o.port, host="origin.test", named_port=80)
        self.assertIn(b"\r\nHost: origin.test\r\n", o.heads[0])

    def test_request__methods(self):
        o = self.origin(ok(b""))
        for m in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE"):
            self.net.get(o.port, method=m)
            self.assertTrue(o.heads[-1].startswith(m.encode() + b" / HTTP"))
            self.assertEqual(b"content-length: 0" in o.heads[-1],
                             m in ("POST", "PUT", "PATCH"))
            self.assertNotIn(b"chunked", o.heads[-1].lower())
        x = self.net.send(o.port, method="HEAD")
        x.head()
        self.assertEqual(x.body(), b"")

    def test_request__head_has_no_body_whatever_it_says(self):
        o = self.origin(lambda c, h, r, n: c.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n") or True)
        for body in (None, b"", b"abc"):
            x = self.net.send(o.port, method="HEAD", body=body)
            self.assertEqual(x.head(), 200)
            self.assertEqual(x.field("content-length"), ["10"])
            self.assertEqual(x.body(), b"")

    def test_request__what_may_not_be_sent_is_not(self):
        o = self.origin(ok())
        for name in ("host", "connection", "transfer-encoding", "expect",
                     "upgrade", "te", "keep-alive", "proxy-authorization"):
            self.fault("HTTP-request-denied", o.port, fields=[(name, "x")])
        for method in ("CONNECT", "TRACE", "GE T", "A\r\nB"):
            self.fault("HTTP-request-denied", o.port, method=method)
        for path in ("/a b", "/a\r\nx: y", "/\0"):
            self.fault("HTTP-request-denied", o.port, path=path)
        self.fault("HTTP-request-denied", o.port, host="a@b")
        self.fault("HTTP-request-denied", o.port, length=5, has_body=False)
        self.assertEqual((o.connections, self.net.dials), (0, 0))

    def test_request__keep_alive_over_200_requests(self):
        o = self.origin(echo)
        for i in range(200):
            body = b"n%d" % i
            self.assertEqual(self.net.get(o.port, method="POST", body=body),
                             (200, body))
        self.assertEqual((o.connections, self.net.dials), (1, 1))

    def test_request__pools_share_nothing(self):
        o = self.origin(ok())
        for pool in (1, 2, 1, 2, 3):
            self.net.get(o.port, pool=pool)
        self.assertEqual(o.connections, 3)

    def test_request__a_closed_pool_has_no_connections(self):
        o = self.origin(ok())
        self.net.get(o.port, pool=7)
        self.assertEqual(len(o.open), 1)
        self.net.line.say(peer.CLOSE_POOL, 0, peer.u32(7))
        until(lambda: not o.open, "the end of the connection")
        self.net.get(o.port, pool=7)
        self.assertEqual(o.connections, 2)

    def test_request__a_closed_pool_ends_what_runs_at_its_end(self):
        go = threading.Event()

        def serve(conn, head, rest, number):
            go.wait(10)
            conn.sendall(ok(b"late"))
            return True
        o = self.origin(serve)
        x = self.net.send(o.port, pool=7)
        until(lambda: o.heads, "the request")
        self.net.line.say(peer.CLOSE_POOL, 0, peer.u32(7))
        go.set()
        self.assertEqual((x.head(), x.body()), (200, b"late"))
        until(lambda: not o.open, "the end of the connection")

    def test_request__many_at_once(self):
        o = self.origin(lambda c, h, r, n: time.sleep(0.2) or
                        c.sendall(ok(h[:20])) or True)
        xs = [self.net.send(o.port, f"/{i:03}") for i in range(150)]
        for i, x in enumerate(xs):
            self.assertEqual(x.head(), 200)
            self.assertIn(b"/%03d" % i, x.body())
        self.assertEqual(o.connections, 150)
        # 64 connections are kept, and what curl counts otherwise
        until(lambda: self.net.fds() <= self.resting + 68, "closed fds")

    def test_request__a_refused_dial_is_the_fault_told(self):
        for code in (peer.CODES.index("destination-IP-prohibited"),
                     peer.CODES.index("connection-refused")):
            x = self.net.send(9, dial=code)
            self.assertEqual(fault_of(x), peer.CODES[code])
            self.assertFalse(x.done().sent)

    def test_request__one_word_ends_it_for_each_of_many_failures(self):
        o = self.origin(lambda c, h, r, n: False)
        for _ in range(50):
            self.net.fault(o.port)
        self.nothing_left()

    def test_request__more_than_can_be_held_are_refused(self):
        xs = [self.net.send(9, dial=None) for _ in range(600)]
        refused = [x for x in xs[512:] if x.done().code ==
                   "connection-limit-reached"]
        self.assertEqual(len(refused), 88)
        for x in xs:
            x.close()
        self.nothing_left()
        o = self.origin(ok(b"x"))
        self.assertEqual(self.net.get(o.port), (200, b"x"))


class Once(Case):
    """A connection dies when its second request has come."""

    def dying(self, after):
        count = [0]

        def serve(conn, head, rest, number):
            rest.body(head)
            count[0] += 1
            if number == 0:
                conn.sendall(ok(b"1"))
                return True
            if after:
                conn.sendall(after)
            return False
        return self.origin(serve)

    def test_once__an_effect_is_not_repeated(self):
        for method, body in (("DELETE", None), ("POST", None), ("PUT", b"x"),
                             ("POST", b"y" * 100000)):
            o = self.dying(b"")
            for pool in (1,):
                # two idle connections: curl would go on to the other one
                a, b = self.net.send(o.port, pool=o.port), \
                    self.net.send(o.port, pool=o.port)
                for x in (a, b):
                    x.head()
                    x.body()
            before = len(o.heads)
            self.fault("connection-terminated", o.port, pool=o.port,
                       method=method, body=body)
            self.assertEqual(len(o.heads), before + 1, method)

    def test_once__get_may_be_asked_again(self):
        o = self.dying(b"")
        self.net.get(o.port)
        self.assertEqual(self.net.get(o.port), (200, b"1"))
        self.assertEqual((len(o.heads), o.connections), (3, 2))

    def test_once__get_is_not_asked_for_ever(self):
        o = self.origin(lambda c, h, r, n: n == 0 and c.sendall(ok()) is None)
        for _ in range(3):
            self.net.get(o.port)

    def test_once__a_connection_that_was_closed_meanwhile(self):
        o = self.origin(lambda c, h, r, n: c.sendall(ok(r.body(h))) or False)
        for _ in range(5):
            self.assertEqual(self.net.get(o.port, method="POST", body=b"z"),
                             (200, b"z"))
            time.sleep(0.05)
        self.assertEqual(o.connections, 5)

    def test_once__half_an_answer_is_none(self):
        o = self.dying(b"HTTP/1.1 200 OK\r\ncontent-le")
        self.net.get(o.port)
        before = len(o.heads)
        self.net.fault(o.port)
        self.assertEqual(len(o.heads), before + 1)


class Bodies(Case):
    def test_body__known_length(self):
        o = self.origin(echo)
        for n in (0, 1, 2, 65535, 65536, 65537, 3 * MIB):
            body = os.urandom(n)
            x = self.net.send(o.port, method="POST", body=body)
            x.head()
            self.assertEqual(x.body(), body)
            self.assertEqual((x.done().up, x.done().down), (n, n))
            self.assertIn(b"ontent-length: %d" % n, o.heads[-1].lower())

    def test_body__chunked_with_trailers(self):
        got = []

        def serve(conn, head, rest, number):
            body = rest.body(head)
            got.append(rest.trailers)
            conn.sendall(ok(body))
            return True
        o = self.origin(serve)
        x = self.net.send(o.port, method="POST", has_body=True)
        x.data(b"hello ").data(b"world").end([("x-sum", "11")])
        x.head()
        self.assertEqual(x.body(), b"hello world")
        self.assertEqual(got, [[b"x-sum: 11"]])
        self.assertEqual(self.net.get(o.port, method="POST", body=b"",
                                      length=False), (200, b""))

    def test_body__forbidden_trailers(self):
        o = self.origin(echo)
        for name in ("authorization", "content-length", "host", "cookie",
                     "transfer-encoding", "trailer"):
            x = self.net.send(o.port, method="POST", has_body=True)
            x.data(b"x").end([(name, "1")])
            self.assertEqual(fault_of(x), "HTTP-protocol-error")
        x = self.net.send(o.port, method="POST", has_body=True, length=1)
        x.data(b"x").end([("x-sum", "1")])
        self.assertEqual(fault_of(x), "HTTP-protocol-error")

    def whole(self):
        """An origin that keeps the bodies that were whole."""
        bodies = []

        def serve(conn, head, rest, number):
            bodies.append(rest.body(head))
            conn.sendall(ok())
            return True
        return self.origin(serve), bodies

    def test_body__of_another_length_is_never_whole(self):
        o, bodies = self.whole()
        for promised, sent in ((5, b"1234"), (5, b""), (5, b"123456"),
                               (0, b"1"), (1, b""), (70000, b"x" * 70001)):
            x = self.net.send(o.port, method="POST", has_body=True,
                              length=promised)
            x.data(sent).end()
            self.assertEqual(fault_of(x), "HTTP-request-body-size")
        self.assertEqual(bodies, [])

    def test_body__given_up_is_never_whole(self):
        o, bodies = self.whole()
        for length, sent in ((5, b"12345"), (None, b"12345"), (0, b"")):
            for close in (False, True):
                x = self.net.send(o.port, method="POST", has_body=True,
                                  length=length)
                x.data(sent)
                time.sleep(0.05)
                if close:
                    x.close()
                    self.assertTrue(x.done().failed)
                else:
                    x.give_up()
                    self.assertEqual(fault_of(x), "connection-terminated")
        until(lambda: not o.open, "the end of the connections")
        self.assertEqual(bodies, [])

    def test_body__larger_than_allowed(self):
        o, bodies = self.whole()
        x = self.net.send(o.port, method="POST", has_body=True,
                          request_max=10)
        x.data(b"12345678").data(b"901").end()
        self.assertEqual(fault_of(x), "HTTP-request-body-size")
        self.assertEqual(bodies, [])
        o = self.origin(ok(b"x" * 1000))
        for length in (True, False):
            raw = ok(b"x" * 1000) if length else \
                b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1000
            o = self.origin(lambda c, h, r, n, raw=raw: c.sendall(raw))
            self.fault("HTTP-response-body-size", o.port, response_max=999)
            self.assertEqual(len(self.net.get(o.port, response_max=1000)[1]),
                             1000)

    def test_body__a_worker_that_does_not_read_stops_the_origin(self):
        sent = [0]

        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" %
                         (64 * MIB))
            for _ in range(64):
                conn.sendall(b"\x5a" * MIB)
                sent[0] += MIB
            return True
        o = self.origin(serve)
        x = self.net.send(o.port, between_ms=300)
        x.head()
        until(lambda: sent[0] > 0, "the beginning")
        last = -1
        while last != sent[0]:
            last = sent[0]
            time.sleep(0.4)
        self.assertLess(sent[0], 24 * MIB)
        before, got = self.net.memory(), 0
        while (one := x.piece()) is not None:
            got += len(one)
        self.assertEqual(got, 64 * MIB)
        self.grew_less(before, 8 * MIB)

    def test_body__an_origin_that_does_not_read_stops_the_worker(self):
        go, seen = threading.Event(), []

        def serve(conn, head, rest, number):
            go.wait(20)
            seen.append(len(rest.body(head)))
            conn.sendall(ok())
            return True
        o = self.origin(serve)
        x = self.net.send(o.port, method="POST", has_body=True,
                          length=64 * MIB, first_ms=20000)
        x.line.sock.settimeout(1)
        taken, piece = 0, b"\xa5" * peer.PIECE
        message = struct.pack("<IHHI", len(piece), peer.X_DATA, 0, 0) + piece
        left = b""
        x.line.sock.setblocking(False)
        quiet = time.monotonic()
        while time.monotonic() - quiet < 1:
            left = left or message
            try:
                n = x.line.sock.send(left)
                taken, left, quiet = taken + n, left[n:], time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        self.assertLess(taken, 16 * MIB)
        x.line.sock.settimeout(20)
        go.set()
        x.line.sock.sendall(left)
        sent = (taken + len(left)) // len(message)
        for _ in range(64 * MIB // peer.PIECE - sent):
            x.line.sock.sendall(message)
        x.end()
        self.assertEqual(x.head(), 200)
        self.assertEqual(seen, [64 * MIB])

    def test_body__a_slow_guest_does_not_time_out(self):
        o = self.origin(echo)
        x = self.net.send(o.port, method="POST", has_body=True, first_ms=150,
                          between_ms=150, connect_ms=150)
        for i in range(4):
            time.sleep(0.3)
            x.data(b"%d" % i)
        time.sleep(0.3)
        x.end()
        self.assertEqual((x.head(), x.body()), (200, b"0123"))

    def test_body__both_ways_at_once(self):
        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked"
                         b"\r\n\r\n")
            while (size := int(rest.line(), 16)):
                piece = rest.take(size)
                rest.take(2)
                conn.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
            rest.line()
            conn.sendall(b"0\r\n\r\n")
            return True
        o = self.origin(serve)
        x = self.net.send(o.port, method="POST", has_body=True)
        x.data(b"first")
        self.assertEqual(x.head(), 200)
        self.assertEqual(x.piece(), b"first")
        x.data(b"second")
        self.assertEqual(x.piece(), b"second")
        x.end()
        self.assertIsNone(x.piece())

    def test_body__an_answer_before_the_body_has_come(self):
        got = []

        def serve(conn, head, rest, number):
            conn.sendall(ok(b"early"))
            got.append(rest.body(head))
            return True
        o = self.origin(serve)
        for body in (b"x" * 1000, b"y" * MIB):
            x = self.net.send(o.port, method="POST", has_body=True,
                              length=len(body))
            x.data(body[:10])
            self.assertEqual((x.head(), x.body()), (200, b"early"))
            x.data(body[10:]).end()
            self.assertFalse(x.done().failed)
            until(lambda: got, "the whole body")
            self.assertEqual(got.pop(), body)

    def test_body__an_answer_before_the_body_is_read(self):
        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 413 No\r\nconnection: close\r\n"
                         b"content-length: 3\r\n\r\nbig")
            time.sleep(0.3)
            return False
        o = self.origin(serve)
        x = self.net.send(o.port, method="POST", has_body=True, length=MIB)
        x.data(b"x" * 1000)
        self.assertEqual((x.head(), x.body()), (413, b"big"))

    def test_body__hostile_workers(self):
        o = self.origin(echo)
        for raw in (b"\xff" * 40, struct.pack("<IHHI", 5, 99, 0, 0) + b"12345",
                    struct.pack("<IHHI", 5, peer.X_HEAD, 0, 0) + b"12345",
                    struct.pack("<IHHI", 1 << 30, peer.X_DATA, 0, 0),
                    struct.pack("<IHHI", 0, peer.X_DATA, 0, 0),
                    struct.pack("<IHHI", 4, peer.X_END, 0, 0) + b"\xff" * 4,
                    struct.pack("<IHHI", 5, peer.X_DATA, 1, 0) + b"12345"):
            x = self.net.send(o.port, method="POST", has_body=True)
            x.line.sock.sendall(raw)
            self.assertEqual(fault_of(x), "connection-terminated")
        x = self.net.send(o.port, method="POST", has_body=True)
        r, w = os.pipe()
        socket.send_fds(x.line.sock, [struct.pack("<IHHI", 5, peer.X_DATA, 0,
                                                  0) + b"12345"], [r, w, r, w])
        os.close(r)
        os.close(w)
        x.close()
        x.done()
        self.nothing_left()


class Responses(Case):
    def raw(self, raw, close=True):
        return self.origin(lambda c, h, r, n: c.sendall(raw) or not close)

    def test_response__hop_by_hop_is_dropped(self):
        o = self.origin(ok(b"", b"Connection: keep-alive, X-Hop",
                           b"Keep-Alive: timeout=5", b"x-hop: 1", b"x-a: 1",
                           b"Proxy-Authenticate: Basic", b"Set-Cookie: a=b"))
        x = self.net.send(o.port)
        x.head()
        self.assertEqual(x.fields, [("content-length", "0"), ("x-a", "1"),
                                    ("set-cookie", "a=b")])

    def test_response__only_listed_headers(self):
        o = self.origin(ok(b"", b"x-a: 1", b"x-b: 2", b"X-C: 3"))
        x = self.net.send(o.port, allowed=["x-c", "x-a"])
        x.head()
        self.assertEqual(x.fields, [("x-a", "1"), ("x-c", "3")])

    def test_response__only_listed_types(self):
        good = "text/plain,application/json"
        for line, passes in ((b"Content-Type: text/plain", True),
                             (b"content-type: Application/JSON; a=b", True),
                             (b"content-type: text/html", False),
                             (b"content-type: text/plainly", False),
                             (b"x: y", False),
                             (b"content-type: text/plain\r\n"
                              b"content-type: text/html", False)):
            o = self.origin(ok(b"x", line))
            if passes:
                self.assertEqual(self.net.get(o.port, types=good)[0], 200)
            else:
                self.fault("HTTP-request-denied", o.port, types=good)
        o = self.raw(b"HTTP/1.1 204 None\r\n\r\n")
        self.assertEqual(self.net.get(o.port, types=good), (204, b""))

    def test_response__trailers(self):
        o = self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n"
                     b"Trailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n"
                     b"0\r\nX-Sum: 5\r\n\r\n", close=False)
        for _ in range(2):
            x = self.net.send(o.port)
            x.head()
            self.assertEqual(x.body(), b"hello")
            self.assertEqual(x.trailers, [("x-sum", "5")])
        self.assertEqual(o.connections, 1)

    def test_response__heads_that_are_none(self):
        for raw in (b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
                    b"HTTP/1.1 200 OK\r\ncontent-length: 0\n\r\n",
                    b"HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nx: a\r\n b\r\n\r\n",
                    b"HTTP/1.1 20 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n",
                    b"HTTP/1.2 200 OK\r\n\r\n", b"HTTP/2 200\r\n\r\n",
                    b"HTTP/1.1  200 OK\r\n\r\n", b"http/1.1 200 OK\r\n\r\n",
                    b"ICY 200 OK\r\n\r\n", b"hello\r\n\r\n",
                    b"HTTP/1.1 099 OK\r\n\r\n",
                    b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n\r\n",
                    b"HTTP/1.1 101 Switch\r\nupgrade: x\r\n\r\n",
                    b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"):
            o = self.raw(raw)
            with self.subTest(raw=raw):
                self.assertIn(self.net.fault(o.port, first_ms=1000), (
                    "HTTP-protocol-error", "HTTP-upgrade-failed"))

    def test_response__framing_that_is_ambiguous(self):
        for lines in (b"content-length: 5\r\ncontent-length: 5",
                      b"content-length: 5\r\ncontent-length: 6",
                      b"content-length: 5, 5", b"content-length: +5",
                      b"content-length: 0x5", b"content-length: 5 5",
                      b"content-length: -1", b"content-length:",
                      b"content-length: 99999999999999999999",
                      b"content-length: 5\r\ntransfer-encoding: chunked",
                      b"transfer-encoding: chunked\r\ncontent-length: 5",
                      b"transfer-encoding: chunked, chunked",
                      b"transfer-encoding: gzip, chunked",
                      b"transfer-encoding: xchunked",
                      b"transfer-encoding: identity",
                      b"transfer-encoding: chunked\r\n"
                      b"transfer-encoding: chunked"):
            o = self.raw(b"HTTP/1.1 200 OK\r\n" + lines +
                         b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n", close=False)
            with self.subTest(lines=lines):
                self.fault("HTTP-protocol-error", o.port, first_ms=1000)
                until(lambda: not o.open, "the end of the connection")
        o = self.raw(b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n0\r\n\r\n")
        self.fault("HTTP-protocol-error", o.port)

    def test_response__chunks_that_are_none(self):
        for raw in (b"0_2e\r\n" + b"x" * 46 + b"\r\n0\r\n\r\n",
                    b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n",
                    b"5\r\nhelloX\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n",
                    b"0x5\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
                    b"\r\n5\r\nhello\r\n0\r\n\r\n", b";\r\n\r\n",
                    b"ffffffffffffffff1\r\nx", b"5" + b" " * 5000 + b"\r\nhello",
                    b"5;" + b"a" * 100000 + b"\r\nhello\r\n0\r\n\r\n",
                    b"5\r\nhello\r\n0\r\nbad trailer\r\n\r\n",
                    b"5\r\nhello\r\n0\r\nx: y\n\r\n",
                    b"5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"):
            o = self.raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"
                         b"\r\n" + raw, close=False)
            with self.subTest(raw=raw[:30]):
                self.assertIn(self.net.fault(o.port, first_ms=1000,
                                             between_ms=1000), (
                    "HTTP-protocol-error", "HTTP-response-transfer-coding"))
                until(lambda: not o.open, "the end of the connection")

    def test_response__cut_bodies_are_not_whole(self):
        for raw in (b"content-length: 10\r\n\r\n12345",
                    b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
                    b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
                    b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"):
            o = self.raw(b"HTTP/1.1 200 OK\r\n" + raw)
            x = self.net.send(o.port)
            self.assertEqual(x.head(), 200)
            with self.assertRaises(Fault) as caught:
                x.body()
            self.assertEqual(caught.exception.code, "HTTP-response-incomplete")

    def test_response__until_the_connection_closes(self):
        o = self.raw(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        self.assertEqual(self.net.get(o.port), (200, b"all of it"))
        o = self.raw(b"HTTP/1.0 200 OK\r\n\r\nall of it")
        self.assertEqual(self.net.get(o.port), (200, b"all of it"))

    def test_response__nothing_at_all(self):
        o = self.origin(lambda c, h, r, n: False)
        self.assertIn(self.net.fault(o.port), ("HTTP-response-incomplete",
                                               "connection-terminated"))

        def reset(conn, head, rest, number):
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
            return False
        self.fault("connection-terminated", self.origin(reset).port)

    def test_response__bytes_behind_a_body_answer_nothing(self):
        extra = ok(b"smuggled")
        for first in (ok(b"one"), b"HTTP/1.1 204 No\r\n\r\n",
                      b"HTTP/1.1 304 No\r\n\r\n"):
            for pause in (0, 0.1):
                sent = threading.Event()

                def serve(conn, head, rest, number, first=first, pause=pause,
                          sent=sent):
                    if number:
                        conn.sendall(ok(b"again"))
                        return True
                    if pause:
                        conn.sendall(first)
                        time.sleep(pause)
                        conn.sendall(extra)
                    else:
                        conn.sendall(first + extra)
                    sent.set()
                    return True
                o = self.origin(serve)
                with self.subTest(first=first, pause=pause):
                    x = self.net.send(o.port, pool=o.port)
                    x.head()
                    x.body()
                    self.assertTrue(sent.wait(10))
                    time.sleep(0.1)
                    y = self.net.send(o.port, pool=o.port)
                    y.head()
                    self.assertNotEqual(y.body(), b"smuggled")
                    if pause or b"one" in first:
                        self.assertEqual(o.connections, 2)

    def test_response__bytes_while_another_runs_answer_nothing(self):
        for pause in (0, 0.1):
            done, idle = threading.Event(), []

            def serve(conn, head, rest, number, done=done, idle=idle):
                path = head.split()[1]
                if path == b"/first":
                    idle.append(conn)
                elif path == b"/slow":
                    done.wait(10)
                conn.sendall(ok(path))
                return True
            o = self.origin(serve)
            with self.subTest(pause=pause):
                slow = self.net.send(o.port, "/slow", pool=o.port)
                until(lambda: o.heads, "the request")
                self.assertEqual(self.net.get(o.port, "/first", pool=o.port),
                                 (200, b"/first"))
                idle[0].sendall(ok(b"smuggled"))
                time.sleep(pause)
                self.assertEqual(self.net.get(o.port, "/next", pool=o.port),
                                 (200, b"/next"))
                self.assertEqual(o.connections, 3)
                done.set()
                self.assertEqual((slow.head(), slow.body()), (200, b"/slow"))

    def test_response__interim_answers(self):
        o = self.raw(b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n" * 3 + ok(b"x"))
        x = self.net.send(o.port)
        self.assertEqual((x.head(), x.field("link")), (200, []))
        o = self.raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 100000 + ok(b"x"))
        self.fault("HTTP-protocol-error", o.port)

    def test_response__heads_without_an_end(self):
        def endless(line):
            def serve(conn, head, rest, number):
                conn.sendall(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100000):
                    conn.sendall(line)
                return False
            return self.origin(serve)
        for line in (b"x-a: " + b"y" * 1000 + b"\r\n", b"z" * 1000,
                     b"a: b\r\n" * 100):
            o = endless(line)
            self.assertEqual(self.net.fault(o.port),
                             "HTTP-response-header-section-size")
            until(lambda o=o: not o.open, "the end of the connection")
        o = self.raw(ok(b"", *[b"x-%d: 1" % i for i in range(255)]))
        self.assertEqual(self.net.get(o.port)[0], 200)
        o = self.raw(ok(b"", *[b"x-%d: 1" % i for i in range(256)]))
        self.fault("HTTP-response-header-section-size", o.port)

    def test_response__a_bomb_passes_as_it_is(self):
        bomb = gzip.compress(bytes(64 * MIB))
        o = self.origin(ok(bomb, b"content-encoding: gzip"))
        before = self.net.memory()
        x = self.net.send(o.port, response_max=len(bomb))
        x.head()
        self.assertEqual(x.body(), bomb)
        self.assertEqual(x.field("content-encoding"), ["gzip"])
        self.grew_less(before, 4 * MIB)

    def test_response__redirects_are_given_back(self):
        o = self.raw(b"HTTP/1.1 302 Go\r\nlocation: http://127.0.0.1:9/\r\n"
                     b"content-length: 0\r\n\r\n")
        x = self.net.send(o.port)
        self.assertEqual((x.head(), x.body()), (302, b""))
        self.assertEqual(x.field("location"), ["http://127.0.0.1:9/"])
        self.assertEqual(self.net.dials, 1)


class Times(Case):
    def timed(self, code, at_least, at_most, *args, **more):
        begun = time.monotonic()
        self.fault(code, *args, **more)
        took = time.monotonic() - begun
        self.assertGreater(took, at_least)
        self.assertLess(took, at_most)

    def test_time__a_dial_without_answer(self):
        self.timed("connection-timeout", 0.25, 5, 9, dial=None, connect_ms=300)

    def test_time__a_handshake_without_answer(self):
        silent = socket.socket()
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        self.addCleanup(silent.close)
        self.timed("connection-timeout", 0.25, 5, silent.getsockname()[1],
                   https=True, host="origin.test", connect_ms=300)

    def test_time__no_first_byte(self):
        o = self.origin(lambda c, h, r, n: time.sleep(3))
        self.timed("connection-read-timeout", 0.25, 2.5, o.port, first_ms=300)

    def test_time__a_head_that_drips(self):
        def serve(conn, head, rest, number):
            for byte in ok(b"x" * 10):
                conn.sendall(bytes([byte]))
                time.sleep(0.1)
        self.timed("connection-read-timeout", 0.25, 2.5,
                   self.origin(serve).port, first_ms=300)

    def test_time__a_body_that_stops(self):
        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12")
            time.sleep(3)
        self.timed("connection-read-timeout", 0.25, 2.5,
                   self.origin(serve).port, between_ms=300)

    def test_time__an_upload_that_is_not_taken(self):
        o = self.origin(lambda c, h, r, n: time.sleep(4))
        x = self.net.send(o.port, method="POST", has_body=True,
                          length=64 * MIB, first_ms=300)

        def feed():
            try:
                x.data(b"x" * 64 * MIB)
            except OSError:
                pass
        threading.Thread(target=feed, daemon=True).start()
        self.assertEqual(fault_of(x), "connection-write-timeout")

    def test_time__extreme_times(self):
        o = self.origin(ok(b"x"))
        for ms in (2 ** 64 - 1, 2 ** 63, 10 ** 18):
            self.assertEqual(self.net.get(o.port, connect_ms=ms, first_ms=ms,
                                          between_ms=ms), (200, b"x"))
        x = self.net.send(o.port, connect_ms=0, first_ms=0, between_ms=0)
        x.done()


main()
