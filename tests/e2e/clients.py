"""mcp install and doctor --client: the files of MCP clients, merged with care."""
import json
import os
import random
import re
import subprocess

from harness import (BOTH, case, cases_of, check, equal, limit_file_size,
                     refused)

TOOLBOX = "toolbox: 1\nname: t\n"


def _install(box, client, *args, **more):
    toolbox = box.file("work/toolbox.yaml", TOOLBOX)
    return box.writ("mcp", "install", "--client", client, "--toolbox", toolbox,
                    *args, **more)


def _entry(box, **more):
    return {**more, "command": box.suite.writ, "args": [
        "mcp", "--toolbox", os.path.realpath(box.path("work/toolbox.yaml"))]}


def _read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def _files(box):
    """What is below the home and the working folder, the toolbox left out."""
    found = []
    for top in (box.home, box.work):
        for at, _, names in os.walk(top):
            found += [os.path.relpath(os.path.join(at, n), box.top)
                      for n in names if n != "toolbox.yaml"]
    return sorted(found)


def _doctor(box, client, *args):
    result = box.writ("doctor", "--client", client, "--json", *args)
    answer = json.loads(result.text)
    equal(result.code, 125 if answer["past"] else 0, result)
    return answer


def _states(answer):
    return {s["name"]: s["state"] for s in answer["servers"]}


CLIENTS = {
    "claude-code": ("work/.mcp.json", "mcpServers", {"type": "stdio"}),
    "claude-desktop": ("home/.config/Claude/claude_desktop_config.json",
                       "mcpServers", {}),
    "cursor": ("work/.cursor/mcp.json", "mcpServers", {}),
    "vscode": ("work/.vscode/mcp.json", "servers", {"type": "stdio"}),
}


def _client(box, name):
    path, key, more = CLIENTS[name]
    want = {key: {"writ": _entry(box, **more)}}
    shown = _install(box, name, "--json")
    equal(shown.code, 0, shown)
    answer = json.loads(shown.text)
    equal(answer["config"], want, shown)
    equal(answer["file"], os.path.realpath(box.top) + "/" + path
          if path.startswith("work") else box.path(path), shown)
    equal(_files(box), [])
    text = _install(box, name).text
    check('"command"' in text and "go past Writ" in text, text)
    os.makedirs(os.path.dirname(os.path.dirname(box.path(path))), exist_ok=True)
    box.own(os.path.dirname(os.path.dirname(box.path(path))))
    result = _install(box, name, "--write")
    equal(result.code, 0, result)
    equal(json.loads(_read(box.path(path))), want, result)
    equal(_files(box), [path])
    again = json.loads(_install(box, name, "--write", "--json").text)
    equal((again["written"], again["backup"]), (True, None), again)
    equal(_files(box), [path])
    equal(_states(_doctor(box, name)), {"writ": "inside"})


cases_of({f"a_client_called_{n}": n for n in CLIENTS}, _client, users=BOTH)


@case
def what_no_file_closes_is_said_with_an_example(box):
    text = _install(box, "vscode", "--name", "desk").text
    check('tools: ["desk/*"]' in text and ".github/agents/desk.agent.md" in text,
          text)
    text = _install(box, "cursor").text
    hooks = json.loads(text[text.index('{\n  "version"'):
                            text.index("\n}\n", text.index('"hooks"')) + 3])
    for hook in ("beforeShellExecution", "beforeReadFile"):
        said = subprocess.run(["sh", "-c", hooks["hooks"][hook][0]["command"]],
                              stdout=subprocess.PIPE, check=True).stdout
        equal(json.loads(said), {"permission": "deny"})


@case(users=BOTH)
def nothing_else_of_a_file_changes(box):
    old = ('{\n\t"z": 1.50,  "big": 123456789012345678901234567890,\n'
           '\t"mcp\\u0053ervers" : {"a": {"command": "x"} },\n\t"y": "\\u00e9"\n}')
    path = box.file("work/.mcp.json", old, mode=0o600)
    result = _install(box, "claude-code", "--write", "--json")
    equal(result.code, 0, result)
    new = _read(path)
    at = new.index(',\n\t\t"writ"')
    entry = json.dumps({"writ": _entry(box, type="stdio")})[1:-1]
    end = new.index("]\n\t\t}", at) + 5
    equal(json.loads("{" + new[at + 1:end] + "}"), json.loads("{" + entry + "}"))
    equal(new[:at] + new[end:], old)
    equal(os.stat(path).st_mode & 0o777, 0o600)
    backup = json.loads(result.text)["backup"]
    check(re.fullmatch(r".*/\.mcp\.json\.backup-\d{8}T\d{6}Z", backup), backup)
    equal(_read(backup), old)
    equal(os.stat(backup).st_mode & 0o777, 0o600)


def _random_value(rng, depth):
    kind = rng.randrange(8 if depth else 5)
    if kind < 5:
        return [None, True, rng.randrange(-9, 10 ** 18), rng.random(), "".join(
            rng.choice('a"\\\n{}[],:\u20ac') for _ in range(5))][kind]
    if kind == 5:
        return [_random_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {"".join(rng.choice('a"\\{}\u00e9') for _ in range(4)):
            _random_value(rng, depth - 1) for _ in range(rng.randrange(4))}


@case
def any_object_is_merged_into(box):
    rng = random.Random(4)
    for number in range(60):
        doc = _random_value(rng, 0) if number < 5 else {
            "k": _random_value(rng, 3), "mcpServers": rng.choice(
                [{}, {"a": _random_value(rng, 2)}, _random_value(rng, 1)])}
        text = json.dumps(doc, ensure_ascii=rng.random() < .5,
                          indent=rng.choice([None, 1, 4]))
        path = box.file("work/.mcp.json", text)
        result = _install(box, "claude-code", "--write", "--config", path)
        good = isinstance(doc, dict) and isinstance(doc["mcpServers"], dict)
        equal(result.code, 0 if good else 125, text, result)
        if good:
            doc["mcpServers"]["writ"] = _entry(box, type="stdio")
            equal(json.dumps(json.loads(_read(path))), json.dumps(doc))
        else:
            equal(_read(path), text)
        for name in os.listdir(box.work):
            if ".backup-" in name:
                os.unlink(box.path("work/" + name))


BROKEN = {
    "no_json": ("claude-code", "{", "JSON"),
    "two_of_a_name": ("cursor", '{"a":1,"a":2}', "duplicate"),
    "a_list": ("claude-code", "[]", "object"),
    "servers_that_are_a_list": ("claude-code", '{"mcpServers":[]}', "object"),
    "comments": ("vscode", '{ // mine\n"servers": {}}', "allows comments"),
    "another_server_of_the_name": (
        "cursor", '{"mcpServers":{"writ":{"command":"npx","args":["x"]}}}',
        "another --name"),
    "too_much": ("cursor", '{"a":"' + "x" * (4 << 20) + '"}', "bytes"),
}


def _broken(box, row):
    client, text, word = row
    path = box.file("work/config.json", text)
    refused(_install(box, client, "--write", "--config", path), word)
    equal(_read(path), text)
    equal(_files(box), ["work/config.json"])


cases_of({f"refused_{n}": row for n, row in BROKEN.items()}, _broken)


@case(users=BOTH)
def links_and_files_of_others_are_not_written(box):
    aim = box.file("home/aim.json", "{}")
    box.link("work/.mcp.json", aim)
    refused(_install(box, "claude-code", "--write"), "symbolic link")
    equal((_read(aim), os.path.islink(box.path("work/.mcp.json"))), ("{}", True))
    box.dir("home/aim")
    box.link("work/.cursor", box.path("home/aim"))
    refused(_install(box, "cursor", "--write"), "symbolic link")
    equal(os.listdir(box.path("home/aim")), [])
    os.mkfifo(box.own(box.dir("work/.vscode")) + "/mcp.json")
    refused(_install(box, "vscode", "--write"), "plain file")
    if box.suite.root and not box.uid:
        path = box.file("work/theirs.json", "{}", mode=0o666)
        os.chown(path, 1, 1)
        refused(_install(box, "cursor", "--write", "--config", path), "another")
        equal(_read(path), "{}")


@case(users=BOTH)
def a_full_disk_leaves_the_file_as_it_was(box):
    old = json.dumps({"mcpServers": {}, "pad": "x" * 5000})
    path = box.file("work/config.json", old)
    for most in (0, 4096, 5100):
        refused(_install(box, "cursor", "--write", "--config", path,
                         preexec_fn=limit_file_size(most)), "File too large")
        equal(_read(path), old)
        equal(_files(box), ["work/config.json"])


@case(users=BOTH)
def a_folder_that_may_not_be_written_is_left_alone(box):
    path = box.file("work/.mcp.json", "{}")
    toolbox = box.file("home/toolbox.yaml", TOOLBOX)
    os.chmod(box.work, 0o500)
    try:
        refused(box.writ("mcp", "install", "--client", "claude-code", "--write",
                         "--toolbox", toolbox), "Permission denied")
    finally:
        os.chmod(box.work, 0o700)
    equal((_read(path), os.listdir(box.work)), ("{}", [".mcp.json"]))


@case
def denials_close_tools_and_keep_others(box):
    old = '{"permissions":{"allow":["Bash(ls)"],"deny":["Bash(rm:*)","Edit"]}}'
    box.dir("work/.claude")
    path = box.file("work/.claude/settings.json", old)
    before = {t["name"]: t["state"] for t in _doctor(
        box, "claude-code")["tools"]}
    equal((before["Bash"], before["Edit"], before["Read"]),
          ("open", "closed", "open"))
    result = _install(box, "claude-code", "--write", "--deny", "--json")
    equal(result.code, 0, result)
    rules = json.loads(_read(path))["permissions"]
    equal(rules["allow"], ["Bash(ls)"])
    equal(rules["deny"][:2], ["Bash(rm:*)", "Edit"])
    check({"Bash", "Write", "WebFetch", "NotebookEdit"} <= set(rules["deny"]),
          rules)
    equal(len(rules["deny"]), len(set(rules["deny"])))
    equal(_read(json.loads(result.text)["deny_backup"]), old)
    left = {t["name"] for t in _doctor(box, "claude-code")["tools"]
            if t["state"] == "open"}
    equal(left, {"Read", "Grep", "Glob"})
    os.unlink(json.loads(result.text)["deny_backup"])
    equal(_install(box, "claude-code", "--write", "--deny-read").code, 0)
    equal(_doctor(box, "claude-code")["past"], 0)


@case
def denials_that_cannot_be_merged_write_no_server(box):
    box.dir("work/.claude")
    box.file("work/.claude/settings.json", '{"permissions":{"deny":"all"}}')
    refused(_install(box, "claude-code", "--write", "--deny"), "list")
    check(not os.path.exists(box.path("work/.mcp.json")))
    for client in ("vscode", "claude-desktop"):
        refused(_install(box, client, "--write", "--deny"), "no file")


@case
def cursor_has_a_second_name_for_denials(box):
    box.dir("home/.cursor")
    path = box.path("home/.cursor/mcp.json")
    result = _install(box, "cursor", "--write", "--deny", "--config", path)
    equal(result.code, 0, result)
    deny = json.loads(_read(box.path("home/.cursor/cli-config.json")))
    check("Shell(*)" in deny["permissions"]["deny"], deny)
    open_tools = [t["name"] for t in _doctor(box, "cursor")["tools"]
                  if t["state"] == "open"]
    equal(open_tools, ["Read", "the editor's agent"])


@case
def the_doctor_tells_what_goes_past(box):
    fake = box.file("work/writ", "#!/bin/sh\n", mode=0o755)
    good = _entry(box)["args"]
    mine = box.suite.writ
    box.file("work/.mcp.json", json.dumps({"mcpServers": {
        "ours": {"command": mine, "args": good},
        "npx": {"command": "npx", "args": ["-y", "files", "/"]},
        "shell": {"command": "/bin/sh", "args": ["-c", f"{mine} mcp"]},
        "fake": {"command": fake, "args": good},
        "path": {"command": "writ", "args": good},
        "weak": {"command": mine, "args": [*good, "--without-wall=landlock"]},
        "moved": {"command": mine, "args": [*good, "--programs", "/tmp"]},
        "run": {"command": mine, "args": ["run", "mcp", "x"]},
        "url": {"type": "http", "url": "http://127.0.0.1:1/mcp"},
        "odd": {"command": mine, "args": [1]}, "none": 5}}))
    box.file("home/.claude.json", json.dumps({
        "mcpServers": {"user": {"command": "uvx"}}, "projects": {
            os.path.realpath(box.work): {"mcpServers": {
                "local": {"command": "x"}}},
            "/elsewhere": {"mcpServers": {"not": {"command": "x"}}}}}))
    answer = _doctor(box, "claude-code")
    equal(_states(answer), {
        "ours": "inside", "npx": "outside", "shell": "outside",
        "fake": "other", "path": "other", "weak": "weakened",
        "moved": "weakened", "run": "outside", "url": "unchecked",
        "odd": "outside", "none": "outside", "user": "outside",
        "local": "outside"})
    box.file("work/.mcp.json", "{} // no")
    answer = _doctor(box, "claude-code")
    equal([u["file"] for u in answer["unread"]],
          [os.path.realpath(box.work) + "/.mcp.json"])
    text = box.writ("doctor", "--client", "claude-code").text
    check("UNREAD" in text and "uvx" not in text, text)


@case
def what_a_config_says_cannot_draw_on_the_terminal(box):
    box.file("work/.mcp.json", json.dumps({"mcpServers": {
        "a\x1b[2Jb\u202e": {"command": "x"}}}))
    result = box.writ("doctor", "--client", "claude-code")
    check("\x1b" not in result.text and "\u202e" not in result.text, result)


@case
def clients_elsewhere_get_a_launch_line(box):
    def line(via):
        answer = json.loads(_install(box, "claude-desktop", "--via", via,
                                     "--json").text)
        return answer["config"]["mcpServers"]["writ"]
    good = _entry(box)
    wsl = line("wsl")
    equal((wsl["command"], wsl["args"][-4:]),
          ("wsl.exe", [good["command"], *good["args"]]))
    ssh = line("ssh:me@host")
    equal((ssh["command"], ssh["args"][3]), ("ssh", "me@host"))
    words = subprocess.run(
        ["sh", "-c", r"printf '%s\n' " + ssh["args"][4].removeprefix("exec ")],
        stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")
    equal(words[:-1], [good["command"], *good["args"]])
    docker = line("docker:registry/writ:1")
    equal((docker["command"], docker["args"][:3]),
          ("docker", ["run", "--rm", "-i"]))
    equal(docker["args"][-5:], ["registry/writ:1", "writ", *good["args"]])
    for bad in ("ssh:-oProxyCommand=x", "ssh:a b", "docker:--privileged",
                "docker:", "pigeon", "ssh:a;b"):
        refused(_install(box, "cursor", "--via", bad), "--via")
    refused(_install(box, "cursor", "--via", "wsl", "--write"), "--config")
    path = box.path("work/far.json")
    equal(_install(box, "cursor", "--via", "wsl", "--write", "--config",
                   path).code, 0)
    states = _states(_doctor(box, "cursor", "--config", path))
    equal(states, {"writ": "inside"})
    _install(box, "cursor", "--via", "ssh:h", "--name", "s", "--write",
             "--config", path)
    equal(_states(_doctor(box, "cursor", "--config", path))["s"], "unchecked")


def _discovers(box, argv):
    """The name of a tool that the server behind argv lists."""
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}
    process = box.popen(argv, stdin=subprocess.PIPE)
    out, err = process.communicate(json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "tools/list",
        "params": {"_meta": meta}}).encode() + b"\n", timeout=120)
    equal(process.returncode, 0, out, err)
    return json.loads(out)["result"]["tools"][0]["name"]


@case
def what_is_written_starts_a_server(box):
    toolbox = box.file("work/toolbox.yaml", f"""toolbox: 1
name: t
tools:
  - name: notes
    component: {box.guest("notes")}
    functions: [{{ export: read-file, name: read }}]
""")
    def entry(*args):
        answer = json.loads(box.writ(
            "mcp", "install", "--client", "vscode", "--toolbox", toolbox,
            "--json", *args).text)
        return answer, answer["config"]["servers"]["writ"]
    equal(entry()[0]["pinned"], False)
    result = box.writ("pin", "--yes", *box.suite.without, toolbox)
    equal(result.code, 0, result)
    answer, here = entry()
    equal(answer["pinned"], True)
    # the walls that this machine lacks are the test's to name
    equal(_discovers(box, [here["command"], *here["args"],
                           *box.suite.without]), "read")
    far = entry("--via", "ssh:host")[1]
    equal(_discovers(box, ["/bin/sh", "-c", " ".join(
        [far["args"][-1], *box.suite.without])]), "read")


@case
def wrong_words_are_refused(box):
    refused(_install(box, "emacs"), "claude-code")
    refused(box.writ("mcp", "install", "--toolbox", "x"), "--client")
    refused(box.writ("mcp", "install", "--client", "cursor"), "--toolbox")
    refused(_install(box, "cursor", "--name", "a b"), "--name")
    refused(_install(box, "cursor", "--http", "127.0.0.1:0"), "--http")
    refused(box.writ("mcp", "--toolbox", "x", "--client", "cursor"), "install")
    refused(box.writ("doctor", "--config", "x"), "--client")
    refused(box.writ("mcp", "install", "--client", "cursor", "--toolbox",
                     box.path("work/none.yaml")), "No such file")
