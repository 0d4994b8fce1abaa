"""Grants of what is no file: environment, configuration, clock, chance."""
import hashlib
import json

from assemble import CONFIG, assemble
from harness import BOTH, REFUSED, case, cases_of, check, equal, refused


def ambient(box, *more):
    answer = box.json(*more, box.guest("ambient-c"))
    equal(answer["exit_code"], 0, answer["result"])
    return json.loads(answer["stdout"].splitlines()[-1])


@case
def variables_are_those_given(box):
    result = box.run("--env", "A=1", "--env", "B=x=y $HOME ~",
                     "--env", "EMPTY=", box.guest("test/echo"))
    lines = [l for l in result.text.splitlines() if l.startswith("env ")]
    equal(sorted(lines), ["env A=1", "env B=x=y $HOME ~", "env EMPTY="],
          result)


@case
def variables_of_the_writ(box):
    path = box.writ_file("env: { LANG: C.UTF-8, GREETING: hi }\n")
    result = box.run("-w", path, "--env", "MORE=1", box.guest("test/echo"))
    for line in ("env LANG=C.UTF-8", "env GREETING=hi", "env MORE=1"):
        check(line in result.text.splitlines(), line, result)
    check("never-seen" not in result.text, result)


def bad_environment(box, text):
    refused(box.run("--env", text, box.guest("test/echo")))


cases_of({"variable-without-value": "A", "variable-without-name": "=1",
          "variable-with-space": "A B=1", "variable-with-digit": "1A=1"},
         bad_environment)


@case
def a_variable_given_twice_is_a_mistake(box):
    path = box.writ_file("env: { A: one }\n")
    refused(box.run("-w", path, "--env", "A=two", box.guest("test/echo")))


@case
def configuration_is_what_the_writ_says(box):
    wasm = assemble(box, CONFIG)
    equal(box.run(wasm).code, 255)
    path = box.writ_file("config: { other: x, model: small }\n")
    equal(box.run("-w", path, wasm).code, 5)
    equal(box.run("--grant", "config model=larger", wasm).code, 6)
    equal(box.run("--env", "model=larger", wasm).code, 255)


@case
def the_clock_is_real_when_granted(box):
    equal(ambient(box)["wall-clock"]["state"], "nothing")
    found = ambient(box, "--grant", "clock real")
    equal(found["wall-clock"]["state"], "got")
    check(int(found["wall-clock"]["detail"]) > 1_700_000_000, found)


@case
def the_clock_is_frozen_where_said(box):
    path = box.writ_file('clock: { wall: frozen "2026-01-01T00:00:00Z" }\n')
    found = ambient(box, "-w", path)
    equal(found["wall-clock"]["detail"], "1767225600")
    found = ambient(box, "--grant", "clock frozen 2001-09-09T01:46:40Z")
    equal(found["wall-clock"]["detail"], "1000000000")


@case
def the_virtual_clock_is_the_same_each_time(box):
    equal(ambient(box)["monotonic-clock"], ambient(box)["monotonic-clock"])


@case
def secure_chance_differs(box):
    seen = {ambient(box, "--grant", "random secure")["random"]["detail"]
            for _ in range(3)}
    equal(len(seen), 3)


@case
def seeded_chance_is_the_same(box):
    def with_seed(text):
        return ambient(box, "--grant", "random seeded " + text)["random"]

    equal(with_seed("42"), with_seed("42"))
    check(with_seed("42") != with_seed("43"))


@case
def chance_refused_traps(box):
    path = box.writ_file("random: trap\n")
    answer = box.json("-w", path, box.guest("test/entropy"))
    equal((answer["ending"], answer["exit_code"]), ("trap", 126),
          answer["result"])


def bad_grant(box, text):
    refused(box.run("--grant", text, box.guest("hello-c")))


cases_of({
    "grant-empty": "", "grant-unknown": "fly high",
    "grant-of-another-mode": "files append /d memory",
    "grant-without-place": "files write",
    "grant-relative": "files write d memory",
    "grant-clock-word": "clock fast", "grant-seed-word": "random seeded x",
    "grant-of-two-lines": "clock real\nrandom secure",
    "grant-variable": "files write /d host:$HOME",
    "grant-tilde": "files write /d host:~/x",
}, bad_grant)


@case(users=BOTH)
def strict_refuses_what_would_be_void(box):
    path = box.writ_file("strict: true\n")
    result = box.run("-w", path, box.guest("test/echo"))
    refused(result, "strict", "wasi:")


@case
def a_writ_for_another_component_is_refused(box):
    text = "component: { file: ./x.wasm, digest: \"sha256:" + "0" * 64 + "\" }\n"
    path = box.writ_file(text)
    with open(box.guest("hello-c"), "rb") as file:
        data = file.read()
    box.file("work/x.wasm", data)
    refused(box.run("-w", path), "sha256:" + "0" * 64)
    right = hashlib.sha256(data).hexdigest()
    path = box.writ_file(text.replace("0" * 64, right))
    result = box.run("-w", path)
    equal((result.code, result.text), (0, "hello from c\n"), result)
    box.file("work/x.wasm", data[:-1] + bytes([data[-1] ^ 1]))
    refused(box.run("-w", path), right)


@case
def explain_tells_the_rule(box):
    path = box.writ_file(
        "files:\n  - { name: d, at: /d, from: memory, mode: write }\n"
        '  - { name: r, at: /r, from: memory }\n'
        'deny:\n  - { name: secret, files: { path: "/d/secret" } }\n')
    for op, target, verdict, rule in [
            ("read", "/d/a", "allow", "files.d"),
            ("write", "/d/secret", "deny", "deny.secret"),
            ("write", "/d/secret/x", "deny", "deny.secret"),
            ("write", "/r/a", "deny", "files.r.mode"),
            ("read", "/etc/passwd", "deny", "unmatched"),
            ("read", "/d/../etc", "deny", "malformed")]:
        result = box.writ("explain", "--json", "-w", path, "files", op, target)
        equal(result.code, 0, result)
        answer = json.loads(result.text)
        equal((answer["verdict"], answer["rule"]), (verdict, rule), target)
    equal(box.writ("explain", "files", "fly", "/d").code, REFUSED)
    equal(box.writ("explain", "birds", "read", "/d").code, REFUSED)


@case
def inspect_tells_imports(box):
    result = box.writ("inspect", "--json", box.guest("ambient-js"))
    equal(result.code, 0, result)
    answer = json.loads(result.text)
    names = [i["name"].split("@")[0] for i in answer["imports"]]
    check("wasi:sockets/tcp-create-socket" in names, names)
    equal(answer["missing"], [])
    result = box.writ("inspect", box.guest("wat/unknown-import"))
    equal(result.code, 0, result)
    check("foo:bar/baz" in result.text, result)
