"""A small MCP client over the pipes of one server: both revisions."""
import json
import select
import time

SECONDS = 120           # for one answer
TITLE = {"name": "demo-agent", "version": "1"}


class Client:
    def __init__(self, process, revision):
        self.process, self.revision = process, revision
        self.modern = revision >= "2026"
        self.number, self.heard, self.rest = 0, b"", b""
        self.tools = {}

    def _line(self):
        """One line of the server, kept whole for the search for canaries."""
        until = time.monotonic() + SECONDS
        while b"\n" not in self.rest:
            left = until - time.monotonic()
            fd = self.process.stdout
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise TimeoutError("the server does not answer")
            more = fd.read1(65536)
            if not more:
                raise EOFError("the server has ended")
            self.heard += more
            self.rest += more
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def _send(self, message):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def request(self, method, **params):
        """The answer: {"result": ...} or {"error": ...}."""
        self.number += 1
        if self.modern:
            prefix = "io.modelcontextprotocol/"
            params["_meta"] = {prefix + "protocolVersion": self.revision,
                               prefix + "clientInfo": TITLE,
                               prefix + "clientCapabilities": {}}
        self._send({"jsonrpc": "2.0", "id": self.number, "method": method,
                    "params": params})
        while True:
            answer = self._line()
            if answer.get("id") == self.number:
                return answer

    def open(self):
        if self.modern:
            self.request("server/discover")
        else:
            self.request("initialize", protocolVersion=self.revision,
                         capabilities={}, clientInfo=TITLE)
            self._send({"jsonrpc": "2.0",
                        "method": "notifications/initialized"})
        listed = self.request("tools/list")["result"]["tools"]
        self.tools = {tool["name"]: tool for tool in listed}

    def call(self, name, arguments):
        return self.request("tools/call", name=name, arguments=arguments)

    def close(self):
        """End the server; everything that it ever wrote."""
        try:
            self.process.stdin.close()
            self.heard += self.process.stdout.read()
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
        return self.heard


def failed(answer):
    """Why a call did not do what it was to do, or None if it did."""
    if "error" in answer:
        return answer["error"]["message"]
    result = answer["result"]
    if result.get("isError"):
        return result["content"][0]["text"]
    value = (result.get("structuredContent") or {}).get("result")
    if isinstance(value, dict) and value.get("error"):
        return value["error"].strip().split("\n")[-1] if "Traceback" in \
            value["error"] else value["error"].split("\n")[0]
    return None


def value(answer):
    return answer["result"]["structuredContent"]["result"]


def refusals(answer):
    return answer.get("result", {}).get("_meta", {}).get("writ/refused", [])
