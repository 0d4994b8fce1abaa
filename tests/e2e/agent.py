"""The agent that obeys a poisoned note (guests/demo-agent), whole."""
import os
import shutil
import sys

from harness import ROOT, case, check, equal, finish

SECONDS = 600       # three components are compiled
PLAY = os.path.join(ROOT, "guests", "demo-agent")


def _play(box, *args):
    for name in ("notes", "code-py", "code-js"):
        box.guest(name)
    return finish(box.popen(
        [sys.executable, "-B", os.path.join(PLAY, "agent.py"), "--writ",
         box.suite.writ, "--guests", box.suite.guests, *args, "--",
         "--cache-dir", box.cache, *box.suite.without]), SECONDS)


def _steals_nothing(box, revision):
    result = _play(box, "--revision", revision)
    equal(result.code, 0, result)
    for words in ("the key among them", "refused files open /notes/reply.md",
                  "deny files open /out/.bashrc", "no network",
                  "comes to 1367.70", " 0 things went wrong"):
        check(words in result.text, f"no {words!r}", result)


# One after the other, so that the components are compiled once.
@case(first=True)
def an_agent_that_obeys_a_note_steals_nothing(box):
    for revision in ("2025-11-25", "2026-07-28"):
        _steals_nothing(box, revision)


@case
def the_play_notices_a_writ_that_grants_too_much(box):
    """Its own check: with the owner's home granted, and keys opened, it fails."""
    wide = os.path.join(box.work, "wide")
    shutil.copytree(os.path.join(PLAY, "box"), wide)
    for at, folders, names in os.walk(wide):
        for name in folders + names:
            box.own(os.path.join(at, name))
    with open(os.path.join(wide, "code.writ.yaml"), "a",
              encoding="utf-8") as file:
        file.write('  - { name: home, at: /home, from: "host:../home", mode: '
                   'read, protected: [".ssh", "id_ed25519"] }\n')
    result = _play(box, "--box", wide)
    equal(result.code, 1, result)
    for words in ("WRONG: run_python, walking about: it worked",
                  "WRONG: a canary reached the client",
                  "WRONG: allowed: "):
        check(words in result.text, f"no {words!r}", result)
