"""A front end that somebody has taken over: what it may say to the broker, and
what becomes of the server.  A script stands where writ-mcp is looked for.
"""
import os
import resource
import sys

from harness import case, check, equal, verify_audit

TOOLBOX = """toolbox: 1
name: t
resources:
  - { uri: "x://big", name: big, mime: text/plain, file: ./big.txt }
  - { uri: "x://deep", name: deep, mime: text/plain, file: ./out/sub/config }
"""

HEADER = """#!{python} -IB
import select, socket, struct, sys, time
HELLO, CLIENT, TEXT, CALL, READ, LIST, GRANT, CANCEL, ANSWER = range(64, 73)
RESULT, CATALOG, ASK = 104, 99, 102
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

def call(ident, tool, client=1, session="", flags=0):
    send(CALL, ident, struct.pack("<IB", client, flags) + text(tool) +
         text(session))

def tell(*what):
    with open(3 + 2, "w", closefd=False) as out:
        print(*what, file=out, flush=True)

send(HELLO, 0, struct.pack("<I", 1))
until(CATALOG)
send(CLIENT, 1, b"\\x01" + text("nobody"))
"""


# With a worker: one tool whose sessions have names and show two folders.
SESSIONS = """toolbox: 1
name: t
tools:
  - name: t
    component: {component}
    writ: ./t.writ.yaml
    session: named
    functions:
      - {{ export: test-simple-text, name: simple }}
      - {{ export: test-elicitation, name: elicit }}
"""
SHOWN = """writ: 1
files:
  - { name: a, at: /a, from: memory, mode: write, shown: true }
  - { name: b, at: /b, from: memory, mode: write, shown: true }
"""
CAN_ELICIT = 4


def _serve(box, script, toolbox=TOOLBOX, seconds=120, **more):
    programs = box.dir("programs", 0o755)
    for name in ("writ-worker", "writ-compiler"):
        os.symlink(os.path.join(box.suite.build, name),
                   os.path.join(programs, name))
    box.file("programs/writ-mcp",
             HEADER.format(python=os.path.realpath(sys.executable)) + script,
             mode=0o755)
    box.file("work/big.txt", b"0123456789abcdef" * 65536)   # 1 MiB
    box.dir("work/out")
    toolbox = box.file("work/toolbox.yaml", toolbox)
    result = box.writ("pin", "--yes", toolbox)
    equal(result.code, 0, result)
    process = box.popen(box.command("mcp", "--programs", programs,
                                    "--toolbox", toolbox), **more)
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
def guests_of_one_do_not_use_up_the_files_of_others(box):
    """The server takes as many as it may have, whatever it was started with."""
    def few():
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    code, out, err = _serve(box, """
import os
with open(f"/proc/{os.getppid()}/limits") as limits:
    files = [l.split()[3:5] for l in limits if l.startswith("Max open files")]
tell(files[0][0] == files[0][1])
""", preexec_fn=few)
    equal((code, out), (0, "True\n"), err)


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


def _with_sessions(box, writ, script):
    box.file("work/t.writ.yaml", writ)
    return _serve(box, script, SESSIONS.format(
        component=box.guest("conformance")))


def _records(box):
    """Every record of every session's log, the chains checked."""
    folder = box.path("state/writ/audit")
    return [verify_audit(os.path.join(folder, name))
            for name in sorted(os.listdir(folder))]


@case
def a_session_that_shows_two_folders(box):
    """It is asked for the second right after the first, and goes on."""
    code, out, err = _with_sessions(box, SHOWN, """
call(1, "simple", session="s")
first = until(RESULT)[2][0]
send(LIST, 2, struct.pack("<I", 1))
second = until(RESULT)[2][0]
send(LIST, 3, struct.pack("<I", 1))
third = until(RESULT)[2][0]
call(4, "simple", session="s")
tell(first, second, third, until(RESULT)[2][0])
""")
    equal((code, out), (0, "0 0 0 0\n"), err)
    equal(len(_records(box)), 1, "one session, one worker")


@case
def a_list_that_is_cancelled(box):
    """The session that it looks into goes on."""
    code, out, err = _with_sessions(box, SHOWN, """
call(1, "simple", session="s")
until(RESULT)
send(LIST, 2, struct.pack("<I", 1))
send(CANCEL, 2)
until(RESULT)
call(3, "simple", session="s")
tell(until(RESULT)[2][0])
""")
    equal((code, out), (0, "0\n"), err)
    equal(len(_records(box)), 1, "one session, one worker")


@case
def sessions_of_two_clients_with_one_name(box):
    """The name is the client's own; gone with it, also when its number returns."""
    code, out, err = _with_sessions(box, SHOWN, """
send(CLIENT, 2, b"\\x01" + text("other"))
for i, client in enumerate((1, 2, 1)):
    call(i + 1, "simple", client=client, session="s")
    until(RESULT)
send(CLIENT, 1, b"\\x00" + text(""))
send(CLIENT, 1, b"\\x01" + text("again"))
call(4, "simple", client=1, session="s")
tell(until(RESULT)[2][0])
""")
    equal((code, out), (0, "0\n"), err)
    calls = sorted(sum(r["type"] == "call-start" for r in log)
                   for log in _records(box))
    equal(calls, [1, 1, 2])


@case
def a_question_that_is_not_granted(box):
    """Judged, and on record; the client is not asked."""
    code, out, err = _with_sessions(box, SHOWN, f"""
send(TEXT, 1, b'\\x00{{"message":"who?"}}')
call(1, "elicit", flags={CAN_ELICIT})
while True:
    kind, ident, body = take()
    assert kind != ASK
    if kind == RESULT:
        break
tell(body[0])
""")
    equal((code, out), (0, "1\n"), err)       # the tool's own error
    asked = [r for log in _records(box) for r in log
             if r["type"] == "decision"]
    equal([(r["kind"], r["op"], r["verdict"]) for r in asked],
          [("client", "elicit", "deny")], err)


ASKS = SHOWN + "client: [elicit]\n"


@case
def an_answer_to_another_question(box):
    """Of a running call, to an ask that it never made."""
    code, out, err = _with_sessions(box, ASKS, f"""
send(TEXT, 1, b'\\x00{{"message":"who?"}}')
call(1, "elicit", flags={CAN_ELICIT})
kind, ident, body = until(ASK)
send(ANSWER, 1, struct.pack("<IB", 77, 0))
until(0)
""")
    check(code not in (0, -6, -11), code, err)
    check("broke the protocol (answer)" in err, err)


@case
def a_client_that_leaves_its_question(box):
    """The call is stopped with it, and an answer that comes late is dropped."""
    code, out, err = _with_sessions(box, ASKS, f"""
send(TEXT, 1, b'\\x00{{"message":"who?"}}')
call(1, "elicit", flags={CAN_ELICIT}, session="s")
kind, ident, body = until(ASK)
send(CLIENT, 1, b"\\x00" + text(""))
status = until(RESULT)[2][0]
send(ANSWER, 1, body[:4] + b"\\x00")
send(CLIENT, 1, b"\\x01" + text("again"))
call(2, "simple", session="s")
tell(status, until(RESULT)[2][0])
""")
    equal((code, out), (0, "8 0\n"), err)
