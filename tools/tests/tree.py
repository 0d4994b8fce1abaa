"""A small tree in a temporary folder, on which a check is run."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class TreeTest(unittest.TestCase):
    tool = ""           # name of the check
    good = {}           # a tree it accepts

    def run_on(self, files):
        """Exit status and output of the check over `good` with `files`."""
        with tempfile.TemporaryDirectory() as top:
            subprocess.run(["git", "init", "-q", top], check=True)
            for name, text in {**self.good, **files}.items():
                path = os.path.join(top, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w", encoding="utf-8") as f:
                    f.write(text)
            done = subprocess.run([os.path.join(TOOLS, self.tool), top],
                                  stdout=subprocess.PIPE, text=True)
        return done.returncode, done.stdout

    def accepts(self, files):
        status, out = self.run_on(files)
        self.assertEqual(status, 0, out)

    def rejects(self, files, line):
        """It fails with exactly one finding, which begins with `line`."""
        status, out = self.run_on(files)
        self.assertEqual(status, 1, out)
        found = [x for x in out.split("\n") if re.match(r"\S+:\d+: ", x)]
        self.assertEqual(len(found), 1, out)
        self.assertTrue(found[0].startswith(line), out)


def main():
    sys.dont_write_bytecode = True
    unittest.main(verbosity=0)
