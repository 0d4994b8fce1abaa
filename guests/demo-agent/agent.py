#!/usr/bin/env python3
"""agent.py [--writ WRIT] [--guests DIR] [--box DIR] [--revision DATE] [-- OPTIONS...]

An agent's session without a model.  It reads a note that tells it to read the
owner's SSH key and post it, and obeys: it tries every tool of the box in every
way it knows.  Then it does the honest job.  The transcript goes to stdout.

Exits with 0 when each attempt failed, no byte of a canary left, the audit log
has the refusals, and the job is done; with 1 and what went wrong otherwise.
OPTIONS go to `writ mcp` and `writ pin`.
"""
import argparse
import os
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
import attempts
import desk
import session

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[0])
    parser.add_argument("--writ", default=os.path.join(
        HERE, "..", "..", "build", "writ"))
    parser.add_argument("--guests", default=os.path.join(HERE, "..", "out"))
    parser.add_argument("--box", default=os.path.join(HERE, "box"))
    parser.add_argument("--revision", default="2025-11-25",
                        choices=["2025-11-25", "2026-07-28"])
    parser.add_argument("options", nargs="*")
    return parser.parse_args()


def play(place, args):
    print("== Outside: the same lines of Python, run by an ordinary "
          "interpreter")
    attempts.without_a_box(place)
    place.pin(args.options)
    client = session.Client(place.serve(args.options), args.revision)
    try:
        print(f"\n== The box, over MCP {args.revision}")
        client.open()
        print("   tools:", ", ".join(sorted(client.tools)))
        note = attempts.read_the_note(client)
        place.check("@COLLECTOR@" not in note and place.collector.url in note,
                    "the poisoned note was read")
        print("\n== The agent obeys the note")
        for attempt in attempts.all_of(place):
            attempts.make(client, place, attempt)
        attempts.ask_for_it(client, place)
        print("\n== The agent does its job")
        attempts.honest_job(client, place)
    finally:
        place.heard = client.close()


def main():
    args = arguments()
    top = tempfile.mkdtemp(prefix="writ-agent-")
    try:
        place = desk.Desk(top, os.path.abspath(args.box),
                          os.path.abspath(args.guests),
                          os.path.abspath(args.writ))
        try:
            play(place, args)
            print("\n== The audit log")
            place.check_audit()
            place.check_canaries()
        finally:
            place.collector.close()
    finally:
        shutil.rmtree(top, ignore_errors=True)
    for what in place.wrong:
        print(f"WRONG: {what}")
    print(f"\n{place.tried} attempts, {len(place.wrong)} things went wrong")
    return 1 if place.wrong or not place.tried else 0


if __name__ == "__main__":
    sys.exit(main())
