"""The jail from outside: what the worker is, and what its loss does."""
import json
import os
import signal
import subprocess

from harness import (BOTH, TRAP, case, check, equal, finish,
                     one_sentence, verify_audit, wait_until, worker_of)


def spinning(box, *more):
    process = box.start(*more, box.guest("test/spin"))
    return process, wait_until("a worker that computes",
                               lambda: worker_of(process.pid))


@case(users=BOTH)
def a_killed_worker_is_told_in_one_sentence(box):
    process, worker = spinning(box)
    os.kill(worker, signal.SIGKILL)
    result = finish(process)
    equal(result.code, TRAP, result)
    one_sentence(result)
    audits = box.audits()
    equal(len(audits), 1)
    equal(verify_audit(audits[0])[-1]["outcome"], "worker-lost")


@case(users=BOTH)
def a_worker_dies_with_its_broker(box):
    process, worker = spinning(box)
    process.kill()
    process.communicate()
    wait_until("the worker is gone",
               lambda: not os.path.exists(f"/proc/{worker}"))


@case(users=BOTH)
def the_worker_is_bare(box):
    process, worker = spinning(box)
    try:
        with open(f"/proc/{worker}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1)
                          for line in file if ":\t" in line)
        without = " ".join(box.suite.without)
        equal(status["NoNewPrivs"], "1")
        if "seccomp" not in without:
            equal(status["Seccomp"], "2")
        for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"):
            equal(int(status[name], 16), 0, name)
        if box.suite.root:  # else /proc refuses: it is undumpable
            check("0" not in status["Uid"].split(), status["Uid"])
            with open(f"/proc/{worker}/environ", "rb") as file:
                equal(file.read().strip(b"\0"), b"")
            fds = os.listdir(f"/proc/{worker}/fd")
            check(len(fds) <= 8, fds)
            for fd in fds:
                target = os.readlink(f"/proc/{worker}/fd/{fd}")
                check(not target.startswith("/") or "memfd:" in target
                      or target == "/dev/null", target)
    finally:
        process.terminate()
        process.communicate()


@case
def doctor_tells_every_wall(box):
    result = box.writ("doctor", "--json")
    answer = json.loads(result.text)
    names = {w["name"] for w in answer["walls"]}
    check({"seccomp", "landlock", "rlimits", "fds"} <= names, names)
    check(answer["engine"].startswith("wasmtime "), answer)


@case
def a_wall_done_without_is_recorded(box):
    answer = box.json("--without-wall", "landlock", box.guest("hello-c")) \
        if not box.suite.without else box.json(box.guest("hello-c"))
    equal(answer["exit_code"], 0, answer["result"])
    records = verify_audit(answer["audit"])
    check([r for r in records if r["type"] == "wall"], records)
    check(records[-2]["type"] != "session-start"
          or records[-2]["walls_missing"], records)


@case
def doctor_tells_which_groups_stay(box):
    """And the worker has no others."""
    as_user = {"user": 65534, "group": 65534, "extra_groups": [4, 65534, 27]} \
        if box.suite.root else {}
    got = subprocess.run([box.suite.writ, "doctor", "--json"], check=False,
                         stdout=subprocess.PIPE, timeout=60, **as_user)
    groups = json.loads(got.stdout)["groups"]
    if box.suite.root:
        equal(sorted(groups), [4, 27])
        equal(json.loads(box.writ("doctor", "--json").text)["groups"], [])
        got = subprocess.run([box.suite.writ, "doctor"], check=False,
                             stdout=subprocess.PIPE, timeout=60, **as_user)
        check(b"4 27 stay with the worker" in got.stdout, got.stdout)
    else:
        equal(sorted(groups), sorted(set(os.getgroups()) - {os.getgid()}))
    process, worker = spinning(box)
    with open(f"/proc/{worker}/status", encoding="ascii") as file:
        kept = [l for l in file if l.startswith("Groups:")][0].split()[1:]
    process.kill()
    process.communicate()
    check({int(g) for g in kept} - {os.getgid()} <= set(groups), kept)
