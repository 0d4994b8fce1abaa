// tour.mjs NPM LIBRARY MODE TOKEN TARGET... - a tour of a toolbox by a TypeScript client; what it
// saw is JSON on stdout.  LIBRARY: sdk (@modelcontextprotocol/sdk) or client
// (@modelcontextprotocol/client); MODE: legacy or auto.  TARGET is a command, or with a TOKEN
// (else "-") a URL.  The tools are those of tests/e2e/clients_real.py.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [npm, library, mode, token, ...target] = process.argv.slice(2);
const require = createRequire(npm + "/package.json");
const load = async (name) => {
	let path = name;
	if (library === "client") {
		// its "import" condition, not the "require" one
		path = npm + "/node_modules/@modelcontextprotocol/client/dist/" +
		    (name === "stdio" ? "stdio.mjs" : "index.mjs");
	} else {
		path = require.resolve("@modelcontextprotocol/sdk/client/" + name +
		    ".js");
	}
	return import(pathToFileURL(path).href);
};
const { Client } = await load("index");
const options = library === "client" ? { versionNegotiation: { mode } } : {};

async function transport() {
	if (token === "-") {
		const { StdioClientTransport } = await load("stdio");
		return new StdioClientTransport({ command: target[0],
			args: target.slice(1), env: process.env,
			stderr: "inherit" });
	}
	const { StreamableHTTPClientTransport } = await load("streamableHttp");
	return new StreamableHTTPClientTransport(new URL(target[0]), {
		requestInit: { headers: { Authorization: "Bearer " + token } },
	});
}

async function connect() {
	const client = new Client({ name: "tour", version: "1" }, options);
	await client.connect(await transport());
	return client;
}

const seen = {};
let client = await connect();
const call = (name, args, more) => library === "sdk" ?
    client.callTool({ name, arguments: args }, undefined, more) :
    client.callTool({ name, arguments: args }, more);
const text = (r) => r.content.map((c) => c.text ?? "").join("\n");

seen.server = client.getServerVersion()?.name;
seen.tools = (await client.listTools()).tools.map((t) => t.name);
seen.add = (await call("t_add", { a: 1, b: 2 })).structuredContent?.result;
let r = await call("t_add", { a: 1, b: "x" });
seen.wrong = [r.isError, text(r)];
r = await call("f_write-file", { path: "/notes/x", text: "x" });
seen.denied = [r.isError, text(r)];
seen.unknown = await call("no_such", {}).then(() => "answered", (e) => e.code);
seen.prompt = (await client.getPrompt({ name: "review",
	arguments: { what: "it" } })).messages[0].content.text;
seen.resource = (await client.readResource({ uri: "notes://readme" }))
    .contents[0].text;
seen.progress = [];
for (let i = 0; i < 5 && !seen.progress.length; i++)
	await call("p_test-tool-with-progress", {}, {
		onprogress: (p) => seen.progress.push(p.progress),
	});
const stop = new AbortController();
const spin = call("t_spin", {}, { signal: stop.signal, timeout: 60000 })
    .then(() => "answered", () => "cancelled");
setTimeout(() => stop.abort("enough"), 700);
seen.cancel = await spin;
seen.after = (await call("t_add", { a: 2, b: 2 })).structuredContent?.result;
seen.kept = [];
for (let i = 1; i < 4; i++)
	seen.kept.push((await call("k_remember", { n: i, session: "s" }))
	    .structuredContent?.result);
await client.close();
client = await connect();
seen.again = (await call("k_remember", { n: 9, session: "s" }))
    .structuredContent?.result;
await client.close();
process.stdout.write(JSON.stringify(seen) + "\n");
process.exit(0);
