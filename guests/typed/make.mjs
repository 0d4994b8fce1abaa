// make.mjs TOOLS CORE WIT OUT [WORLD [PACKAGE...]] - a component of a core module and WIT text, by
// jco's library TOOLS (its program does not find WIT files).  WIT files of other packages become
// part of that text.
import { readFile, writeFile } from "node:fs/promises";

const [tools, core, wit, out, world = "typed", ...packages] = process.argv.slice(2);
const { componentEmbed, componentNew } = await import(tools);
let witSource = await readFile(wit, "utf8");
for (const file of packages) {
  const text = await readFile(file, "utf8");
  witSource += text.replace(/^package ([^;]+);/m, "\npackage $1 {") + "\n}\n";
}
const module = await componentEmbed({ binary: await readFile(core), witSource, world });
await writeFile(out, await componentNew(module, []));
