"""tour.py MODE TOKEN TARGET... - the tour of tour.mjs by the Python client."""
import asyncio
import json
import os
import sys

from mcp import Client, MCPError, StdioServerParameters

MODE, TOKEN, *TARGET = sys.argv[1:]


def connect():
    if TOKEN == "-":
        where = StdioServerParameters(command=TARGET[0], args=TARGET[1:],
                                      env=dict(os.environ))
    else:
        import httpx2
        from mcp.client.streamable_http import streamable_http_client
        where = streamable_http_client(TARGET[0], http_client=httpx2.AsyncClient(
            headers={"Authorization": "Bearer " + TOKEN}))
    return Client(where, mode=MODE)


def text(result):
    return "\n".join(getattr(c, "text", "") for c in result.content)


async def tour():
    seen = {"progress": []}

    async def value(client, name, arguments, **more):
        result = await client.call_tool(name, arguments, **more)
        return (result.structured_content or {}).get("result")

    async with connect() as client:
        seen["server"] = client.server_info.name
        seen["tools"] = [t.name for t in (await client.list_tools()).tools]
        seen["add"] = await value(client, "t_add", {"a": 1, "b": 2})
        result = await client.call_tool("t_add", {"a": 1, "b": "x"})
        seen["wrong"] = [result.is_error, text(result)]
        result = await client.call_tool("f_write-file", {
            "path": "/notes/x", "text": "x"})
        seen["denied"] = [result.is_error, text(result)]
        try:
            await client.call_tool("no_such", {})
            seen["unknown"] = "answered"
        except MCPError as e:
            seen["unknown"] = e.code
        seen["prompt"] = (await client.get_prompt("review", {"what": "it"})
                          ).messages[0].content.text
        seen["resource"] = (await client.read_resource("notes://readme")
                            ).contents[0].text

        async def told(done, total, message):
            seen["progress"].append(done)
        await client.call_tool("p_test-tool-with-progress", {},
                               progress_callback=told)
        spin = asyncio.ensure_future(client.call_tool("t_spin", {}))
        await asyncio.sleep(0.7)
        spin.cancel()
        try:
            await spin
            seen["cancel"] = "answered"
        except asyncio.CancelledError:
            seen["cancel"] = "cancelled"
        seen["after"] = await value(client, "t_add", {"a": 2, "b": 2})
        seen["kept"] = [await value(client, "k_remember", {
            "n": i, "session": "s"}) for i in range(1, 4)]
    async with connect() as client:
        seen["again"] = await value(client, "k_remember", {
            "n": 9, "session": "s"})
    print(json.dumps(seen), flush=True)
    os._exit(0)     # after a call that was cancelled its loop lingers


asyncio.run(asyncio.wait_for(tour(), 120))
