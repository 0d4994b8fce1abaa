"""The command line itself: what it prints where, and what it does with odd descriptors."""
import base64
import json
import os
import pty
import re
import signal
import subprocess

from harness import case, cases_of, check, equal, refused


def _shell(box, words, *args):
    """Our program through a shell that changes its descriptors."""
    process = box.popen(["/bin/sh", "-c", 'exec "$@" ' + words, "sh",
                         *box.command(*args)])
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@case
def an_option_given_twice_is_refused(box):
    refused(box.run("--stdin", "-", "--stdin", "-", box.guest("hello-c")),
            "given twice")
    result = box.run("--env", "A=1", "--env", "B=2", box.guest("hello-c"))
    equal(result.code, 0, result)


@case
def help_of_a_command_is_an_option_too(box):
    for word in ("--help", "-h"):
        result = box.writ("check", word)
        equal((result.code, result.error), (0, ""), result)
        check("--json" in result.text, result)
    # behind the component it is the guest's
    result = box.run(box.guest("hello-c"), "--help")
    equal((result.code, result.text), (0, "hello from c\n"), result)


@case
def closed_descriptors_hit_no_file_of_ours(box):
    log = box.path("work/a.jsonl")
    for words in (">&-", "<&- >&- 2>&-", "<&-"):
        if os.path.exists(log):
            os.unlink(log)
        _shell(box, words, "run", "--audit", log, box.guest("hello-c"))
        with open(log, encoding="utf-8") as file:
            text = file.read()
        check("hello from c" not in text, text)
        for line in text.splitlines():
            json.loads(line)


@case
def a_full_standard_output_is_an_error(box):
    for args in (["help"], ["version"], ["doctor", "--json"],
                 ["run", "--json", box.guest("hello-c")]):
        code, _, err = _shell(box, ">/dev/full", *args)
        equal(code, 125, err)
        check(b"No space left" in err, err)


@case
def output_that_is_no_text_comes_as_base64(box):
    data = b"\xff\xfe\0end"
    answer = box.json("--stdin", "-", box.guest("test/echo"), data=data)
    equal(answer["stdout"], None)
    check(base64.b64decode(answer["stdout_base64"]).endswith(data), answer)


@case
def a_terminal_gets_whole_characters_and_no_control(box):
    ours, theirs = pty.openpty()
    process = box.start("--stdin", "-", box.guest("test/echo"),
                        stdin=subprocess.PIPE, stdout=theirs)
    os.close(theirs)
    process.communicate("\u20ac".encode() * 3000 + b"\x1b[31m", timeout=60)
    got = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        got += part
    os.close(ours)
    check(b"\\x1b" in got and b"\x1b" not in got, got[-200:])
    equal(got.count("\u20ac".encode()), 3000)
    check(b"\\xe2" not in got and b"\\x82" not in got, got[:200])


@case
def a_refusal_is_explained_by_its_id(box):
    result = box.run("--trace-denials", box.guest("mdindex-c"), "/notes",
                     "/out/index.md")
    found = re.search(r"\(([0-9a-f]{4}-\d+)\)", result.error)
    check(found, result)
    told = box.writ("explain", found.group(1))
    equal(told.code, 0, told)
    for word in ("/notes", "deny", "mode: read", box.audits()[0]):
        check(word in told.text, told)
    check("whole up to it" in told.text, told)
    refused(box.writ("explain", "0000-1"), "no log")
    refused(box.writ("explain", "nonsense"), "not an id")


@case
def without_files_the_way_to_see_what_it_wants_is_told(box):
    hint = "writ run --trace-denials"
    args = (box.guest("mdindex-c"), "/notes", "/out/index.md")
    result = box.run(*args)
    check(result.code != 0 and hint in result.error, result)
    result = box.run("--trace-denials", *args)
    check(hint not in result.error, result)
    # nor beside a refusal that has its own word
    result = box.run("-w", box.writ_file("random: secure\nhttp: []\n"),
                     box.guest("fetch-c"), "GET", "http://127.0.0.1:9/")
    check("refused" in result.error and hint not in result.error, result)


@case
def suggested_grants_have_one_key_a_kind(box):
    result = box.run("--trace-denials", box.guest("ambient-c"))
    keys = re.findall(r"^    ([a-z]+):", result.error, re.M)
    check(keys, result)
    equal(len(keys), len(set(keys)), result)


@case
def a_signal_stops_the_guest(box):
    for sig in (signal.SIGINT, signal.SIGTERM):
        process = box.start("-w", box.file(
            "work/spin.writ.yaml", "writ: 1\nname: spin\n"),
            box.guest("test/spin"))
        try:
            process.communicate(timeout=0.7)
            raise AssertionError("ended by itself")
        except subprocess.TimeoutExpired:
            process.send_signal(sig)
        _, err = process.communicate(timeout=20)
        equal(process.returncode, 130, err)


@case
def check_warns_of_what_deserves_a_second_look(box):
    box.dir("work/code/.git")
    box.dir("work/plain")
    box.dir("writs")
    path = box.file("writs/x.writ.yaml", """writ: 1
name: x
files:
  - { name: code, at: /a, from: "host:../work/code", mode: write, quota: { bytes: 1MiB } }
  - { name: gone, at: /b, from: "host:../work/none", mode: read }
  - { name: open, at: /c, from: "host:../work/plain", mode: write }
  - { name: good, at: /d, from: "host:../work/plain", mode: read }
""")
    told = box.writ("check", path)
    equal(told.code, 0, told)
    for words in ("holds code (.git)", "not a directory", "without a quota",
                  "3 warnings"):
        check(words in told.text, told)
    answer = json.loads(box.writ("check", "--json", path).text)
    equal(len(answer["warnings"]), 3, answer)


@case
def the_table_of_commands_is_there_as_json(box):
    names = [c["name"] for c in json.loads(
        box.writ("help", "--json").text)["commands"]]
    check({"run", "inspect", "check", "explain"} <= set(names), names)
    one = json.loads(box.writ("help", "run", "--json").text)["commands"]
    equal([c["name"] for c in one], ["run"])
    options = {o["name"]: o for o in one[0]["options"]}
    check(options["--dir"]["repeats"] and not options["--writ"]["repeats"])


# -- characters that deceive

TRICKS = ("\x7f\x85\x9b\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060"
          "\u2066\u2069\ufeff\U000e0000\U000e0041\U000e007f")


def bare(text):
    """No such character stands for itself."""
    found = {c for c in text if c in TRICKS}
    check(not found, ascii(text), found)


@case
def no_output_draws_what_deceives(box):
    path = "/no" + TRICKS + "/tes"
    tool = box.guest("mdindex-c")
    answer = box.json("--trace-denials", tool, path, "/out/x")
    bare(answer["result"].text)
    check(any(r["target"].startswith("/no" + TRICKS)
              for r in answer["refusals"]), answer["refusals"])
    with open(answer["audit"], encoding="utf-8") as file:
        bare(file.read())
    result = box.run("--trace-denials", tool, path, "/out/x")
    bare("".join(l for l in result.error.split("\n")  # no terminal: raw
                 if not l.startswith("mdindex: ")))
    check("\\u{202e}" in result.error and "\\u{e0041}" in result.error, result)
    first = answer["refusals"][0]
    for more in ([], ["--json"]):
        result = box.writ("explain", *more, first["id"])
        check(result.code == 0 and "202e" in result.text, result)
        bare(result.text + result.error)
        result = box.writ("explain", *more, "files", "read", path)
        check("202e" in result.text, result)
        bare(result.text + result.error)


@case
def a_suggestion_with_such_characters_can_be_used(box):
    path = "/no" + TRICKS[3:] + "/tes"     # no grant names a control
    answer = json.loads(box.writ("explain", "--json", "files", "read",
                                 path).text)
    text = answer["smallest"]
    check("\\U000e0041" in text, answer)
    bare(text)
    again = box.writ("explain", "--grant", text, "files", "read", path)
    check("decided   allow" in again.text, again)


@case
def mistakes_are_told_without_them(box):
    for args in (["--writ", TRICKS], ["--grant", TRICKS], ["--dir", TRICKS],
                 ["--env", TRICKS], ["--" + TRICKS], ["--cache-max", TRICKS],
                 ["--without-wall", TRICKS], [TRICKS + ".wasm"]):
        result = box.run(*args, box.guest("hello-c"))
        equal(result.code, 125, result)
        bare(result.text + result.error)
    bad = box.writ_file("name: a\nfiles: [{ name: \"x\u202e\", mode: reed }]\n")
    for more in ([], ["--json"]):
        result = box.writ("check", *more, bad)
        bare(result.text + result.error)
    good = box.writ_file("name: \"a\u202e\"\nenv: { A\u200b: \"\u2028\" }\n")
    for more in ([], ["--json"]):
        result = box.writ("check", *more, good)
        bare(result.text + result.error)


@case
def a_guest_s_words_in_json_are_escaped(box):
    answer = box.json("--stdin", "-", box.guest("test/echo"),
                      data=TRICKS.encode())
    check(answer["stdout"].endswith("\n" + TRICKS), answer)
    bare(answer["result"].text)


def _refusal(box):
    audit = box.path("work/log")
    box.run("--audit", audit, box.guest("hello-c"))
    answer = box.json("--audit", audit, "--trace-denials",
                      box.guest("mdindex-c"), "/notes", "/out/index.md")
    ident = answer["refusals"][0]["id"]
    with open(audit, "rb") as file:
        return audit, ident, int(ident[5:]), file.read().splitlines(True)


def believed(box, change):
    audit, ident, seq, lines = _refusal(box)
    change, whole = change
    box.file("work/log", b"".join(change(lines, seq)))
    told = box.writ("explain", "--audit", audit, ident)
    shown = json.loads(box.writ("explain", "--json", "--audit", audit,
                                ident).text)
    check("/notes" in told.text, told)
    equal((told.code, "NOT PROVEN" in told.text, bool(shown["doubt"])),
          (0, False, False) if whole else (125, True, True), told)


def _target(lines, seq):
    lines[seq - 1] = lines[seq - 1].replace(b"/notes", b"/notes2")
    return lines


def _later(lines, seq):
    """A forged copy behind the end; the true record is gone."""
    forged = lines[seq - 1].replace(b"/notes", b"/notes2")
    lines[seq - 1] = lines[seq - 1].replace(b'"session":"', b'"session":"x')
    return lines + [forged]


cases_of({
    "explained-from-a-whole-log": (lambda l, n: l, True),
    "explained-though-the-end-is-torn": (lambda l, n: l[:-1]
                                         + [l[-1][:-9]], True),
    "not-proven-when-changed": (_target, False),
    "not-proven-when-another-is-changed-before": (
        lambda l, n: [l[0].replace(b"hello", b"hallo")] + l[1:], False),
    "not-proven-when-one-is-missing-before": (lambda l, n: l[1:], False),
    "not-proven-when-forged-behind": (_later, False),
}, believed)
