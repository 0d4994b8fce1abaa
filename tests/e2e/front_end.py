"""A front end that somebody has taken over: what it may say to the broker, and
what becomes of the server.  A script stands where writ-mcp is looked for.
"""
import os
import sys

from harness import case, check, equal

TOOLBOX = """toolbox: 1
name: t
resources:
  - { uri: "x://big", name: big, mime: text/plain, file: ./big.txt }
  - { uri: "x://deep", name: deep, mime: text/plain, file: ./out/sub/config }
"""

HEADER = """#!{python} -IB
import select, socket, struct, sys, time
HELLO, CLIENT, TEXT, CALL, READ, LIST, GRANT, CANCEL, ANSWER = range(64, 73)
RESULT, CATALOG = 104, 99
wire = socket.socket(fileno=3)
inbox = bytearray()

def text(s):
    s = s.encode()
    return struct.pack("<I", len(s)) + s

def send(kind, ident, body=b""):
    wire.sendall(struct.pack("<IHHI", len(body), kind, 0, ident) + body)

def take():
    while True:
        if len(inbox) >= 12:
            n, kind, _, ident = struct.unpack_from("<IHHI", inbox)
            if len(inbox) >= 12 + n:
                body = bytes(inbox[12:12 + n])
                del inbox[:12 + n]
                return kind, ident, body
        more = wire.recv(1 << 20)
        if not more:
            sys.exit(0)
        inbox.extend(more)

def until(kind):
    while True:
        got = take()
        if got[0] == kind:
            return got

def read(ident, uri, client=1):
    send(READ, ident, struct.pack("<I", client) + text(uri))

def call(ident, tool, client=1, session=""):
    send(CALL, ident, struct.pack("<IB", client, 0) + text(tool) +
         text(session))

def tell(*what):
    with open(3 + 2, "w", closefd=False) as out:
        print(*what, file=out, flush=True)

send(HELLO, 0, struct.pack("<I", 1))
until(CATALOG)
send(CLIENT, 1, b"\\x01" + text("nobody"))
"""


def _serve(box, script, seconds=60):
    programs = box.dir("programs", 0o755)
    for name in ("writ-worker", "writ-compiler"):
        os.symlink(os.path.join(box.suite.build, name),
                   os.path.join(programs, name))
    box.file("programs/writ-mcp",
             HEADER.format(python=os.path.realpath(sys.executable)) + script,
             mode=0o755)
    box.file("work/big.txt", b"0123456789abcdef" * 65536)   # 1 MiB
    box.dir("work/out")
    toolbox = box.file("work/toolbox.yaml", TOOLBOX)
    result = box.writ("pin", "--yes", toolbox)
    equal(result.code, 0, result)
    process = box.popen(box.command("mcp", "--programs", programs,
                                    "--toolbox", toolbox))
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out.decode(), err.decode()


@case
def unread_answers_do_not_end_the_server(box):
    """Forty megabytes are asked for at once, and read late."""
    code, out, err = _serve(box, """
for i in range(1, 41):
    read(i, "x://big")
time.sleep(1)
got, size = set(), 0
while len(got) < 40:
    kind, ident, body = take()
    size += len(body) - 1 if kind == TEXT else 0
    if kind == RESULT:
        got.add(ident)
tell(size, sorted(got) == list(range(1, 41)))
""")
    equal((code, out), (0, f"{40 << 20} True\n"), err)


@case
def each_request_has_one_result(box):
    """Of tools, resources and clients that do not exist, and of cancelled ones."""
    code, out, err = _serve(box, """
call(1, "nothing")
read(2, "x://nothing")
call(3, "nothing", client=9)
read(4, "x://big", client=9)
send(TEXT, 5, b"\\x00{}")
send(CANCEL, 5)
call(5, "nothing")
send(CANCEL, 77)
send(LIST, 6, struct.pack("<I", 1))
send(CLIENT, 1, b"\\x00" + text(""))
call(7, "nothing")
statuses = {}
while len(statuses) < 7:
    _, ident, body = until(RESULT)
    assert ident not in statuses
    statuses[ident] = body[0]
tell(sorted(statuses.items()))
""")
    unknown = 3
    equal((code, out), (0, str([(1, unknown), (2, unknown), (3, unknown),
                                (4, unknown), (5, unknown), (6, 0),
                                (7, unknown)]) + "\n"), err)


def _breaks(box, script):
    """The broker ends the conversation, in one sentence."""
    code, out, err = _serve(box, script + "\nuntil(0)\n")
    equal(out, "", err)
    check(code not in (0, -6, -11), code, err)
    lines = [l for l in err.splitlines() if l.startswith("writ: ")]
    check("the front end broke the protocol" in lines[-1], err)


@case
def arguments_of_no_request(box):
    _breaks(box, "send(TEXT, 0, b'\\x00{}')")


@case
def a_request_without_a_number(box):
    _breaks(box, "call(0, 'nothing')")


@case
def a_client_twice(box):
    _breaks(box, "send(CLIENT, 1, b'\\x01' + text('again'))")


@case
def what_the_broker_says(box):
    _breaks(box, "send(RESULT, 1, bytes(18))")


@case
def an_answer_to_no_ask_is_dropped(box):
    code, out, err = _serve(box, """
send(ANSWER, 5, struct.pack("<IB", 7, 0))
read(1, "x://nothing")
tell(until(RESULT)[1])
""")
    equal((code, out), (0, "1\n"), err)


@case
def a_file_behind_a_link_is_not_read(box):
    """A folder that a tool may write: it cannot choose what a resource is."""
    box.dir("secret")
    box.file("secret/config", "the secret")
    os.makedirs(box.path("work/out"), exist_ok=True)
    box.link("work/out/sub", "../../secret")
    code, out, err = _serve(box, """
read(1, "x://deep")
seen = b""
while True:
    kind, ident, body = take()
    seen += body
    if kind == RESULT:
        break
tell(body[0], b"secret" in seen)
""")
    equal((code, out), (0, "9 False\n"), err)
