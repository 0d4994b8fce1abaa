// make.mjs LIBRARY WORLD SOURCE WIT OUT - a component of JavaScript that has fetch (StarlingMonkey).
import { writeFile } from "node:fs/promises";

const [library, worldName, sourcePath, witPath, out] = process.argv.slice(2);
const { componentize } = await import(library);
const { component } = await componentize({ sourcePath, witPath, worldName });
await writeFile(out, component);
