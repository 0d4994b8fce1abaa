"""wasi:sockets: what is granted works, and nothing else reaches the network."""
import json
import os
import socket
import struct
import threading
import time

from dns import NameServer
from harness import (LIMIT, case, cases_of, check, equal, finish,
                     verify_audit, wait_until)
from toolboxes import Client, group, toolbox

GUEST = "test/sock"
HEAD = "name: socks\nrandom: secure\nclock: { wall: real }\n"


def said(result):
    """(word, what came of it) of each line."""
    return [tuple(line.split(": ", 1)) for line in result.text.splitlines()]


def writ(box, *entries, more=""):
    lines = "".join(f"  - {{ {entry} }}\n" for entry in entries)
    return box.writ_file(HEAD + more + "sockets:\n" + lines)


def run(box, path, *words, more=()):
    return box.run(*more, "-w", path, box.guest(GUEST), *words)


def does(box, path, *words, more=()):
    result = run(box, path, *words, more=more)
    equal(result.code, 0, result)
    return [what for _, what in said(result)], result


def records(box):
    # names within one second say nothing of the order
    last = max(box.audits(), key=lambda path: os.stat(path).st_mtime_ns)
    return [r for r in verify_audit(last)
            if r.get("kind") == "sockets" or r["type"] == "outcome"]


def decisions(box):
    return [(r["op"], r["target"], r["verdict"], r["rule"])
            for r in records(box) if r["type"] == "decision"]


def outcomes(box):
    return [(r["outcome"], r["bytes"]) for r in records(box)
            if r["type"] == "outcome"]


class Server:
    """A TCP server on loopback; `serve` has each connection, one thread each."""

    def __init__(self, serve, at="127.0.0.1"):
        self.serve, self.seen, self.at = serve, [], at
        self.socket = socket.create_server((at, 0), backlog=64)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                client, peer = self.socket.accept()
            except OSError:
                return
            self.seen.append(peer)
            threading.Thread(target=self.one, args=(client,),
                             daemon=True).start()

    def one(self, client):
        with client:
            client.settimeout(60)
            try:
                self.serve(client)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def echo(client):
    while True:
        data = client.recv(65536)
        if not data:
            client.sendall(b" and the end")
            return
        client.sendall(data)


def local(port, name="s", udp=False, more=""):
    kind = "udp" if udp else "tcp"
    return (f'name: {name}, connect: "{kind}://127.0.0.1:{port}", '
            f'addresses: ["127.0.0.1/32"]{more}')


@case
def without_a_grant_nothing_is_made(box):
    with Server(echo) as server:
        result = box.run(box.guest(GUEST), "tcp4", "udp6", "resolve",
                         "localhost")
        equal([what for _, what in said(result)], ["access-denied"] * 3,
              result)
        equal(server.seen, [])
    equal([d[:2] for d in decisions(box)],
          [("create-tcp-socket", "ipv4"), ("create-udp-socket", "ipv6"),
           ("resolve-addresses", "localhost")])
    check(all(d[2] == "deny" for d in decisions(box)))


@case
def a_client_talks_and_hears_the_end(box):
    with Server(echo) as server:
        path = writ(box, local(server.port))
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port, "local", "remote", "send", "hello",
                            "recv", "shut", "send", "recv", "recv", "shut",
                            "both")
        equal(what[:2], ["ok", "ok"], result)
        equal(what[2], "ok 127.0.0.1 %d" % server.seen[0][1], result)
        equal(what[3:], [f"ok 127.0.0.1 {server.port}", "ok", "ok hello",
                         "ok", "ok  and the end", "closed", "ok"], result)
    equal(decisions(box), [("connect", f"tcp://127.0.0.1:{server.port}",
                            "allow", "sockets.s")])
    equal(outcomes(box), [("allowed", 22)])


@case
def what_was_written_before_the_end_arrives(box):
    got = []

    def count(client):
        total = 0
        while True:
            data = client.recv(65536)
            if not data:
                break
            total += len(data)
            time.sleep(0.001)
        got.append(total)

    with Server(count) as server:
        path = writ(box, local(server.port))
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port, "fill", "3000000")
        equal(what, ["ok", "ok", "ok"], result)
        wait_until("the end", lambda: got)
        equal(got, [3000000])
    equal(outcomes(box), [("allowed", 3000000)])


@case
def much_comes_and_is_taken_as_it_is_read(box):
    def flood(client):
        client.sendall(b"y" * 20000000)

    with Server(flood) as server:
        path = writ(box, local(server.port))
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port, "wait", "300", "drain")
        equal(what[-1], "20000000 bytes, then drain: closed", result)
    equal(outcomes(box), [("allowed", 20000000)])


@case
def tools_of_a_server_dial_what_their_writ_names(box):
    """Two sessions at a time and one after the other; each has its own place."""
    def once(client):
        client.sendall(client.recv(65536))

    with Server(once) as server, Server(once) as other:
        entry = local(server.port, more=", concurrency: 1")
        path = toolbox(box, group(box, "line", "dial", writ=HEAD +
                                  "sockets:\n  - { " + entry + " }\n",
                                  session="named"))
        with Client(box, path) as c:
            c.hello()
            for i in range(4):
                equal(c.value("line_dial", {
                    "port": server.port, "text": f"hello {i}",
                    "session": f"s{i % 2}"}), f"hello {i}")
            found = c.call("line_dial", {"port": other.port, "text": "x",
                                         "session": "s0"})
            check(found["isError"] and "error-code 1" in json.dumps(found),
                  found)
            c.end()
        equal((len(server.seen), len(other.seen)), (4, 0))


@case
def outside_its_scope_nothing_is_dialled(box):
    with Server(echo) as server, Server(echo) as other, \
            Server(echo, "127.0.0.2") as near:
        path = writ(box, local(server.port),
                    f'name: near, connect: "tcp://127.0.0.2:{near.port}", '
                    'addresses: ["127.0.0.1/32"]',
                    f'name: open, connect: "tcp://127.0.0.1:{other.port}"',
                    local(9, "u", udp=True))
        words = []
        for ip, port in (("127.0.0.1", other.port), ("127.0.0.2", near.port),
                         ("127.0.0.2", server.port), ("127.1.0.1", 80),
                         ("10.0.0.1", server.port), ("169.254.169.254", 80),
                         ("8.8.8.8", 53)):
            words += ["tcp4", "connect", ip, port]
        words += ["tcp6", "connect", "::1", server.port,
                  "udp4", "bind", "0.0.0.0", "0", "stream", "any",
                  "to", "127.0.0.1", server.port, "x",
                  "stream", "127.0.0.1", server.port]
        what, result = does(box, path, *words)
        connects = [w for (word, w) in said(result)
                    if word in ("connect", "to")]
        equal(connects, ["access-denied"] * 9, result)
        equal(said(result)[-1], ("stream", "access-denied"), result)
        equal(server.seen + other.seen + near.seen, [], result)
    rules = [d[3] for d in decisions(box)]
    equal(rules[:3], ["sockets.open.addresses", "sockets.near.addresses",
                      "unmatched"], rules)
    equal({d[2] for d in decisions(box)}, {"deny"})


@case
def a_deny_entry_wins(box):
    with Server(echo) as server:
        path = box.writ_file(
            HEAD + "sockets:\n  - { " + local(server.port) + " }\n"
            "deny: [{ name: never, sockets: { connect: "
            f'"tcp://127.0.0.1:{server.port}" }} }}]\n')
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port)
        equal(what, ["ok", "access-denied"], result)
        equal(server.seen, [])
    equal([d[3] for d in decisions(box)], ["deny.never"])


@case
def whoever_would_be_asked_is_not_there(box):
    with Server(echo) as server:
        path = writ(box, local(server.port, more=", ask: each"))
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port)
        equal(what, ["ok", "access-denied"], result)
        equal(server.seen, [])
    equal([d[2] for d in decisions(box)], ["ask"])


@case
def errors_are_told_apart(box):
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()

    def reset(client):
        client.recv(1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))

    with Server(reset) as server:
        path = writ(box, local(port, "gone"), local(server.port))
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1", port,
                            "connect", "127.0.0.1", port, "local",
                            "tcp4", "connect", "127.0.0.1", server.port,
                            "send", "x", "recv", "recv")
        equal(what, ["ok", "connection-refused", "invalid-state",
                     "invalid-state", "ok", "ok", "ok",
                     "failed: connection-reset", "closed"], result)
    equal(outcomes(box), [("failed", 0), ("failed", 1)])


def malformed(box, words):
    path = writ(box, local(9))
    what, result = does(box, path, *words[0].split(" "))
    equal(what[-1], words[1], result)
    equal(decisions(box), [])


cases_of({
    "connect-to-port-0": ("tcp4 connect 127.0.0.1 0", "invalid-argument"),
    "connect-to-any": ("tcp4 connect 0.0.0.0 9", "invalid-argument"),
    "connect-to-many": ("tcp4 connect 224.0.0.1 9", "invalid-argument"),
    "connect-to-all": ("tcp4 connect 255.255.255.255 9",
                       "invalid-argument"),
    "connect-to-mapped": ("tcp6 connect 0:0:0:0:0:ffff:7f00:1 9",
                          "invalid-argument"),
    "connect-to-another-family": ("tcp4 connect ::1 9", "invalid-argument"),
    "listen-unbound": ("tcp4 listen", "invalid-state"),
    "accept-unbound": ("tcp4 accept", "invalid-state"),
    "stream-unbound": ("udp4 stream any", "invalid-state"),
    "shut-unconnected": ("tcp4 shut both", "invalid-state"),
    "name-with-port": ("resolve a:80", "invalid-argument"),
    "name-of-digits": ("resolve 2130706433", "invalid-argument"),
    "name-in-hexadecimal": ("resolve 0x7f000001", "invalid-argument"),
    "name-with-dot": ("resolve localhost.", "invalid-argument"),
    "name-not-of-ASCII": ("resolve b\u00fccher.test", "invalid-argument"),
    "name-of-127.1": ("resolve 127.1", "invalid-argument"),
}, malformed)


@case
def its_total_is_its_limit(box):
    def gather(client):
        total = 0
        try:
            while data := client.recv(65536):
                total += len(data)
        except ConnectionResetError:
            pass
        got.append(total)

    got = []
    with Server(gather) as server:
        path = writ(box, local(server.port,
                               more=", total: { bytes: 1000000B }"))
        words = ["tcp4", "connect", "127.0.0.1", server.port]
        what, result = does(box, path, *words, "fill", "600000")
        equal(what, ["ok", "ok", "ok"], result)
        # the next session, and less is left
        what, result = does(box, path, *words, "fill", "600000", "recv")
        equal(what[-1], "failed: access-denied", result)
        wait_until("both", lambda: len(got) == 2)
        equal(got[0], 600000)
    # the reset takes away what the server had not read
    [(outcome, moved)] = outcomes(box)
    check(outcome == "failed" and got[1] <= moved <= 400000, got, moved)
    with Server(gather) as server:
        path = writ(box, local(server.port, "one",
                               more=", total: { bytes: 1B }"))
        words = ["tcp4", "connect", "127.0.0.1", server.port]
        what, result = does(box, path, *words, "send", "x")
        equal(what, ["ok", "ok", "ok"], result)
        what, result = does(box, path, *words)
        equal(what, ["ok", "access-denied"], result)
        equal(len(server.seen), 1)
    equal(decisions(box)[-1][2:], ("deny", "sockets.one.bytes"))


@case
def so_many_sockets_at_a_time(box):
    with Server(echo) as server:
        path = writ(box, local(server.port, "a", more=", concurrency: 1"),
                    local(server.port + 1 if server.port < 65535 else 1, "b"))
        first = box.start("-w", path, box.guest(GUEST), "tcp4", "connect",
                          "127.0.0.1", str(server.port), "recv")
        wait_until("a connection", lambda: server.seen)
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port)
        equal(what, ["ok", "access-denied"], result)
        equal(len(server.seen), 1)
        first.kill()
        finish(first)
        what, result = does(box, path, "tcp4", "connect", "127.0.0.1",
                            server.port, "drop", "tcp4", "connect",
                            "127.0.0.1", server.port)
        equal(what, ["ok", "ok", "ok", "ok"], result)


# -- listeners

def listening(box, path, *words):
    """A guest that listens, once it does: the process and its port."""
    process = box.start("-w", path, box.guest(GUEST), *words, bufsize=0)
    lines = []
    while len(lines) < 4:
        line = process.stdout.readline()
        check(line, lines, "ended early")
        lines.append(line.decode().strip())
    equal(lines[:2] + lines[2:3], ["tcp4: ok", "bind: ok", "listen: ok"])
    return process, int(lines[3].split()[-1])


@case
def a_listener_is_reached(box):
    path = writ(box, 'name: l, listen: "tcp://127.0.0.1:0"')
    process, port = listening(box, path, "tcp4", "bind", "127.0.0.1", "0",
                              "listen", "local", "accept", "remote", "recv",
                              "send", "yes", "accept", "drain")
    with socket.create_connection(("127.0.0.1", port), timeout=30) as one:
        mine = one.getsockname()[1]
        one.sendall(b"are you there")
        equal(one.recv(100), b"yes")
        with socket.create_connection(("127.0.0.1", port), timeout=30) as two:
            two.sendall(b"z" * 100000)
    result = finish(process)
    equal([w for _, w in said(result)],
          ["ok", f"ok 127.0.0.1 {mine}", "ok are you there", "ok", "ok",
           "100000 bytes, then drain: closed"], result)
    want = "tcp://127.0.0.1:0"
    equal(decisions(box), [(op, want, "allow", "sockets.l") for op in
                           ("bind", "listen", "accept", "accept")])
    equal(sorted(b for _, b in outcomes(box)), [0, 0, 16, 100000])


@case
def only_welcome_clients_are_accepted(box):
    path = writ(box, 'name: l, listen: "tcp://0.0.0.0:0", '
                'addresses: ["127.0.0.3/32"]')
    process, port = listening(box, path, "tcp4", "bind", "0.0.0.0", "0",
                              "listen", "local", "accept", "recv")
    with socket.socket() as stranger:
        stranger.settimeout(30)
        stranger.bind(("127.0.0.2", 0))
        stranger.connect(("127.0.0.1", port))
        stranger.sendall(b"let me in")
        try:
            equal(stranger.recv(10), b"")
        except ConnectionResetError:
            pass
    with socket.socket() as friend:
        friend.bind(("127.0.0.3", 0))
        friend.connect(("127.0.0.1", port))
        friend.sendall(b"hi")
        result = finish(process)
    equal([w for _, w in said(result)], ["ok", "ok hi"], result)
    equal([d[2:] for d in decisions(box) if d[0] == "accept"],
          [("deny", "sockets.l.addresses"), ("allow", "sockets.l")])


@case
def a_listener_binds_what_its_entry_names(box):
    path = writ(box, 'name: l, listen: "tcp://127.0.0.1:0"', local(9))
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    more = writ(box, f'name: t, listen: "tcp://127.0.0.1:{port}"')
    what, result = does(box, more, "tcp4", "bind", "127.0.0.1", port)
    equal(what, ["ok", "address-in-use"], result)
    taken.close()
    path = writ(box, 'name: l, listen: "tcp://127.0.0.1:0"', local(9))
    what, result = does(
        box, path, "tcp4", "bind", "127.0.0.1", port, "bind", "127.0.0.2",
        "0", "bind", "0.0.0.0", "0", "local", "listen", "tcp4", "bind",
        "127.0.0.1", "0", "listen", "udp4", "bind", "127.0.0.1", "0")
    equal([w.split()[0] for w in what],
          ["ok", "access-denied", "access-denied", "ok", "ok",
           "access-denied", "ok", "ok", "ok", "ok", "access-denied"], result)


@case
def a_listener_ends_with_its_call(box):
    path = writ(box, 'name: l, listen: "tcp://127.0.0.1:0"',
                more="limits: { time: 1s }\n")
    process, port = listening(box, path, "tcp4", "bind", "127.0.0.1", "0",
                              "listen", "local", "accept")
    result = finish(process)
    equal(result.code, LIMIT, result)
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        raise AssertionError("still listening")
    except ConnectionRefusedError:
        pass


# -- datagrams

class Datagrams:
    """Answers each datagram with "echo " and itself."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seen = []
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                data, peer = self.socket.recvfrom(70000)
            except OSError:
                return
            if data == b"stop":
                return
            self.seen.append((data, peer))
            self.socket.sendto(b"echo " + data, peer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"stop", ("127.0.0.1", self.port))
        self.socket.close()


@case
def datagrams_go_where_they_may(box):
    with Datagrams() as server, Datagrams() as other:
        path = writ(box, local(server.port, udp=True))
        at = f"127.0.0.1 {server.port}"
        what, result = does(
            box, path, "udp4", "bind", "0.0.0.0", "0", "stream", "any",
            "to", "127.0.0.1", server.port, "one", "get",
            "to", "127.0.0.1", other.port, "two",
            "to", "127.0.0.1", server.port, "", "get",
            "stream", "127.0.0.1", server.port, "remote",
            "to", "peer", "three", "get",
            "to", "127.0.0.1", other.port, "four")
        equal(what, ["ok", "ok", "ok", "ok", f"ok echo one from {at}",
                     "access-denied", "ok", f"ok echo  from {at}", "ok",
                     f"ok {at}", "ok", f"ok echo three from {at}",
                     "invalid-argument"], result)
        equal([d for d, _ in server.seen], [b"one", b"", b"three"])
        equal(other.seen, [])
    equal([d[::2] for d in decisions(box)],
          [("send", "allow"), ("send", "deny")])
    equal(outcomes(box), [("allowed", 3 + 8 + 5 + 5 + 10)])


@case
def a_client_hears_only_whom_it_spoke_to(box):
    with Datagrams() as server:
        path = writ(box, local(server.port, udp=True))
        process = box.start("-w", path, box.guest(GUEST), "udp4", "bind",
                            "127.0.0.1", "0", "bind", "0.0.0.0", "0",
                            "local", "stream", "any", "wait", "500",
                            "to", "127.0.0.1", str(server.port), "x", "get",
                            "wait", "300", bufsize=0)
        lines = [process.stdout.readline().decode().strip()
                 for _ in range(4)]
        equal(lines[:3], ["udp4: ok", "bind: access-denied", "bind: ok"])
        port = int(lines[3].split()[-1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"you do not know me", ("127.0.0.1", port))
            result = finish(process)
    equal([w for _, w in said(result)],
          ["ok", "ok", f"ok echo x from 127.0.0.1 {server.port}"], result)


@case
def a_bound_socket_answers_whom_it_heard(box):
    path = writ(box, 'name: l, listen: "udp://127.0.0.1:0"')
    process = box.start("-w", path, box.guest(GUEST), "udp4", "bind",
                        "127.0.0.1", "0", "local", "stream", "any", "get",
                        "to", "127.0.0.1", "9", "no", "get", bufsize=0)
    lines = [process.stdout.readline().decode().strip() for _ in range(3)]
    equal(lines[:2], ["udp4: ok", "bind: ok"])
    port = int(lines[2].split()[-1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        peer.sendto(b"first", ("127.0.0.1", port))
        time.sleep(0.3)
        peer.sendto(b"second", ("127.0.0.1", port))
        result = finish(process)
        mine = peer.getsockname()[1]
    equal([w for _, w in said(result)],
          ["ok", f"ok first from 127.0.0.1 {mine}", "access-denied",
           f"ok second from 127.0.0.1 {mine}"], result)
    equal([d[0] for d in decisions(box)], ["bind", "accept", "send"])


# -- names

@case
def a_granted_name_is_looked_up_and_dialled(box):
    with Server(echo) as server, NameServer({
            "db.test": ["127.0.0.1"], "far.test": ["127.0.0.1"],
            "none.test": []}) as names:
        path = writ(
            box, f'name: db, connect: "tcp://db.test:{server.port}", '
            'addresses: ["127.0.0.1/32"]',
            f'name: far, connect: "tcp://far.test:{server.port}"',
            'name: none, connect: "tcp://none.test:1"',
            'name: gone, connect: "tcp://gone.test:1"')
        at = ["connect", "127.0.0.1", server.port]
        what, result = does(
            box, path, "tcp4", *at, "resolve", "DB.test", "tcp4", *at, "send",
            "hi", "recv", "resolve", "far.test", "resolve", "none.test",
            "resolve", "gone.test", "resolve", "other.test", "resolve",
            "localhost", "tcp4", "connect", "127.0.0.1", server.port + 1
            if server.port < 65535 else 1, "resolve", "127.0.0.1",
            more=("--resolver", names.at))
        equal(what, ["ok", "access-denied", "ok 127.0.0.1", "ok", "ok", "ok",
                     "ok hi", "access-denied", "name-unresolvable",
                     "name-unresolvable", "access-denied", "access-denied",
                     "ok", "access-denied", "ok 127.0.0.1"], result)
        equal(len(server.seen), 1)
        equal(set(names.names()),
              {"db.test", "far.test", "none.test", "gone.test"})
    allowed = [d[:2] for d in decisions(box) if d[2] == "allow"]
    equal(allowed, [("resolve", "db.test"),
                    ("connect", f"tcp://db.test:{server.port}"),
                    ("resolve", "far.test"), ("resolve", "none.test"),
                    ("resolve", "gone.test")])


@case
def a_name_that_leads_astray_does_not(box):
    zone = {"meta.test": ["169.254.169.254"], "in.test": ["10.1.2.3"],
            "both.test": ["192.168.0.1", "127.0.0.5"],
            "six.test": ["::1", "::ffff:127.0.0.1"]}
    with Server(echo) as server, NameServer(zone) as names:
        path = writ(
            box, *(f'name: {n.split(".")[0]}, connect: '
                   f'"tcp://{n}:{server.port}"' for n in
                   ("meta.test", "in.test", "six.test")),
            f'name: both, connect: "tcp://both.test:{server.port}", '
            'addresses: ["127.0.0.5/32"]')
        what, result = does(
            box, path, "resolve", "meta.test", "resolve", "in.test",
            "resolve", "six.test", "resolve", "both.test",
            "tcp4", "connect", "192.168.0.1", server.port,
            more=("--resolver", names.at))
        equal(what, ["access-denied"] * 3 + ["ok 127.0.0.5", "ok",
                                             "access-denied"], result)
        equal(server.seen, [])


@case
def a_dead_name_server_is_a_failure_for_now(box):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        path = writ(box, 'name: db, connect: "tcp://db.test:1"',
                    more="limits: { time: 60s }\n")
        at = "127.0.0.1:%d" % silent.getsockname()[1]
        what, result = does(box, path, "resolve", "db.test",
                            more=("--resolver", at))
        equal(what, ["temporary-resolver-failure"], result)


# -- the worker

def sockets_of(pid):
    """Inodes of the sockets that a process has; None: it cannot be told."""
    try:
        links = [os.readlink(f"/proc/{pid}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return None
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def tcp_inodes():
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/net/{name}", encoding="ascii") as file:
            found |= {line.split()[9] for line in list(file)[1:]}
    return found


@case
def the_worker_has_no_socket_of_the_network(box):
    with Server(echo) as server, Datagrams() as grams:
        path = writ(box, local(server.port), local(grams.port, "u", True),
                    'name: l, listen: "tcp://127.0.0.1:0"')
        process = box.start(
            "-w", path, box.guest(GUEST), "tcp4", "connect", "127.0.0.1",
            str(server.port), "recv")
        wait_until("a connection", lambda: server.seen)
        with open(f"/proc/{process.pid}/task/{process.pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        check(children)
        net = tcp_inodes()
        check(sockets_of(process.pid) & net, "the broker has none")
        for child in children:
            have = sockets_of(child)
            check(not have or not have & net, child)
        process.kill()
        finish(process)
