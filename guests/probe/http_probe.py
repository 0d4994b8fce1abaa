"""Sends the HTTP requests that standard input lists, each as it is told, and says what became of it.

A line is a JSON array: method, scheme, authority, path, fields, body.  Answers: "I refused WHERE"
(the types would not have it), "I error CODE", "I status S BODY".
"""
import json
import sys

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import outgoing_handler
from wit_world.imports import wasi_http_types as http

SHOWN = 200
METHODS = {name.upper(): getattr(http, "Method_" + name.capitalize())
           for name in ("get", "head", "post", "put", "delete", "connect",
                        "options", "trace", "patch")}
SCHEMES = {"http": http.Scheme_Http, "https": http.Scheme_Https}


class Refused(Exception):
    pass


def name_of(error):
    value = error.value
    text = type(value).__name__ if value is not None else "error"
    return text.rsplit("_", 1)[-1]


def step(where, action):
    try:
        return action()
    except Err as error:
        raise Refused(f"{where} {name_of(error)}") from None


def build(method, scheme, authority, path, fields):
    values = [(name, value.encode()) for name, value in fields]
    request = http.OutgoingRequest(
        step("fields", lambda: http.Fields.from_list(values)))
    made = METHODS[method]() if method in METHODS else \
        http.Method_Other(method)
    step("method", lambda: request.set_method(made))
    made = SCHEMES[scheme]() if scheme in SCHEMES else http.Scheme_Other(scheme)
    step("scheme", lambda: request.set_scheme(made))
    step("authority", lambda: request.set_authority(authority))
    step("path", lambda: request.set_path_with_query(path))
    return request


def send(request, body):
    out = None if body is None else request.body()
    future = outgoing_handler.handle(request, None)
    if out:
        try:
            with out.write() as stream:
                for at in range(0, len(body), 4096):
                    stream.blocking_write_and_flush(
                        body[at:at + 4096].encode())
            http.OutgoingBody.finish(out, None)
        except Err:
            pass        # the answer says why
    future.subscribe().block()
    answer = future.get().value
    if isinstance(answer, Err):
        raise answer
    return answer.value


def read_body(response):
    text = b""
    with response.consume() as body, body.stream() as stream:
        try:
            while len(text) < SHOWN:
                text += stream.blocking_read(4096)
        except Err as error:
            if "Closed" not in name_of(error):
                text += b" (error " + name_of(error).encode() + b")"
    return text[:SHOWN].decode("utf-8", "replace").replace("\r", "|") \
        .replace("\n", "|")


def attempt(line):
    request = json.loads(line)
    try:
        response = send(build(*request[:5]),
                        request[5] if len(request) > 5 else None)
        return f"status {response.status()} {read_body(response)}"
    except Refused as refused:
        return f"refused {refused}"
    except Err as error:
        return f"error {name_of(error)}"


class Run(exports.Run):
    def run(self):
        for i, line in enumerate(sys.stdin.read().splitlines()):
            print(i, attempt(line), flush=True)
