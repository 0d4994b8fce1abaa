#!/usr/bin/env python3
"""test_tls.py WRIT_NET [CLASS...] - TLS, credentials and checked operations of
the jailed net process, with nginx; and the process itself."""
import base64
import os
import socket
import ssl
import sys
import threading
import time
import unittest

sys.dont_write_bytecode = True
import peer  # noqa: E402
from case import MIB, PROGRAM, SANITIZED, TOKEN, Case, certs, echo, main  # noqa: E402
from origins import Nginx, Origin, ok  # noqa: E402
from peer import Fault, Net, fault_of, parts, until  # noqa: E402


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        def serve(conn, head, rest, number):
            cls.uploads.append((head, rest.body(head)))
            conn.sendall(ok(b"%d" % len(cls.uploads[-1][1])))
            return True
        cls.uploads = []
        cls.behind = Origin(serve)
        cls.nginx = Nginx(certs(), TOKEN, cls.behind.port)
        cls.nginx.file("big", b"\x77" * 32 * MIB)

    @classmethod
    def tearDownClass(cls):
        cls.nginx.close()
        cls.behind.__exit__()

    def https(self, port, **more):
        more.setdefault("host", "origin.test")
        return self.net.send(port, https=True, **more)

    def refused(self, code, port, **more):
        self.assertEqual(fault_of(self.https(port, **more)), code)

    def test_tls__both_versions_of_http(self):
        for port, version in ((self.nginx.h1, b"HTTP/1.1"),
                              (self.nginx.h2, b"HTTP/2.0")):
            for i in range(20):
                x = self.https(port, pool=port, path=f"/say?{i}")
                self.assertEqual(x.head(), 200)
                self.assertEqual(x.body(), version + b" /say?%d\n" % i)
        self.assertEqual(self.net.dials, 2)

    def test_tls__plain(self):
        self.assertEqual(self.net.get(self.nginx.plain, "/say"),
                         (200, b"HTTP/1.1 /say\n"))

    def test_tls__the_credential_is_added(self):
        for port in (self.nginx.h1, self.nginx.h2):
            x = self.https(port, path="/auth", credential=(
                "authorization", parts("Bearer ", 0)))
            self.assertEqual((x.head(), x.body()), (200, b"in"))
            x = self.https(port, path="/auth")
            self.assertEqual(x.head(), 401)

    def test_tls__uploads(self):
        body = os.urandom(5 * MIB)
        for port in (self.nginx.h1, self.nginx.h2):
            for length in (True, False):
                x = self.https(port, path="/up", method="PUT", body=body,
                               length=None if length else False)
                self.assertEqual((x.head(), x.body()), (200, b"%d" %
                                                        len(body)))
                self.assertEqual(self.uploads[-1][1], body)

    def test_tls__downloads_wait_for_the_worker(self):
        for port in (self.nginx.h1, self.nginx.h2):
            x = self.https(port, path="/big", pool=port)
            x.head()
            time.sleep(0.5)
            before = self.net.memory()
            y = self.https(port, path="/say", pool=port)
            self.assertEqual(y.head(), 200)     # beside one that waits
            self.assertEqual(x.body(), b"\x77" * 32 * MIB)
            self.grew_less(before, 16 * MIB)

    def test_tls__many_streams_on_one_connection(self):
        first = self.https(self.nginx.h2, path="/say")
        first.head()
        first.body()
        xs = [self.https(self.nginx.h2, path=f"/say?{i}") for i in range(60)]
        for i, x in enumerate(xs):
            self.assertEqual(x.head(), 200)
            self.assertIn(b"?%d\n" % i, x.body())
        self.assertLessEqual(self.net.dials, 3)

    def test_tls__certificates_that_are_not_good(self):
        for name in ("wrong", "expired", "unknown", "self"):
            o = self.origin(lambda c, h, r, n: c.sendall(ok(b"x")),
                            certs().server(name))
            with self.subTest(name=name):
                self.refused("TLS-certificate-error", o.port)
                self.assertEqual(o.heads, [])
        self.refused("TLS-certificate-error", self.nginx.h1, ca=1, pool=11)
        self.refused("TLS-certificate-error", self.nginx.h1, ca=5, pool=12)
        self.refused("TLS-certificate-error", self.nginx.h1,
                     host="other.test")
        o = self.origin(lambda c, h, r, n: c.sendall(ok(b"x")),
                        certs().server("unknown"))
        self.assertEqual(self.https(o.port, ca=1).head(), 200)

    def test_tls__old_versions_are_refused(self):
        for least, most in ((ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1),
                            (ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_1)):
            o = self.origin(lambda c, h, r, n: c.sendall(ok(b"x")),
                            certs().server("good", most, least))
            self.assertIn(fault_of(self.https(o.port)), (
                "TLS-protocol-error", "TLS-alert-received"))
            self.assertEqual(o.heads, [])
        o = self.origin(lambda c, h, r, n: c.sendall(ok(b"x")), certs().server(
            "good", ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2))
        self.assertEqual(self.https(o.port).head(), 200)

    def test_tls__pins(self):
        good, bad = certs().pin("good"), certs().pin("wrong")
        x = self.https(self.nginx.h1, path="/say", pins=bad + ";" + good,
                       pool=2)
        self.assertEqual(x.head(), 200)
        self.refused("TLS-certificate-error", self.nginx.h1, pins=bad, pool=3)

    def test_tls__no_session_is_taken_up_again(self):
        for port in (self.nginx.h1,):
            seen = []

            def serve(conn, head, rest, number, seen=seen):
                seen.append(conn.session_reused)
                conn.sendall(ok(b"x"))
                return False
            o = self.origin(serve, certs().server("good"))
            for _ in range(4):
                self.assertEqual(self.https(o.port).head(), 200)
            self.assertEqual(seen, [False] * 4)

    def test_tls__no_tls_there(self):
        plain = socket.socket()
        plain.bind(("127.0.0.1", 0))
        plain.listen()
        self.addCleanup(plain.close)

        def serve():
            conn, _ = plain.accept()
            conn.recv(1)
            conn.sendall(ok(b"x"))
            time.sleep(1)
            conn.close()
        threading.Thread(target=serve, daemon=True).start()
        self.refused("TLS-protocol-error", plain.getsockname()[1])

    def test_tls__alerts(self):
        tls = certs().server("good", ssl.TLSVersion.TLSv1_2,
                           ssl.TLSVersion.TLSv1_2)
        tls.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # no key for it
        o = self.origin(lambda c, h, r, n: c.sendall(ok()), tls)
        x = self.https(o.port)
        with self.assertRaises(Fault) as caught:
            x.head()
        self.assertEqual((caught.exception.code, caught.exception.n),
                         ("TLS-alert-received", 40))

    def test_tls__a_body_cut_without_a_farewell(self):
        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
            raw = conn.detach()
            os.close(raw)
            return False
        o = self.origin(serve, certs().server("good"))
        x = self.https(o.port)
        x.head()
        with self.assertRaises(Fault) as caught:
            x.body()
        self.assertEqual(caught.exception.code, "HTTP-response-incomplete")

    def test_tls__a_body_that_ends_with_a_farewell(self):
        def serve(conn, head, rest, number):
            conn.sendall(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            conn.unwrap()
            return False
        o = self.origin(serve, certs().server("good"))
        x = self.https(o.port)
        self.assertEqual((x.head(), x.body()), (200, b"all of it"))

    def test_tls__no_trailers_over_http_2(self):
        x = self.https(self.nginx.h2, path="/up", method="PUT", has_body=True)
        x.data(b"x").end([("x-sum", "1")])
        self.assertEqual(fault_of(x), "HTTP-protocol-error")

    def test_tls__nothing_is_left(self):
        for i in range(30):
            x = self.https((self.nginx.h1, self.nginx.h2)[i % 2], pool=100 + i,
                           path="/say")
            x.head()
            x.body()
            self.net.line.say(peer.CLOSE_POOL, 0, peer.u32(100 + i))
        until(lambda: self.net.fds() == self.resting, "closed fds")


class Secrets(Case):
    def https(self, serve, **more):
        if not hasattr(self, "o"):
            self.o = self.origin(serve, certs().server("good"))
        return self.net.send(self.o.port, https=True, host="origin.test",
                             **more)

    def test_secret__in_a_query(self):
        x = self.https(lambda c, h, r, n: c.sendall(ok(b"x")), path="/a?b=c",
                       credential=("api key", parts("k-", 0)), query=True)
        self.assertEqual(x.head(), 200)
        want = b"GET /a?b=c&api%20key=k-Tq7-swordfish%2Fvery~secret%2B0123 "
        self.assertTrue(self.o.heads[0].startswith(want), self.o.heads[0])
        x = self.https(None, path="/a", credential=("k", parts(1)),
                       query=True)
        x.head()
        self.assertTrue(self.o.heads[1].startswith(b"GET /a?k=another-one-42 "))

    def test_secret__never_without_tls(self):
        o = self.origin(ok())
        self.fault("HTTP-request-denied", o.port, credential=(
            "authorization", parts(0)))
        self.assertEqual(o.connections, 0)

    def test_secret__that_does_not_exist(self):
        x = self.https(lambda c, h, r, n: c.sendall(ok(b"x")), credential=(
            "authorization", parts(9)))
        self.assertTrue(fault_of(x))
        self.assertEqual(self.o.heads, [])

    def test_secret__told_again(self):
        self.net.secret(0, b"the-new-value-of-it")
        x = self.https(lambda c, h, r, n: c.sendall(ok(b"x")), credential=(
            "x-key", parts(0)))
        x.head()
        self.assertIn(b"x-key: the-new-value-of-it", self.o.heads[0])

    def test_secret__with_a_line_in_it_is_not_sent(self):
        self.net.secret(2, b"abcdefgh\r\nx-more: 1")
        x = self.https(lambda c, h, r, n: c.sendall(ok(b"x")), credential=(
            "x-key", parts(2)))
        self.assertTrue(fault_of(x))
        self.assertEqual(self.o.heads, [])

    def test_secret__what_comes_back_is_starred(self):
        raw = TOKEN.encode()
        spellings = [raw, base64.b64encode(raw), base64.b64encode(b"u:" + raw),
                     base64.urlsafe_b64encode(b"x" + raw), raw.hex().encode(),
                     b"Tq7-swordfish%2Fvery~secret%2B0123"]
        chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-e: " + \
            raw + b"\r\n\r\n"

        def serve(conn, head, rest, number):
            if b"/drip" in head:
                conn.sendall(chunked)
                for one in spellings:
                    for byte in b"<" + one + b">":
                        conn.sendall(b"1\r\n%c\r\n" % byte)
                    time.sleep(0.01)
                conn.sendall(b"0\r\nx-t: " + raw + b"\r\n\r\n")
            else:
                conn.sendall(ok(b"|".join(spellings), b"x-e: a" + raw + b"b"))
            return True
        for path in ("/whole", "/drip"):
            x = self.https(serve, path=path, scrub=True, credential=(
                "authorization", parts("Bearer ", 0)))
            x.head()
            self.assertNotIn(TOKEN, str(x.fields))
            self.assertIn("*" * len(TOKEN), x.field("x-e")[0])
            body = x.body()
            for one in spellings:
                self.assertNotIn(one, body)
            self.assertNotIn(b"swordfish", body)
            self.assertNotIn(TOKEN, str(x.trailers))
            if path == "/whole":
                self.assertEqual(x.field("content-length"),
                                 [str(len(body))])
            else:
                self.assertEqual(len(body), sum(map(len, spellings)) +
                                 2 * len(spellings))

    def test_secret__kept_when_told_so(self):
        x = self.https(lambda c, h, r, n: c.sendall(ok(TOKEN.encode())),
                       credential=("authorization", parts(0)), scrub=False)
        x.head()
        self.assertEqual(x.body(), TOKEN.encode())

    @unittest.skipIf(SANITIZED, "its run-time keeps what was freed")
    @unittest.skipUnless(os.geteuid() == 0, "only root may look")
    def test_secret__nothing_of_it_is_left_behind(self):
        for query in (False, True):
            for _ in range(5):
                x = self.https(lambda c, h, r, n: c.sendall(ok(
                    b"got " + TOKEN.encode())) or True, scrub=True,
                    credential=("x-key", parts(0)), query=query)
                x.head()
                x.body()
        self.net.line.say(peer.CLOSE_POOL, 0, peer.u32(1))
        until(lambda: not self.o.open, "the end of the connections")
        time.sleep(0.1)
        found = 0
        with open(f"/proc/{self.net.process.pid}/maps",
                  encoding="ascii") as maps:
            for line in maps:
                start, end = (int(v, 16) for v in line.split()[0].split("-"))
                try:
                    with open(f"/proc/{self.net.process.pid}/mem",
                              "rb") as f:
                        f.seek(start)
                        found += f.read(end - start).count(TOKEN.encode())
                except (OSError, ValueError, OverflowError):
                    pass
        self.assertEqual(found, 1)      # the locked one

    def test_secret__is_not_in_its_memory_for_others(self):
        with open(f"/proc/{self.net.process.pid}/limits",
                  encoding="ascii") as f:
            text = f.read()
        self.assertRegex(text, r"Max core file size +0 +0 ")
        if os.geteuid() != 0:
            with self.assertRaises(OSError):
                open(f"/proc/{self.net.process.pid}/mem", "rb")


class Operations(Case):
    def ask(self, body, field="operationName", go=True, **more):
        o = self.origin(echo)
        x = self.net.send(o.port, method="POST", has_body=True,
                          operation=field, length=more.pop(
                              "length", len(body)), **more)
        x.data(body).end()
        if not go:
            return o, fault_of(x)
        self.assertTrue(x.asked.wait(10))
        time.sleep(0.05)
        self.assertEqual(o.connections, 0)
        self.net.line.say(peer.GO, x.id)
        self.assertEqual(x.head(), 200)
        self.assertEqual(x.body(), body)
        return x.operation

    def test_operation__is_told_and_waits(self):
        self.assertEqual(self.ask(b'{"operationName":"List","q":"x"}'),
                         b"List")
        self.assertEqual(self.ask(b'{"id":1,"method":"a\\u002fb"}', "method"),
                         b"a/b")
        big = b'{"operationName":"Big","q":"' + b"x" * 500000 + b'"}'
        self.assertEqual(self.ask(big), b"Big")
        self.assertEqual(self.ask(big, length=None), b"Big")

    def test_operation__what_is_not_clear_is_refused(self):
        for body in (b"", b"[]", b'[{"operationName":"a"}]', b"{}",
                     b'{"operationName":1}', b'{"operationName":null}',
                     b'{"operationName":"a","operationName":"b"}',
                     b'{"operationName":"a","operation\\u004eame":"b"}',
                     b'{"operationName":"a"} {}', b'{"operationName":"a"}x',
                     b'\xef\xbb\xbf{"operationName":"a"}', b'"operationName"',
                     b'{"operationName":"a",}', b"{'operationName':'a'}",
                     b'{"operationName":"a\\u0000b"}', b'{"operationName":"\xff"}',
                     b'{"operationname":"a"}', b'{"operationName":"a"',
                     b'{"operationName":"' + b"x" * 300 + b'"}',
                     b'{"operationName":"a","q":"' + b"x" * MIB + b'"}'):
            o, code = self.ask(body, go=False)
            self.assertEqual(code, "HTTP-request-denied", body[:40])
            self.assertEqual(o.connections, 0)

    def test_operation__a_denied_one_is_not_sent(self):
        o = self.origin(echo)
        body = b'{"method":"drop"}'
        x = self.net.send(o.port, method="POST", body=body, operation="method")
        self.assertTrue(x.asked.wait(10))
        self.net.fail(x.id, peer.CODES.index("HTTP-request-denied"))
        self.assertEqual(fault_of(x), "HTTP-request-denied")
        self.assertEqual(o.connections, 0)

    def test_operation__go_that_nobody_waits_for(self):
        o = self.origin(ok(b"x"))
        x = self.net.send(o.port, method="POST", has_body=True,
                          operation="method")
        self.net.line.say(peer.GO, x.id)
        self.net.line.say(peer.GO, 12345)
        # whose answer shows that both have been read
        self.assertEqual(self.net.get(self.origin(ok(b"y")).port)[0], 200)
        x.data(b'{"method":"a"}').end()
        self.assertTrue(x.asked.wait(10))
        self.assertEqual(o.connections, 0)
        x.close()
        x.done()


class Process(Case):
    def test_process__has_all_walls(self):
        self.assertEqual(self.net.walls, 511)
        with open(f"/proc/{self.net.process.pid}/status",
                  encoding="ascii") as f:
            status = dict(line.split(":", 1) for line in f if ":" in line)
        self.assertEqual(status["Seccomp"].strip(), "2")
        self.assertEqual(status["NoNewPrivs"].strip(), "1")
        self.assertEqual(status["CapEff"].strip().strip("0"), "")
        self.assertNotIn("0\t", status["Uid"])

    def test_process__ends_with_its_broker(self):
        net = Net(PROGRAM)
        o = self.origin(lambda c, h, r, n: time.sleep(5))
        net.send(o.port)
        until(lambda: o.heads, "the request")
        net.line.sock.shutdown(socket.SHUT_RDWR)
        self.assertEqual(net.process.wait(10), 0)

    def test_process__a_worker_that_goes_cancels(self):
        o = self.origin(lambda c, h, r, n: (c.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1"), c.recv(1)))
        for stage in range(3):
            x = self.net.send(o.port, dial=None if stage == 0 else True)
            if stage == 2:
                x.head()
            elif stage == 1:
                until(lambda: o.open, "the request")
            x.close()
            self.assertTrue(x.done().failed)
            until(lambda: not o.open, "the end of the connection")
        self.nothing_left()

    def test_process__without_its_filter(self):
        with Net(PROGRAM, without=2) as net:
            o = self.origin(ok(b"x"))
            self.assertEqual(net.get(o.port), (200, b"x"))

    def test_process__malformed_words_end_it(self):
        for kind, body in ((peer.SEND, b"\xff" * 100), (99, b""),
                           (peer.DONE, bytes(32)), (peer.RESOLVE, b"\7" * 9),
                           (peer.SEAL, b""), (peer.DIALED, b"")):
            net = Net(PROGRAM)
            net.line.say(kind, 1, body)
            try:
                net.process.wait(2 if kind != peer.DIALED else 0.2)
            except Exception:
                self.assertIn(kind, (peer.DIALED,))
            net.close()
            self.assertGreaterEqual(net.status, 0, kind)


main()
