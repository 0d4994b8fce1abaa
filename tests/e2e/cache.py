"""The cache of compiled code: used when right, never trusted."""
import fcntl
import glob
import json
import os

from harness import (BOTH, case, cases_of, check, equal, finish, refused,
                     verify_audit)


def entry(box):
    found = glob.glob(os.path.join(box.cache, "*.code"))
    equal(len(found), 1, found)
    return found[0]


def flipped(box, place):
    """One bit of a kept entry changed: compiled again, and recorded."""
    box.own_cache()
    tool = box.guest("hello-c")
    equal(box.json(tool)["cached"], False)
    equal(box.json(tool)["cached"], True)
    path = entry(box)
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        data[int(place * (len(data) - 1))] ^= 1
        file.seek(0)
        file.write(data)
    answer = box.json(tool)
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"))
    events = [r for r in verify_audit(answer["audit"])
              if r["type"] == "cache"]
    equal([r["event"] for r in events], ["rejected"], events)
    equal(box.json(tool)["cached"], True)


cases_of({"first-bit": 0, "early-bit": 0.01, "middle-bit": 0.5,
          "last-bit": 1}, flipped, users=BOTH)


def damaged(box, change):
    box.own_cache()
    tool = box.guest("hello-c")
    box.json(tool)
    change(box, entry(box))
    answer = box.json(tool)
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"),
          answer["result"])


def _truncate(_, path):
    os.truncate(path, os.path.getsize(path) // 2)


def _empty(_, path):
    os.truncate(path, 0)


def _grow(_, path):
    with open(path, "ab") as file:
        file.write(b"\0" * 4096)


def _new_key(box, _):
    with open(os.path.join(box.cache, "key"), "r+b") as file:
        data = bytearray(file.read())
        data[0] ^= 1
        file.seek(0)
        file.write(data)


def _of_another(box, path):
    """The entry of another component, authentic in itself."""
    kept = set(glob.glob(os.path.join(box.cache, "*.code")))
    box.json(box.guest("test/exit"))
    other = set(glob.glob(os.path.join(box.cache, "*.code"))) - kept
    os.replace(other.pop(), path)


cases_of({"truncated": _truncate, "emptied": _empty, "grown": _grow,
          "key-changed": _new_key, "entry-of-another": _of_another}, damaged)


@case(users=BOTH)
def a_cache_that_cannot_be_written_is_only_slower(box):
    box.own_cache()
    os.chmod(box.cache, 0o500)
    if box.suite.root and box.uid == 0:
        os.chown(box.cache, 12345, 12345)
    answer = box.json(box.guest("hello-c"))
    equal((answer["cached"], answer["stdout"]), (False, "hello from c\n"),
          answer["result"])
    notes = [l for l in answer["result"].error.splitlines()
             if l.startswith("writ: ") and "compiling" not in l]
    check(notes, "no note", answer["result"])
    equal(os.listdir(box.cache), [])


def bad_folder(box, make):
    path = make(box)
    before = sorted(os.listdir(path)) if os.path.isdir(path) else None
    box.cache = path
    refused(box.run(box.guest("hello-c")))
    after = sorted(os.listdir(path)) if os.path.isdir(path) else None
    equal(after, before)


cases_of({
    "folder-anybody-writes": lambda b: b.dir("c", 0o777),
    "folder-a-group-writes": lambda b: b.dir("c", 0o770),
    "link-to-such-a-folder": lambda b: b.link("work/c",
                                              b.dir("real", 0o777)),
    "folder-is-a-file": lambda b: b.file("work/c"),
}, bad_folder, users=BOTH)


@case
def list_and_clear(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    box.json(box.guest("test/exit"))
    listed = json.loads(box.writ("cache", "--json", "list").text)
    equal(len(listed["entries"]), 2, listed)
    result = box.writ("cache", "clear")
    check(result.code == 0 and "2 entries removed" in result.text, result)
    equal(glob.glob(os.path.join(box.cache, "*.code")), [])
    equal(box.json(box.guest("hello-c"))["cached"], False)


@case
def entries_and_key_are_the_owners_alone(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    for path in [entry(box), os.path.join(box.cache, "key")]:
        equal(os.stat(path).st_mode & 0o077, 0, path)


# -- its size

OLD = 10 ** 9           # 2001: used before every other


def fake(box, letter, mib, used):
    """What only looks like an entry, of a size and an age."""
    path = box.file(f"cache/{letter * 64}.code", mode=0o600)
    os.truncate(path, mib << 20)
    os.utime(path, (used, used))
    return path


def names(box):
    return {n[0] for n in os.listdir(box.cache) if n.endswith(".code")
            and len(set(n)) < 8}


@case(users=BOTH)
def what_was_used_longest_ago_goes_first(box):
    box.own_cache()
    fake(box, "a", 20, OLD + 2)
    fake(box, "b", 20, OLD + 1)
    fake(box, "c", 20, OLD + 3)
    box.json("--cache-max", "50MiB", box.guest("hello-c"))
    equal(names(box), {"a", "c"})
    equal(box.json("--cache-max", "50MiB", box.guest("hello-c"))["cached"],
          True)
    box.json("--cache-max", "50MiB", box.guest("test/exit"))
    equal(names(box), {"a", "c"})
    box.json("--cache-max", "2MiB", box.guest("test/echo"))
    equal(names(box), set())


@case
def the_bound_is_two_gib_unless_set(box):
    box.own_cache()
    fake(box, "a", 1500, OLD)
    fake(box, "b", 1500, OLD + 1)
    answer = json.loads(box.writ("cache", "--json", "list").text)
    equal((answer["bytes"], answer["max_bytes"]), (3000 << 20, 2 << 30))
    box.json(box.guest("hello-c"))
    equal(names(box), {"b"})
    check("KiB of at most 2097152 KiB" in box.writ("cache", "list").text)


@case
def code_larger_than_the_cache_is_not_kept(box):
    box.own_cache()
    fake(box, "a", 1, OLD)
    answer = box.json("--cache-max", "1MiB", box.guest("mdindex-c"))
    big = os.path.getsize(box.guest("mdindex-c")) > 1 << 20
    equal(answer["ending"] in ("ok", "exit"), True, answer["result"])
    check(not big or names(box) == {"a"}, names(box))


def bad_size(box, text):
    refused(box.run("--cache-max", text, box.guest("hello-c")),
            "--cache-max")


cases_of({f"size-{n or 'none'}": n for n in [
    "", "0", "1", "MiB", "1MB", "1 MiB", "-1MiB", "+1MiB", "01MiB", "1023KiB",
    "1.5GiB", "0x10MiB", "99999999999999999999GiB", "9007199254740993GiB"]},
         bad_size)


@case(users=BOTH)
def what_killed_writers_left_is_removed(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    left = [box.file(f"cache/.{'d' * 64}.code-0123abcd", "x"),
            box.file("cache/.key-0123456789ab", "x")]
    held = box.file(f"cache/.{'e' * 64}.code-0123abcd", "x")
    with open(held, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        box.json(box.guest("test/exit"))
        equal([os.path.exists(p) for p in left + [held]],
              [False, False, True])
        box.writ("cache", "clear")
        equal(os.path.exists(held), True)
    result = box.writ("cache", "clear")
    equal((result.code, sorted(os.listdir(box.cache))), (0, ["key"]), result)


@case
def runs_at_once_bear_with_eviction(box):
    box.own_cache()
    tools = ["hello-c", "test/exit", "test/echo", "mdindex-c"]
    for _ in range(3):
        running = [box.start("--cache-max", "1MiB", box.guest(t), "x")
                   for t in tools]
        for process in running:
            result = finish(process)
            check(b"cache entry" not in result.err, result)
            check(result.code < 124, result)
