"""What the tests of net have in common: a net of its own for each case, with a
broker and a worker made in Python (peer.py), and certificates made once.
A test file is called with the program, and the names of classes."""
import os
import shutil
import sys
import tempfile
import unittest

import peer
from origins import Certificates, NameServer, Origin, fixed, ok

PROGRAM = sys.argv[1]
TOKEN = "Tq7-swordfish/very~secret+0123"
MIB = 1 << 20
with open(PROGRAM, "rb") as program:
    SANITIZED = b"__asan_init" in program.read()


class Made:
    """Certificates, made when first asked for."""

    def __init__(self):
        self.folder = self.all = None

    def __call__(self):
        if not self.all:
            self.folder = tempfile.mkdtemp(prefix="writ-net-test-")
            self.all = Certificates(self.folder)
        return self.all

    def remove(self):
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


certs = Made()
unittest.addModuleCleanup(certs.remove)


class Case(unittest.TestCase):
    """Each has a net of its own, which must outlive the case."""

    def setUp(self):
        self.net = peer.Net(PROGRAM, cas=(certs().ca, certs().other),
                            secrets=(TOKEN.encode(), b"another-one-42"))
        self.resting = self.net.fds()
        self.addCleanup(self.net.close)

    def tearDown(self):
        self.assertTrue(self.net.alive(), "net has died")
        self.assertEqual(self.net.doubles, 0, "two DONEs of one request")

    def grew_less(self, before, most):
        """Resident bytes; a sanitizer keeps what was freed."""
        if not SANITIZED:
            self.assertLess(self.net.memory() - before, most)

    def nothing_left(self, pool=1):
        """No fd but those that were there at the beginning."""
        self.net.line.say(peer.CLOSE_POOL, 0, peer.u32(pool))
        peer.until(lambda: self.net.fds() == self.resting, "closed fds")

    def origin(self, serve, tls=None):
        o = Origin(serve, tls) if callable(serve) else fixed(serve)
        self.addCleanup(o.__exit__)
        return o

    def names(self, answer):
        s = NameServer(answer)
        self.addCleanup(s.__exit__)
        return s

    def fault(self, code, *args, **more):
        self.assertEqual(self.net.fault(*args, **more), code)


def echo(conn, head, rest, number):
    conn.sendall(ok(rest.body(head)))
    return True


def main():
    try:
        unittest.main(argv=sys.argv[:1] + sys.argv[2:], warnings="ignore")
    finally:
        certs.remove()
