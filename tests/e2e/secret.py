"""`writ secret`: values come in on standard input alone, and never out again."""
import json
import os
import pty
import re
import select
import stat
import time

import canary
from harness import (BOTH, REFUSED, case, cases_of, check, equal, finish,
                     refused)

VALUE = "ghp_Canary-0123456789/abcdef"
OTHER = "ghp_Second+9876543210"


def store(box):
    return os.path.join(box.state, "writ", "secrets")


def put(box, name, value, verb="set", *more):
    result = box.writ("secret", verb, name, *more,
                      data=value.encode() + b"\n")
    equal(result.code, 0, result)
    return result


def listed(box):
    result = box.writ("secret", "list", "--json")
    equal(result.code, 0, result)
    return json.loads(result.text)


def nowhere(box, value):
    """In no file of the case's own place, whatever was done there."""
    equal(canary.in_folder(box.top, value), [])


@case(users=BOTH)
def set_and_listed_without_its_value(box):
    equal(listed(box), {"key": "file", "secrets": []})
    put(box, "github", VALUE)
    put(box, "other", OTHER)
    answer = listed(box)
    equal([s["name"] for s in answer["secrets"]], ["github", "other"])
    for one in answer["secrets"]:
        check(re.fullmatch("[0-9a-f]{8}", one["fingerprint"]), one)
        check(re.match(r"20\d\d-\d\d-\d\dT", one["set"]), one)
    text = box.writ("secret", "list")
    check("github" in text.text and "2 secrets" in text.text, text)
    for name, mode in (("", 0o700), ("store", 0o600), ("store.key", 0o600)):
        state = os.stat(os.path.join(store(box), name))
        equal(stat.S_IMODE(state.st_mode), mode, name)
        equal(state.st_uid, box.uid, name)
    nowhere(box, VALUE)
    nowhere(box, OTHER)


@case
def a_value_as_an_argument_is_refused(box):
    for verb in ("set", "rotate"):
        result = box.writ("secret", verb, "github", VALUE)
        refused(result, "command line", "standard input")
        check(not canary.in_bytes(result.err, VALUE), result)
    check(not os.path.exists(os.path.join(store(box), "store")))


@case
def rotated_only_when_there_is_one(box):
    refused(box.writ("secret", "rotate", "github", data=VALUE.encode()),
            "no secret", "writ secret set github")
    check("github: set" in put(box, "github", VALUE).text)
    before = listed(box)["secrets"][0]["fingerprint"]
    check("replaced" in put(box, "github", OTHER, "rotate").text)
    check(listed(box)["secrets"][0]["fingerprint"] != before)
    put(box, "github", VALUE, "rotate")
    equal(listed(box)["secrets"][0]["fingerprint"], before)


@case
def removed(box):
    put(box, "a", VALUE)
    put(box, "b", OTHER)
    equal(box.writ("secret", "rm", "a").code, 0)
    equal([s["name"] for s in listed(box)["secrets"]], ["b"])
    refused(box.writ("secret", "rm", "a"), "no secret \"a\"")
    refused(box.writ("secret", "rm"), "one name, or --all")
    refused(box.writ("secret", "rm", "b", "--all"), "one name, or --all")
    equal(box.writ("secret", "rm", "--all").code, 0)
    equal(listed(box)["secrets"], [])
    equal(os.listdir(store(box)), [])


def bad(box, what):
    name, value, word = what
    result = box.writ("secret", "set", name, data=value)
    refused(result, word)
    if len(value) >= 8:
        check(not canary.in_bytes(result.err, value.decode("latin-1")),
              result)
    check(not os.path.exists(os.path.join(store(box), "store")))


cases_of({"no-value": ("a", b"", "shorter than 8"),
          "short-value": ("a", b"1234567\n", "shorter than 8"),
          "two-lines": ("a", b"one line\nand more\n", "control character"),
          "windows-line": ("a", b"one line\r\n", "control character"),
          "nul": ("a", b"one\0line", "control character"),
          "space-behind": ("a", b"one line \n", "space"),
          "too-long": ("a", b"x" * 16385, "16 KiB"),
          "endless": ("a", b"x" * 1000000, "16 KiB"),
          "bad-name": ("../a", b"12345678\n", "not a name"),
          "upper-case-name": ("GitHub", b"12345678\n", "not a name")}, bad)


@case
def the_longest_and_the_shortest(box):
    put(box, "long", "x" * 16384)
    put(box, "short", "12345678")
    equal(len(listed(box)["secrets"]), 2)


@case
def a_store_of_256_is_full(box):
    for i in range(256):
        put(box, f"s{i}", VALUE)
    refused(box.writ("secret", "set", "more", data=VALUE.encode()), "full")
    put(box, "s7", OTHER)
    equal(len(listed(box)["secrets"]), 256)


def changed(box, change):
    put(box, "github", VALUE)
    change(os.path.join(store(box), "store"))
    refused(box.writ("secret", "list"), "writ secret rm --all")
    refused(box.writ("secret", "set", "b", data=OTHER.encode()),
            "writ secret rm --all")
    equal(box.writ("secret", "rm", "--all").code, 0)
    put(box, "github", VALUE)


def _flip(path, place):
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        data[int(place * (len(data) - 1))] ^= 1
        file.seek(0)
        file.write(data)


cases_of({"store-first-bit": lambda path: _flip(path, 0),
          "store-middle-bit": lambda path: _flip(path, 0.5),
          "store-last-bit": lambda path: _flip(path, 1),
          "store-cut": lambda path: os.truncate(path, 60),
          "store-empty": lambda path: os.truncate(path, 0),
          "key-flipped": lambda path: _flip(path + ".key", 0.3),
          "key-gone": lambda path: os.unlink(path + ".key")}, changed)


@case
def files_open_to_others_are_refused(box):
    put(box, "github", VALUE)
    for name, mode, word in (("", 0o755, "chmod 700"),
                             ("store", 0o640, "chmod 600"),
                             ("store.key", 0o604, "chmod 600")):
        path = os.path.join(store(box), name)
        good = stat.S_IMODE(os.stat(path).st_mode)
        os.chmod(path, mode)
        refused(box.writ("secret", "list"), word)
        os.chmod(path, good)
    equal(len(listed(box)["secrets"]), 1)


@case
def ten_at_once_are_all_kept(box):
    running = [box.popen(box.command("secret", "set", f"s{i}"), stdin=-1)
               for i in range(10)]
    for process in running:
        process.stdin.write(VALUE.encode())
        process.stdin.close()
        process.stdin = None
    for process in running:
        equal(finish(process).code, 0)
    equal(len(listed(box)["secrets"]), 10)


@case
def no_other_process_sees_it(box):
    """Neither arguments nor environment of the one that takes it."""
    process = box.popen(box.command("secret", "set", "github"), stdin=-1)
    process.stdin.write(VALUE.encode())
    process.stdin.flush()
    time.sleep(0.2)
    equal(canary.in_process(process.pid, VALUE), None)
    process.stdin.close()
    process.stdin = None
    equal(finish(process).code, 0)


@case
def a_key_in_the_keyring(box):
    result = box.writ("secret", "set", "github", "--keyring",
                      data=VALUE.encode())
    if result.code == REFUSED:      # a container without one
        refused(result, "keyring")
        check(not os.path.exists(os.path.join(store(box), "store")))
        return
    equal(result.code, 0, result)
    equal(os.listdir(store(box)), ["store"])
    equal(listed(box)["key"], "keyring")
    put(box, "second", OTHER)
    equal(os.listdir(store(box)), ["store"])
    equal(box.writ("secret", "rm", "--all").code, 0)
    put(box, "github", VALUE)
    equal(sorted(os.listdir(store(box))), ["store", "store.key"])
    refused(box.writ("secret", "set", "x", "--keyring",
                     data=VALUE.encode()), "a key in a file")


# -- a terminal

def typed(box, *args, keys):
    """`writ secret` at a terminal; what was shown there."""
    leader, follower = pty.openpty()
    process = box.popen(box.command("secret", *args), stdin=follower,
                        stderr=follower)
    os.close(follower)
    shown, deadline, sent = b"", time.monotonic() + 30, False
    while time.monotonic() < deadline:
        ready, _, _ = select.select([leader], [], [], 0.1)
        try:
            data = os.read(leader, 4096) if ready else b""
        except OSError:             # everybody has closed it
            break
        shown += data
        if b": " in shown and not sent:
            os.write(leader, keys)
            sent = True
        if process.poll() is not None and not ready:
            break
    result = finish(process)
    os.close(leader)
    check(sent, shown)
    return result, shown


@case(users=BOTH)
def typed_without_echo(box):
    result, shown = typed(box, "set", "github", keys=VALUE.encode() + b"\r")
    equal(result.code, 0, result, shown)
    check(b"Value of github (it is not shown): " in shown, shown)
    check(not canary.in_bytes(shown, VALUE), shown)
    check(not canary.in_bytes(shown, VALUE[:8]), shown)
    first = listed(box)["secrets"][0]["fingerprint"]
    put(box, "github", VALUE)
    equal(listed(box)["secrets"][0]["fingerprint"], first)
    nowhere(box, VALUE)


@case
def typed_and_corrected(box):
    put(box, "github", VALUE)
    want = listed(box)["secrets"][0]["fingerprint"]
    result, shown = typed(box, "rotate", "github", keys=b"wrong\x15" +
                          VALUE.encode() + b"xy\x7f\x7f\n")
    equal(result.code, 0, result, shown)
    equal(listed(box)["secrets"][0]["fingerprint"], want)


@case
def typing_can_be_stopped(box):
    result, shown = typed(box, "set", "github", keys=b"half of it\x03")
    equal(result.code, 130, result, shown)
    equal(listed(box)["secrets"], [])


@case
def a_pasted_text_of_several_lines_is_refused(box):
    result, shown = typed(box, "set", "github",
                          keys=b"-----BEGIN KEY-----\nrm -rf x\nmore\n")
    equal(result.code, REFUSED, result, shown)
    check(b"more than one line" in shown, shown)
    check(b"rm -rf" not in shown, shown)
    equal(listed(box)["secrets"], [])


# -- what no grant may reach

def within_reach(box, where):
    """The store, or where it will be, in a folder that a guest gets."""
    there, folder = where
    if there:
        put(box, "github", VALUE)
    else:
        os.makedirs(os.path.join(box.state, "writ"), exist_ok=True)
        box.own(os.path.join(box.state, "writ"))
    result = box.run("--audit", box.path("work/audit"), "--dir",
                     os.path.join(box.state, folder) + "::/s",
                     box.guest("hello-c"))
    equal(result.code, REFUSED, result)
    check("overlaps" in result.error, result)


cases_of({"the-store-in-reach": (True, "writ/secrets"),
          "its-folder-in-reach": (True, "writ"),
          "its-state-in-reach": (True, ""),
          "its-place-in-reach": (False, "writ")}, within_reach)
