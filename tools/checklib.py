"""What tools/check-layers, check-size and check-docs share: the files of the
tree, C text without comments and strings, and the report."""
import os
import re
import subprocess
import sys


def root():
    """The tree to look at: argv[1], else the checkout this file is in.  Before
    that one is judged, tools/tests/ shows that the check can fail."""
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    tools = os.path.dirname(os.path.abspath(__file__))
    test = os.path.join(tools, "tests", os.path.basename(sys.argv[0]))
    if subprocess.run([test]).returncode:
        print(f"{os.path.basename(sys.argv[0])}: its own test failed")
        sys.exit(1)
    return os.path.dirname(tools)


def files(top):
    """Every file that git tracks or would track, relative to `top`, sorted.
    Whoever owns the tree: git would otherwise refuse another user's."""
    out = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached",
         "--others", "--exclude-standard"],
        cwd=top, stdout=subprocess.PIPE, check=True).stdout
    names = set(out.decode("utf-8", "surrogateescape").split("\0")) - {""}
    return sorted(n for n in names
                  if os.path.isfile(os.path.join(top, n))
                  and not os.path.islink(os.path.join(top, n)))


def text(top, name):
    """The text of one file; None when it is not text."""
    with open(os.path.join(top, name), "rb") as f:
        raw = f.read()
    if b"\0" in raw:
        return None
    return raw.decode("utf-8", "replace")


TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                   r"'(?:\\.|[^'\\\n])*'", re.S)


def without_comments(source, strings=True):
    """`source` with comments blanked (and strings, unless `strings`), every
    line where it was."""
    def blank(m):
        if strings and m.group()[0] in "\"'":
            return m.group()
        return re.sub(r"[^\n]", " ", m.group())
    return TOKEN.sub(blank, source)


class Report:
    """Findings, one a line: `file:line: what`."""

    def __init__(self):
        self.found = []

    def add(self, name, line, what):
        self.found.append((name, line, what))

    def finish(self, looked_at):
        """Print all; exit non-zero if there is one, or nothing was read."""
        tool = os.path.basename(sys.argv[0])
        for name, line, what in sorted(self.found):
            print(f"{name}:{line}: {what}")
        if not looked_at:
            print(f"{tool}: nothing to look at")
            sys.exit(1)
        print(f"{tool}: {looked_at} looked at, {len(self.found)} findings")
        sys.exit(1 if self.found else 0)
