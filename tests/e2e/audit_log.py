"""The audit log: whole, in order, and stronger than the effect."""
import glob
import hashlib
import os
import subprocess

from harness import (BOTH, case, cases_of, check, equal, limit_file_size,
                     not_started, refused, snapshot, verify_audit)


def readdir(box, *more, **how):
    folder = box.dir("d")
    return folder, box.run("--dir", f"{folder}::/d::rw", *more,
                           box.guest("test/readdir"), **how)


@case(users=BOTH)
def the_chain_is_whole_and_decides_first(box):
    audit = box.path("work/log.jsonl")
    _, result = readdir(box, "--audit", audit)
    equal(result.code, 0, result)
    records = verify_audit(audit)
    equal((records[0]["type"], records[-1]["type"]),
          ("session-start", "session-end"))
    decided, ended = {}, set()
    for r in records:
        if r["type"] == "decision":
            equal(r["id"], r["seq"])
            decided[r["id"]] = r
        elif r["type"] == "outcome":
            check(r["decision"] in decided, "an outcome before its decision")
            check(r["decision"] not in ended, "two outcomes")
            ended.add(r["decision"])
    allowed = {k for k, r in decided.items() if r["verdict"] == "allow"}
    check(len(allowed) >= 100 and allowed <= ended, allowed - ended)
    equal(os.stat(audit).st_mode & 0o777, 0o600)


@case
def refusals_are_recorded_as_shown(box):
    answer = box.json("--trace-denials", box.guest("mdindex-c"), "/notes",
                      "/out/x")
    records = [r for r in verify_audit(answer["audit"])
               if r["type"] == "decision" and r["verdict"] == "deny"]
    equal([(r["op"], r["target"]) for r in records],
          [(r["op"], r["target"]) for r in answer["refusals"]])


@case
def a_second_run_continues_the_chain(box):
    audit = box.path("work/log.jsonl")
    for _ in range(3):
        result = box.run("--audit", audit, box.guest("hello-c"))
        equal(result.code, 0, result)
    starts = [r for r in verify_audit(audit) if r["type"] == "session-start"]
    equal(len(starts), 3)


@case
def no_secret_of_the_call_is_in_it(box):
    audit = box.path("work/log.jsonl")
    box.run("--audit", audit, "--env", "TOKEN=hush-hush", "--stdin", "-",
            box.guest("test/echo"), "argument-hush", data=b"input-hush")
    with open(audit, encoding="utf-8") as file:
        check("hush" not in file.read())


# -- a log that cannot be written: nothing happens

def _truncated(box):
    return box.file("work/log", open(_good(box), "rb").read()[:-20])


def _changed(box):
    data = open(_good(box), "rb").read().splitlines(True)
    data[-1] = data[-1].replace(b'"exit_code":0', b'"exit_code":1')
    return box.file("work/log", b"".join(data))


def _good(box):
    path = box.path("work/good")
    box.run("--audit", path, box.guest("hello-c"))
    verify_audit(path)
    return path


def _foreign(box):
    path = box.file("work/log")
    if box.suite.root:
        os.chown(path, 12345, 12345)
        return path
    return "/etc/passwd"


BAD_LOGS = {
    "log-in-no-folder": lambda box: box.path("none/log"),
    "log-is-a-folder": lambda box: box.dir("work/log"),
    "log-is-a-link": lambda box: box.link("work/log", box.file("real")),
    "log-is-a-device": lambda box: "/dev/null",
    "log-full-device": lambda box: "/dev/full",
    "log-anybody-writes": lambda box: box.file("work/log", mode=0o666),
    "log-of-another": _foreign,
    "log-torn": _truncated,
    "log-changed": _changed,
    "log-of-text": lambda box: box.file("work/log", "hello\n"),
}


def bad_log(box, make):
    path = make(box)
    folder, result = readdir(box, "--audit", path)
    refused(result)
    equal(snapshot(folder), {})


cases_of(BAD_LOGS, bad_log, users=BOTH)


def effects_are_in_the_log(box, folder, audit, result):
    """The run did not go on, and no file exists without its decision."""
    check(result.code not in (0, 1), result)
    records = verify_audit(audit) if os.path.getsize(audit) else []
    told = {r["target"] for r in records if r["type"] == "decision"
            and r["verdict"] == "allow"}
    made = {"/d/" + name for name in snapshot(folder)}
    check(made <= told, made - told)
    check(len(made) < 101, len(made))


def file_grows_no_more(box, size):
    """RLIMIT_FSIZE in place of a full disk."""
    box.run(box.guest("test/readdir"))  # fill the cache first
    audit = box.path("work/log")
    folder, result = readdir(box, "--audit", audit,
                             preexec_fn=limit_file_size(size))
    if not os.path.exists(audit):
        check(result.code not in (0, 1) and not snapshot(folder), result)
        return
    effects_are_in_the_log(box, folder, audit, result)


cases_of({f"log-grows-to-{n}": n for n in [0, 100, 1000, 3000, 5000, 20000]},
         file_grows_no_more, users=BOTH)


@case
def a_full_disk_stops_the_guest(box):
    disk = box.dir("disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o",
                              f"size=16k,mode=0700,uid={box.uid}", "e2e",
                              disk], stderr=subprocess.DEVNULL, check=False)
    if mounted.returncode:  # no root: the same through a file limit
        return file_grows_no_more(box, 16384)
    box.mounted.append(disk)
    audit = os.path.join(disk, "log")
    folder, result = readdir(box, "--audit", audit)
    return effects_are_in_the_log(box, folder, audit, result)


@case
def a_killed_writer_leaves_a_log_that_verifies(box):
    folder = box.dir("d")
    audit = box.path("work/log")
    process = box.start("--audit", audit, "--dir", f"{folder}::/d::rw",
                        box.guest("test/flood"), "100000")
    check(process.stdout.read(1) == b"x")
    process.kill()
    process.communicate()
    records = verify_audit(audit)
    equal(records[0]["type"], "session-start")
    check(records[-1]["type"] != "session-end")
    equal(box.run("--audit", audit, box.guest("hello-c")).code, 0)
    verify_audit(audit)


@case
def two_writers_do_not_share_a_log(box):
    audit = box.path("work/log")
    process = box.start("--audit", audit, box.guest("test/flood"), "100000")
    check(process.stdout.read(1) == b"x")
    refused(box.run("--audit", audit, box.guest("hello-c")))
    process.terminate()
    process.communicate()
    verify_audit(audit)


# -- a call that is refused before anything runs

def _other_component(box):
    return ["--writ", box.writ_file("component:\n  file: x.wasm\n  digest: sha256:"
                                    + "ab" * 32 + "\n")]


NOT_STARTED = {
    "another-component": (_other_component, "hello-c", "the writ is for"),
    "strict": (lambda b: ["--writ", b.writ_file("strict: true\n")],
               "mdindex-c", "strict: true"),
    "writ-with-a-mistake": (lambda b: ["--writ", b.writ_file("filez: 1\n")],
                            "hello-c", "filez"),
    "writ-missing": (lambda b: ["--writ", b.path("none.writ.yaml")],
                     "hello-c", "none.writ.yaml"),
    "folder-missing": (lambda b: ["--dir", b.path("none") + "::/d"],
                       "hello-c", "none"),
    "state-granted": (lambda b: ["--dir", b.state + "::/d"], "hello-c",
                      "audit log"),
}


def refused_call(box, row):
    more, guest, word = row
    audit = box.path("state/log")
    refused(box.run("--audit", audit, *more(box), box.guest(guest), "one"),
            word)
    equal(not_started(audit), guest + ".wasm")
    records = verify_audit(audit)
    check(word in records[-1]["reason"], records[-1])
    with open(box.guest(guest), "rb") as file:
        equal(records[0]["component"],
              "sha256:" + hashlib.sha256(file.read()).hexdigest())


cases_of({"not-started-" + n: row for n, row in NOT_STARTED.items()},
         refused_call, users=BOTH)


@case
def what_is_no_component_is_recorded_by_its_digest(box):
    audit = box.path("work/log")
    refused(box.run("--audit", audit, box.file("work/x.wasm", "text\n")))
    equal(not_started(audit), "x.wasm")
    for path in (box.path("none"), box.dir("d"), box.file("work/e.wasm")):
        refused(box.run("--audit", box.path("work/log2"), path))
        check(not os.path.exists(box.path("work/log2")))


@case
def a_changed_cache_entry_is_recorded_though_compiling_fails(box):
    box.own_cache()
    box.json(box.guest("hello-c"))
    path = glob.glob(os.path.join(box.cache, "*.code"))[0]
    os.truncate(path, 100)
    audit = box.path("work/log")
    compiler = box.path("programs")
    os.symlink(box.suite.build, box.path("real"))
    box.dir("programs", 0o755)
    os.symlink(box.path("real/writ-worker"), compiler + "/writ-worker")
    os.symlink("/bin/false", compiler + "/writ-compiler")
    refused(box.run("--programs", compiler, "--audit", audit,
                    box.guest("hello-c")), "compiler")
    not_started(audit)
    equal([r["event"] for r in verify_audit(audit) if r["type"] == "cache"],
          ["rejected"])
