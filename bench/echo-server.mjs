// echo-server.mjs SDK - a plain MCP server over stdio with one tool, by the library in folder SDK.
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(`${process.argv[2]}/dist/esm/server/${name}.js`));
const { Server } = await load("index");
const { StdioServerTransport } = await load("stdio");
const { CallToolRequestSchema, ListToolsRequestSchema } = await import(
  pathToFileURL(`${process.argv[2]}/dist/esm/types.js`));

const server = new Server({ name: "echo", version: "1" }, { capabilities: { tools: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: [{
    name: "echo",
    inputSchema: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
  }],
}));
server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
  content: [{ type: "text", text: params.arguments.text }],
}));
await server.connect(new StdioServerTransport());
