#!/usr/bin/env python3
"""test_names.py WRIT_NET [CLASS...] - names looked up by the jailed
net process, with hostile name servers."""
import os
import socket
import struct
import sys
import threading
import time

sys.dont_write_bytecode = True
from case import Case, main  # noqa: E402
from origins import dns  # noqa: E402


class Names(Case):
    A4 = bytes([192, 0, 2, 7])
    A6 = bytes.fromhex("20010db8000000000000000000000007")

    def test_names__both_kinds(self):
        s = self.names(lambda q, n, k, t: [dns(q, [
            (1, self.A4)] if k == 1 else [(28, self.A6)])])
        for tcp in (False, True):
            how, _, found = self.net.resolve(s.port, "a.test", tcp)
            self.assertEqual((how, sorted(found)), ("ok", [
                "192.0.2.7", "2001:db8::7"]))
        self.assertEqual({n for n, *_ in s.asked}, {"a.test"})

    def test_names__aliases(self):
        def answer(q, n, k, t):
            target = b"\x01b\xc0\x0e"           # b.test
            out = dns(q, [(5, target)])
            if k == 28:
                return [out]
            return [out[:7] + b"\x02" + out[8:] + b"\x01b\xc0\x0e" +
                    struct.pack(">HHIH", 1, 1, 60, 4) + self.A4]
        s = self.names(answer)
        how, _, found = self.net.resolve(s.port, "a.test")
        self.assertEqual((how, found), ("ok", ["192.0.2.7"]))

    def test_names__what_went_wrong(self):
        for rcode, how in ((2, "error"), (3, "none"), (5, "error"),
                           (0, "none")):
            s = self.names(lambda q, n, k, t: [dns(q, rcode=rcode)])
            got = self.net.resolve(s.port, "a.test")
            self.assertEqual((got[0], got[2]), (how, []), rcode)
            if rcode in (2, 5):
                self.assertEqual(got[1], rcode)

    def test_names__no_search_and_nothing_of_this_machine(self):
        s = self.names(lambda q, n, k, t: [dns(q, rcode=3)])
        self.net.resolve(s.port, "single")
        self.assertEqual({n for n, *_ in s.asked}, {"single"})

    def test_names__silence(self):
        s = self.names(lambda q, n, k, t: None)
        begun = time.monotonic()
        self.assertEqual(self.net.resolve(s.port, "a.test")[0], "timeout")
        self.assertLess(time.monotonic() - begun, 15)

    def test_names__nobody_there(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        begun = time.monotonic()
        self.assertEqual(self.net.resolve(port, "a.test")[0], "error")
        self.assertLess(time.monotonic() - begun, 5)

    def test_names__truncated_goes_over_tcp(self):
        def answer(q, n, k, t):
            if not t:
                return [dns(q, flags=0x8380)]
            return [dns(q, [(1, self.A4)] if k == 1 else [])]
        s = self.names(answer)
        self.assertEqual(self.net.resolve(s.port, "a.test")[0], "truncated")
        self.assertEqual(self.net.resolve(s.port, "a.test", True),
                         ("ok", 0, ["192.0.2.7"]))

    def test_names__ten_thousand_answers(self):
        def answer(q, n, k, t):
            return [dns(q, [(1, struct.pack(">I", 0x01000000 + i))
                            for i in range(4000)] if k == 1 else [])]
        s = self.names(answer)
        how, _, found = self.net.resolve(s.port, "a.test", True)
        self.assertEqual((how, len(found)), ("ok", 32))

    def test_names__garbage(self):
        def bent(q, n, k, t):
            good = dns(q, [(1, self.A4)] if k == 1 else [])
            return [q[:2] + os.urandom(50), good[:-3], q[:12],
                    good[:12] + b"\xc0\x0c" + good[-20:], b"", b"\0" * 4000]
        s = self.names(bent)
        self.assertNotEqual(self.net.resolve(s.port, "a.test", False)[0], "ok")

    def test_names__a_loop_of_aliases(self):
        s = self.names(lambda q, n, k, t: [dns(q, [(5, b"\xc0\x0c")] * 100)])
        begun = time.monotonic()
        self.assertNotEqual(self.net.resolve(s.port, "a.test")[0], "ok")
        self.assertLess(time.monotonic() - begun, 15)

    def test_names__an_answer_to_another_question_is_none(self):
        def other(q, n, k, t):
            wrong = dns(q, [(1, b"\6\6\6\6")])
            ids = [bytes([wrong[0] ^ 1]) + wrong[1:],
                   wrong[:13] + b"b" + wrong[14:]]
            return ids + [dns(q, [(1, self.A4)] if k == 1 else [])]
        s = self.names(other)
        self.assertEqual(self.net.resolve(s.port, "a.test"),
                         ("ok", 0, ["192.0.2.7"]))

    def test_names__ids_are_not_the_same_twice(self):
        s = self.names(lambda q, n, k, t: [dns(q, rcode=3)])
        for _ in range(50):
            self.net.resolve(s.port, "a.test")
        ids = {i for _, _, _, i in s.asked}
        self.assertGreater(len(ids), 90)

    def test_names__waiting_costs_nothing(self):
        s = self.names(lambda q, n, k, t: None)
        asked = threading.Thread(target=self.net.resolve, args=(
            s.port, "a.test", True))
        asked.start()
        self.addCleanup(asked.join)
        time.sleep(0.3)
        before = self.cpu()
        time.sleep(1)
        self.assertLess(self.cpu() - before, 0.1)

    def cpu(self):
        with open(f"/proc/{self.net.process.pid}/stat", encoding="ascii") as f:
            parts_of = f.read().rsplit(")", 1)[1].split()
        return (int(parts_of[11]) + int(parts_of[12])) / os.sysconf(
            "SC_CLK_TCK")

    def test_names__nothing_is_left(self):
        s = self.names(lambda q, n, k, t: [dns(q, [(1, self.A4)])])
        for i in range(100):
            self.net.resolve(s.port, "a.test", i % 2 == 1)
        self.assertEqual(self.net.fds(), self.resting)


main()
