"""mdindex NOTES INDEX - reads a folder of Markdown, writes an index of it:
one line a note, its title and its number of words."""
import os
import sys

from wit_world import exports


def note(path):
    """The title (first heading, else the file's name) and the word count."""
    title = os.path.basename(path)
    words = 0
    found = False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not found and line.startswith("# "):
                title, found = line[2:].strip(), True
            words += len(line.split())
    return title, words


def index(folder, target):
    names = sorted(n for n in os.listdir(folder) if n.endswith(".md"))
    total = 0
    with open(target, "w", encoding="utf-8") as out:
        out.write("# Index\n\n")
        for name in names:
            title, words = note(os.path.join(folder, name))
            out.write(f"- [{title}]({name}), {words} words\n")
            total += words
        out.write(f"\n{len(names)} notes, {total} words\n")
    print(f"mdindex: {len(names)} notes, {total} words -> {target}")


class Run(exports.Run):
    def run(self) -> None:
        if len(sys.argv) != 3:
            print("usage: mdindex NOTES INDEX", file=sys.stderr)
            sys.exit(1)
        try:
            index(sys.argv[1], sys.argv[2])
        except OSError as error:
            print(f"mdindex: {error}", file=sys.stderr)
            sys.exit(1)
