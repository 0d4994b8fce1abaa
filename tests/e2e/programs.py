"""Programs of several languages, as their authors would run them."""
import json
import os
import pty
import signal
import subprocess

from assemble import EXIT_CODE, assemble
from harness import (BOTH, CANCELLED, WASMTIME, case, cases_of, check,
                     equal, finish, one_sentence, verify_audit, wait_until,
                     worker_of)

HELLO = {"c": "hello from c", "js": "hello from js", "py": "hello from py",
         "rs": "hello from rs", "go": "hello from go"}
# what ambient programs may have without a grant: worth nothing, or their own
HARMLESS = {"arguments", "monotonic-clock", "random", "insecure-random",
            "insecure-seed"}


def hello(box, language):
    answer = box.json(box.guest("hello-" + language))
    equal(answer["exit_code"], 0, answer["result"])
    equal(answer["stdout"].strip(), HELLO[language])
    equal((answer["allowed"], answer["refused"]), (0, 0))


@case(users=BOTH)
def c_says_hello(box):
    hello(box, "c")


@case
def javascript_says_hello(box):
    hello(box, "js")


@case(first=True)
def python_starts_from_the_cache_the_second_time(box):
    box.own_cache()
    answer = box.json(box.guest("hello-py"))
    equal(answer["cached"], False)
    check("compiling" in answer["result"].error, answer["result"])
    answer = box.json(box.guest("hello-py"))
    equal((answer["cached"], answer["stdout"]), (True, "hello from py\n"))
    check("compiling" not in answer["result"].error, answer["result"])


@case
def rust_says_hello(box):
    hello(box, "rs")


@case
def go_says_hello(box):
    hello(box, "go")


def ambient(box, language):
    here = "ambient-was-here"
    before = os.path.exists("/tmp/" + here)
    answer = box.json(box.guest("ambient-" + language))
    equal(answer["ending"], "ok", answer["result"])
    found = json.loads(answer["stdout"].splitlines()[-1])
    check(len(found) > 10, found)
    got = {k for k, v in found.items() if v["state"] == "got"}
    check(got <= HARMLESS, sorted(got - HARMLESS), answer["stdout"])
    check("never-seen" not in answer["stdout"], answer["stdout"])
    check(box.home not in answer["stdout"], answer["stdout"])
    equal(os.path.exists("/tmp/" + here), before)
    check(not os.path.exists(os.path.join(box.work, here)))


@case(users=BOTH)
def c_finds_nothing_around_it(box):
    ambient(box, "c")


@case
def javascript_finds_nothing_around_it(box):
    ambient(box, "js")


@case(first=True)
def python_finds_nothing_around_it(box):
    ambient(box, "py")


# -- status, arguments, streams

def ends_with(box, status):
    # preview1 tells 1 for every status but 0: the adapter has one bit
    want = 1 if status else 0
    for how in ([], ["return"]):
        result = box.run(box.guest("test/exit"), str(status), *how)
        equal(result.code, want, result)
        equal(result.out, b"", result)


cases_of({"exit-status-0": 0, "exit-status-1": 1, "exit-status-42": 42},
         ends_with)


def ends_with_code(box, code):
    wasm = assemble(box, EXIT_CODE.replace("CODE", str(code)))
    answer = box.json(wasm)
    equal(answer["exit_code"], code, answer["result"])
    check(answer["ending"] in ("ok", "exit"), answer["result"])
    end = verify_audit(answer["audit"])[-1]
    equal((end["type"], end["exit_code"]), ("session-end", code))


cases_of({f"exit-with-code-{n}": n for n in [0, 1, 42, 125, 255]},
         ends_with_code)


@case
def arguments_reach_the_guest(box):
    result = box.run(box.guest("test/echo"), "a", "--json", "", "b c", "-")
    lines = result.text.splitlines()
    equal(lines[:6], ["arg 0 echo.wasm", "arg 1 a", "arg 2 --json", "arg 3 ",
                      "arg 4 b c", "arg 5 -"], result)
    equal(result.error, "to stderr\n", result)


@case
def two_dashes_part_the_arguments(box):
    result = box.run("--argv0", "me", box.guest("test/echo"), "--", "--dir")
    equal(result.text, "arg 0 me\narg 1 --dir\n", result)


@case
def input_is_nothing_unless_given(box):
    result = box.run(box.guest("test/echo"), data=b"not for it")
    equal(result.text, "arg 0 echo.wasm\n", result)


@case(users=BOTH)
def input_is_echoed(box):
    data = bytes(range(256)) * 4096
    result = box.run("--stdin", "-", box.guest("test/echo"), data=data)
    check(result.out == b"arg 0 echo.wasm\n" + data, result.error)
    path = box.file("work/in", data)
    result = box.run("--stdin", path, box.guest("test/echo"))
    check(result.out == b"arg 0 echo.wasm\n" + data, result.error)


@case
def sixteen_mebibytes_go_through_a_pipe(box):
    result = box.run(box.guest("test/flood"), "16")
    equal(result.code, 0, result.error)
    equal(len(result.out), 16 << 20)
    equal(result.out.count(b"x"), 16 << 20)
    equal(result.error, f"sent {16 << 20}\n")


@case
def a_reader_that_goes_away_is_told_to_the_guest(box):
    process = box.start(box.guest("test/flood"), "512")
    check(process.stdout.read(10) == b"x" * 10)
    process.stdout.close()
    process.stdout = None
    result = finish(process)
    check("sent" not in result.error, result)
    check(result.code != 0 and result.code > 0, result)


@case
def captured_output_has_a_bound(box):
    answer = box.json(box.guest("test/flood"), "16")
    equal(answer["output_complete"], False)
    check(len(answer["stdout"]) <= 8 << 20)


# -- cancelled

def cancelled(box, row):
    number, group = row
    process = box.start("--json", box.guest("test/spin"),
                        start_new_session=True)
    worker = wait_until("a worker that computes",
                        lambda: worker_of(process.pid))
    if group:  # as a terminal does: the worker gets it too
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    result = finish(process)
    equal(result.code, CANCELLED, result)
    equal(json.loads(result.text)["ending"], "cancelled", result)
    wait_until("the worker is gone",
               lambda: not os.path.exists(f"/proc/{worker}"))
    audits = box.audits()
    equal(len(audits), 1, audits)
    end = verify_audit(audits[0])[-1]
    equal((end["type"], end["outcome"]), ("session-end", "cancelled"))


cases_of({"interrupt-cancels": (signal.SIGINT, False),
          "terminate-cancels": (signal.SIGTERM, False),
          "hangup-cancels": (signal.SIGHUP, False),
          "interrupt-of-all-cancels": (signal.SIGINT, True)}, cancelled, users=BOTH)


@case
def an_interrupt_ends_a_flood(box):
    process = box.start(box.guest("test/flood"), "100000")
    check(process.stdout.read(65536) == b"x" * 65536)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    equal(result.code, CANCELLED, result.error)


def child_of(process, name):
    """The pid of a child that runs the program `name`, or None."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    try:
        with open(path, encoding="ascii") as file:
            children = file.read().split()
        for child in children:
            with open(f"/proc/{child}/comm", encoding="ascii") as file:
                if file.read().strip() == name[:15]:
                    return int(child)
    except OSError:
        pass
    return None


@case
def an_interrupt_ends_a_compilation(box):
    box.own_cache()
    process = box.start(box.guest("hello-py"), start_new_session=True)
    compiler = wait_until("a compiler",
                          lambda: child_of(process, "writ-compiler"))
    os.killpg(process.pid, signal.SIGINT)
    result = finish(process)
    check(result.code in (CANCELLED, -signal.SIGINT), result)
    equal(result.out, b"", result)
    check(not os.path.exists(f"/proc/{compiler}"))
    equal([n for n in os.listdir(box.cache) if n.endswith(".code")], [],
          "it was compiled to the end")


@case(users=BOTH)
def a_killed_compiler_is_told_in_one_sentence(box):
    box.own_cache()
    process = box.start(box.guest("hello-py"))
    compiler = wait_until("a compiler",
                          lambda: child_of(process, "writ-compiler"))
    os.kill(compiler, signal.SIGKILL)
    result = finish(process)
    equal((result.code, result.out), (125, b""), result)
    one_sentence(result)
    equal([n for n in os.listdir(box.cache) if n.endswith(".code")], [])


@case
def eight_at_once_share_a_fresh_cache(box):
    box.own_cache()
    all_of_them = [box.start(box.guest("hello-c")) for _ in range(8)]
    for process in all_of_them:
        result = finish(process)
        equal((result.code, result.text), (0, "hello from c\n"), result)
    equal(box.json(box.guest("hello-c"))["cached"], True)


def closed(box, fds):
    """Descriptors closed at the start: none of ours takes their place."""
    def close():
        for fd in fds:
            os.close(fd)

    audit = box.path("work/log")
    box.run(box.guest("test/echo"))
    result = box.run("--audit", audit, box.guest("test/echo"), "text",
                     preexec_fn=close)
    check(result.code in (0, 1, 125), result)
    if os.path.exists(audit):
        end = verify_audit(audit)[-1]
        check(end["outcome"] in ("ok", "exited", "not-started"), end)


cases_of({"closed-" + "-".join(map(str, f)): f for f in [
    (0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]}, closed)


# -- streams that wait

@case
def a_wait_for_input_is_interrupted(box):
    process = box.start("--stdin", "-", box.guest("test/echo"),
                        stdin=subprocess.PIPE)
    process.stdin.write(b"one\n")
    process.stdin.flush()
    wait_until("a worker", lambda: child_of(process, "writ-worker"))
    process.send_signal(signal.SIGINT)
    equal(process.wait(60), CANCELLED)
    process.communicate()


@case
def a_wait_for_input_ends_by_time(box):
    path = box.writ_file("limits: { time: 500ms }\n")
    process = box.start("-w", path, "--stdin", "-", box.guest("test/echo"),
                        stdin=subprocess.PIPE)
    equal(process.wait(60), 124)
    process.communicate()


@case
def endless_input_does_not_hold_a_guest(box):
    with open("/dev/zero", "rb") as zeros:
        result = box.run("--stdin", "-", box.guest("hello-c"), stdin=zeros)
    equal((result.code, result.text), (0, "hello from c\n"), result)


@case
def a_terminal_gets_no_control_bytes(box):
    main, terminal = pty.openpty()
    process = box.start(box.guest("test/echo"), "a\x1b]0;title\x07b\x9bc",
                        stdout=terminal)
    os.close(terminal)
    seen = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    finish(process)
    os.close(main)
    check(b"arg 1 a" in seen and b"title" in seen, seen)
    check(b"\x1b" not in seen and b"\x07" not in seen, seen)


# -- programs of others

def wasmtime(box, folders, *args):
    """The same by the reference, or None without it."""
    if not os.path.exists(WASMTIME):
        return None
    dirs = [x for host, guest in folders for x in ("--dir",
                                                   f"{host}::{guest}")]
    done = subprocess.run([WASMTIME, "run", "-C", "cache=y", *dirs, *args],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=240, check=False,
                          env={"HOME": box.home, "PATH": "/usr/bin:/bin"})
    return done


@case(first=True)
def yosys_reads_and_writes(box):
    answer = box.json(box.guest("yosys"), "-V")
    equal(answer["exit_code"], 0, answer["result"])
    check(answer["stdout"].startswith("Yosys "), answer["stdout"])
    design = box.dir("design")
    box.file("design/add.v", "module add(input [3:0] a, b, output [4:0] s);\n"
             "assign s = a + b;\nendmodule\n")
    result = box.run("--dir", f"{design}::/design::rw", "--grant",
                     "files write /tmp memory", box.guest("yosys"), "-q", "-p",
                     "read_verilog /design/add.v; proc; opt; "
                     "write_json /design/add.json")
    equal(result.code, 0, result)
    with open(os.path.join(design, "add.json"), encoding="utf-8") as file:
        check("add" in json.load(file)["modules"])


SOURCE = """#include <stddef.h>
int sum(const int *v, size_t n)
{
\tint s = 0;
\tfor (size_t i = 0; i < n; i++)
\t\ts += v[i];
\treturn s;
}
"""


@case(first=True)
def clang_compiles(box):
    wasm = box.guest("clang")
    out = box.dir("out")
    src = box.dir("src")
    box.file("src/sum.c", SOURCE)
    headers = os.path.join(box.suite.guests, "clang", "include")
    args = ["-cc1", "-triple", "wasm32-wasip1", "-emit-obj", "-O1",
            "-internal-isystem", "/include", "/src/sum.c", "-o", "/out/sum.o"]
    result = box.run("--argv0", "clang", "--dir", f"{headers}::/include",
                     "--dir", f"{src}::/src", "--dir", f"{out}::/out::rw",
                     "--grant", "files write /tmp memory", wasm, *args)
    equal(result.code, 0, result)
    with open(os.path.join(out, "sum.o"), "rb") as file:
        ours = file.read()
    check(ours.startswith(b"\0asm") and b"sum" in ours)
    os.unlink(os.path.join(out, "sum.o"))
    done = wasmtime(box, [(headers, "/include"), (src, "/src"),
                          (out, "/out")], "--argv0", "clang", wasm, *args)
    if done:
        equal(done.returncode, 0, done.stderr)
        with open(os.path.join(out, "sum.o"), "rb") as file:
            check(file.read() == ours, "not the object of the reference")
