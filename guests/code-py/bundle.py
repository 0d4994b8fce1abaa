"""Keeps the standard library in the component: run while the snapshot is
taken, when its sources can still be read.  What is imported then is part of
the snapshot; the rest is kept as compressed code for `Finder` to load."""
import importlib
import importlib.abc
import importlib.machinery
import marshal
import os
import sys
import zlib

ROOT = "/python"
# Whole trees that need a screen, a build system, or another machine's files.
LEFT_OUT = ("config-", "ensurepip", "idlelib", "site-packages", "test",
            "tkinter", "turtledemo", "venv", "_sysconfigdata")
# What code asks for most: ready before the first call.
READY = """
abc argparse array ast asyncio base64 bisect calendar cmath collections
collections.abc contextlib copy csv dataclasses datetime decimal difflib email
enum errno fnmatch fractions functools glob hashlib heapq hmac html
html.parser inspect io itertools json keyword linecache locale logging math
numbers operator os pathlib pickle platform pprint queue random re secrets
shlex shutil sqlite3 statistics string struct tempfile textwrap threading time
tokenize tomllib traceback types typing unicodedata urllib.error urllib.parse
urllib.request uuid warnings xml.etree.ElementTree zipfile zlib zoneinfo
""".split()

packed = {}  # name -> (is package, compressed code)


def path_of(name, package):
    tail = "/__init__.py" if package else ".py"
    return f"{ROOT}/{name.replace('.', '/')}{tail}"


class Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds modules in `packed`."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in packed:
            return None
        package = packed[name][0]
        spec = importlib.machinery.ModuleSpec(
            name, Finder, origin=path_of(name, package), is_package=package)
        if package:
            spec.submodule_search_locations = [
                os.path.dirname(path_of(name, True))]
        spec.has_location = True
        return spec

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        exec(Finder.get_code(module.__spec__.name), module.__dict__)

    @staticmethod
    def get_code(name):
        return marshal.loads(zlib.decompress(packed[name][1]))

    @staticmethod
    def get_source(name):
        return None

    @staticmethod
    def is_package(name):
        return packed[name][0]


def pack(folder, prefix):
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if name.startswith(LEFT_OUT) or name == "__pycache__":
            continue
        if os.path.isdir(path):
            if os.path.exists(f"{path}/__init__.py"):
                pack(path, f"{prefix}{name}.")
        elif name.endswith(".py"):
            package = name == "__init__.py"
            full = prefix[:-1] if package else prefix + name[:-3]
            with open(path, "rb") as file:
                code = compile(file.read(), path, "exec", dont_inherit=True)
            packed[full] = (package, zlib.compress(marshal.dumps(code), 9))


def prepare():
    pack(ROOT, "")
    for name in READY:
        importlib.import_module(name)
    sys.meta_path.append(Finder)
    sys.path[:] = []
    sys.path_importer_cache.clear()
