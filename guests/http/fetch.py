"""fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] [-a] - asks for one page, and prints
the status, the fields and the body.  -a: and before it all that this program sees of where it
runs."""
import os
import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import outgoing_handler
from wit_world.imports import wasi_http_types as http

PIECE = 4096
USAGE = "usage: fetch METHOD URL [-H NAME:VALUE]... [-d BODY | -d @SIZE] [-a]"


class Failed(Exception):
    pass


def name_of(value):
    return type(value).__name__.rsplit("_", 1)[-1]


def read(words):
    method, url, *rest = words
    asked = {"method": method, "url": url, "fields": [], "body": None, "all": False}
    while rest:
        word = rest.pop(0)
        if word == "-a":
            asked["all"] = True
        elif word == "-H":
            name, _, value = rest.pop(0).partition(":")
            asked["fields"].append((name, value.removeprefix(" ").encode()))
        elif word == "-d":
            body = rest.pop(0)
            asked["body"] = bytes(i % 251 for i in range(int(body[1:]))) \
                if body[:1] == "@" else body.encode()
        else:
            raise ValueError(word)
    return asked


def build(asked):
    scheme, _, rest = asked["url"].partition("://")
    authority, slash, path = rest.partition("/")
    request = http.OutgoingRequest(http.Fields.from_list(asked["fields"]))
    known = getattr(http, "Method_" + asked["method"].capitalize(), None)
    request.set_method(known() if known and asked["method"].isupper()
                       else http.Method_Other(asked["method"]))
    schemes = {"http": http.Scheme_Http, "https": http.Scheme_Https}
    request.set_scheme(schemes[scheme]() if scheme in schemes
                       else http.Scheme_Other(scheme))
    request.set_authority(authority)
    request.set_path_with_query(slash + path or "/")
    return request


def send(request, data):
    body = None if data is None else request.body()
    future = outgoing_handler.handle(request, None)
    if body:
        with body.write() as stream:
            for at in range(0, len(data), PIECE):
                stream.blocking_write_and_flush(data[at:at + PIECE])
        http.OutgoingBody.finish(body, None)
    future.subscribe().block()
    answer = future.get().value
    if isinstance(answer, Err):
        raise answer
    return answer.value


def show_body(response):
    with response.consume() as body, body.stream() as stream:
        try:
            while True:
                sys.stdout.buffer.write(stream.blocking_read(65536))
        except Err as error:
            if name_of(error.value) != "Closed":
                raise Failed("body " + name_of(error.value)) from None
    sys.stdout.flush()


def go(asked):
    if asked["all"]:
        for word in sys.argv:
            print("argument", word)
        for name, value in os.environ.items():
            print(f"environment {name}={value}")
    response = send(build(asked), asked["body"])
    print("status", response.status())
    for name, value in response.headers().entries():
        print(f"{name}: {value.decode('latin-1')}")
    print(flush=True)
    show_body(response)
    return response.status() < 400


class Run(exports.Run):
    def run(self):
        try:
            asked = read(sys.argv[1:])
        except (ValueError, IndexError):
            sys.exit(USAGE)
        try:
            good = go(asked)
        except Err as error:
            sys.exit("fetch: error " + name_of(error.value))
        except Failed as error:
            sys.exit(f"fetch: error {error}")
        sys.exit(0 if good else 1)
