"""What is no component, and what a command line gets wrong."""
import os

from harness import BOTH, GUESTS, case, cases_of, check, equal, refused


def _part(name, size):
    with open(os.path.join(GUESTS, name + ".wasm"), "rb") as file:
        return file.read()[:size] if size else file.read()


def _sparse(box):
    path = box.file("work/x.wasm", b"\0asm\x0d\0\x01\0")
    os.truncate(path, 2 << 30)
    return path


def _fifo(box):
    path = box.path("work/fifo")
    os.mkfifo(path)
    return box.own(path)


def _flip(box):
    data = bytearray(_part("hello-c", 0))
    data[len(data) // 2] ^= 0x55
    data[40] ^= 0x55
    return box.file("work/x.wasm", bytes(data))


INPUTS = {
    "core-module": lambda b: b.file("work/x.wasm", b"\0asm\x01\0\0\0"),
    "core-module-of-a-program": lambda b: b.guest("core/hello-c"),
    "text": lambda b: b.file("work/x.wasm", "#!/bin/sh\necho hi\n"),
    "wat-text": lambda b: b.file("work/x.wat", "(component)\n"),
    "truncated": lambda b: b.file("work/x.wasm", _part("hello-c", 50000)),
    "head-alone": lambda b: b.file("work/x.wasm", _part("hello-c", 8)),
    "half-a-head": lambda b: b.file("work/x.wasm", _part("hello-c", 6)),
    "damaged": _flip,
    "trailing-garbage": lambda b: b.file(
        "work/x.wasm", _part("hello-c", 0) + b"\xff" * 100),
    "empty-file": lambda b: b.file("work/x.wasm"),
    "zeros": lambda b: b.file("work/x.wasm", b"\0" * 65536),
    "folder": lambda b: b.dir("work/x.wasm"),
    "two-gibibytes": _sparse,
    "missing": lambda b: b.path("work/none.wasm"),
    "device": lambda b: "/dev/zero",
    "fifo": _fifo,
    "dangling-link": lambda b: b.link("work/x.wasm", "none"),
    "name-too-long": lambda b: "x" * 5000,
    "name-with-escape": lambda b: b.path("work/\x1b[31mred\n.wasm"),
}


def bad_component(box, make):
    path = make(box)
    result = box.run(path)
    refused(result)
    check("\x1b" not in result.error, result)
    result = box.writ("inspect", path)
    if os.path.getsize(path) != 8 if os.path.isfile(path) else True:
        refused(result)  # the head alone is a component with nothing in it


cases_of(INPUTS, bad_component, users=BOTH)


@case
def an_unreadable_component_is_refused(box):
    path = box.file("work/x.wasm", _part("hello-c", 0), 0o000)
    if box.suite.root and box.uid == 0:
        os.chown(path, 12345, 12345)
    refused(box.run(path), "ermission")


LINES = {
    "no-component": ["run"],
    "unknown-option": ["run", "--drr", "x"],
    "unknown-command": ["rum"],
    "option-without-value": ["run", "--dir"],
    "flag-with-value": ["run", "--json=yes", "x"],
    "missing-writ": ["run", "-w", "none.writ.yaml", "x"],
    "missing-input": ["run", "--stdin", "none", "COMPONENT"],
    "unknown-wall": ["run", "--without-wall", "moat", "COMPONENT"],
    "check-nothing": ["check"],
    "check-two": ["check", "a", "b"],
    "explain-two-words": ["explain", "files", "read"],
    "inspect-nothing": ["inspect"],
    "cache-verb": ["cache", "burn"],
    "help-of-nothing": ["help", "fly"],
}


def bad_line(box, words):
    words = [box.guest("hello-c") if w == "COMPONENT" else w for w in words]
    refused(box.writ(*words))


cases_of(LINES, bad_line)


@case
def a_near_miss_is_named(box):
    check("did you mean run?" in box.writ("rum").error)
    check("did you mean --dir?" in box.run("--drr", "x").error)


@case
def a_missing_program_is_refused(box):
    refused(box.run("--programs", box.dir("work/empty"),
                    box.guest("hello-c")))


@case
def help_and_version_are_told(box):
    for words in (["help"], ["help", "run"], ["version"], ["--help"],
                  ["--version"], ["help", "--man"],
                  ["help", "--completion", "bash"]):
        result = box.writ(*words)
        equal((result.code, result.error), (0, ""), result)
        check(result.out, result)
