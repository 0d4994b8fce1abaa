// make.mjs TOOLS CORE WIT OUT - a component of a core module and WIT text, by jco's library TOOLS
// (its program does not find WIT files).
import { readFile, writeFile } from "node:fs/promises";

const [tools, core, wit, out] = process.argv.slice(2);
const { componentEmbed, componentNew } = await import(tools);
const module = await componentEmbed({
  binary: await readFile(core),
  witSource: await readFile(wit, "utf8"),
  world: "typed",
});
await writeFile(out, await componentNew(module, []));
