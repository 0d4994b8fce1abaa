#!/usr/bin/env python3
"""The JSON Schemas for editors against the cases that the parser is tested with.

Every document that the parser takes (also those it takes as "not built yet") must
satisfy the schema; of those it refuses, exactly the ones in schema-rejects.txt must
be refused by the schema too: the other rules are beyond one.
"""

import json
import os
import pathlib
import re
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    """The core schema of YAML 1.2, as libfyaml and editors read it."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$",
     list("-+.0123456789")),
]:
    Core.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern),
                               first)
# PyYAML reads 010 as octal and 1:30 as sixty-first; 1.2 knows neither.
Core.add_constructor("tag:yaml.org,2002:int",
                     lambda loader, node: int(loader.construct_scalar(node)))


def read(path):
    return yaml.load(path.read_bytes().decode(), Loader=Core)


def check(root, folder, name):
    data = root / "tests" / "data" / folder
    schema = json.loads((root / "src/policy" / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    rejects = data / "schema-rejects.txt"
    wrong, refused = [], set()

    for kind in ("accept", "unbuilt"):
        for path in sorted((data / kind).glob("*.yaml")):
            for error in judge.iter_errors(read(path)):
                wrong.append(f"{folder}/{kind}/{path.name}: "
                             f"{error.message[:200]}")
    for path in sorted((data / "reject").glob("*.yaml")):
        try:
            document = read(path)
        except (yaml.YAMLError, TypeError, ValueError):
            continue        # no document at all: nothing for a schema
        if not judge.is_valid(document):
            refused.add(path.stem)
    if "--write" in sys.argv:
        rejects.write_text("\n".join(sorted(refused)) + "\n")
    listed = set(rejects.read_text().split())
    wrong += [f"{folder}/reject/{n}: the schema takes it"
              for n in listed - refused]
    wrong += [f"{folder}/reject/{n}: refused, but not in schema-rejects.txt"
              for n in refused - listed]
    for line in wrong:
        print(line)
    print(f"{folder}: {len(listed)} rejections, {len(wrong)} wrong")
    return not wrong and bool(listed)


def main():
    root = pathlib.Path(__file__).resolve().parents[3]
    good = [check(root, "policy", "writ.schema.json"),
            check(root, "toolbox", "toolbox.schema.json")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main())
