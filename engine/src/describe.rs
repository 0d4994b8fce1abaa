//! A component's imports and exports as JSON, without loading any code.

use crate::linker::{self, OFFERED};
use crate::schema;
use crate::validate::{self, Refusal};
use crate::wit_text;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wasmparser::{KnownCustom, Parser, Payload};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{InterfaceId, Resolve, TypeDefKind, TypeId, WorldItem, WorldKey};

/// `WRIT_DESCRIBE_MAX`.
const JSON_MAX: usize = 4 * 1024 * 1024;
const PRODUCERS_MAX: usize = 64;
const PRODUCER_BYTES: usize = 128;
/// Bytes kept of one function's docs.
const DOC_BYTES: usize = 4096;

/// `struct writ_engine`'s description (engine.h shows its form).
pub fn describe(wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    // The decoder below makes room for what a section announces; this sees that it is there.
    if let Some(Err(e)) = Parser::new(0).parse_all(wasm).find(|part| part.is_err()) {
        return Err(validate::explain(wasm, e.to_string()));
    }
    let (resolve, world) = match decode(wasm) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            return Err(Refusal::invalid("a WIT package, not a component"));
        }
        Err(e) => return Err(validate::explain(wasm, format!("{e:#}"))),
    };
    let world = &resolve.worlds[world];
    let mut missing = Vec::new();
    let mut imports = Vec::new();
    for (key, item) in &world.imports {
        let Some(mut described) = describe_item(&resolve, key, item) else {
            continue;
        };
        let reason = match item {
            WorldItem::Interface { id, .. } => misfit(&resolve, key, *id),
            _ => Some(resolve.name_world_key(key)),
        };
        described["offered"] = json!(reason.is_none());
        missing.extend(reason);
        imports.push(described);
    }
    let docs = Docs::new(wasm);
    let mut room = JSON_MAX;
    let mut exports = Vec::new();
    for (key, item) in &world.exports {
        let Some(mut described) = describe_item(&resolve, key, item) else {
            continue;
        };
        describe_calls(&resolve, key, item, &docs, &mut described);
        // Stop before what is too large has been made.
        room = room
            .checked_sub(described.to_string().len())
            .ok_or_else(too_large)?;
        exports.push(described);
    }
    let exports_any = |interface: &str| {
        let mut keys = world.exports.keys();
        keys.any(|key| resolve.name_world_key(key).starts_with(interface))
    };
    let run = exports_any("wasi:cli/run@0.2.");
    let serve = exports_any("wasi:http/incoming-handler@0.2.");
    let text = json!({
        "imports": imports,
        "exports": exports,
        "missing": missing,
        "run": run,
        "serve": serve,
        "wasi": newest_wasi(&resolve, world.imports.keys()),
        "producers": producers(wasm),
    })
    .to_string();
    match text.len() <= JSON_MAX {
        true => Ok(text.into_bytes()),
        false => Err(too_large()),
    }
}

fn too_large() -> Refusal {
    Refusal::invalid(format!(
        "its imports and exports with their types take more than {JSON_MAX} bytes to describe"
    ))
}

/// What callers of an export must know, put into its description.
fn describe_calls(
    resolve: &Resolve,
    key: &WorldKey,
    item: &WorldItem,
    docs: &Docs,
    to: &mut Value,
) {
    let name = resolve.name_world_key(key);
    match item {
        WorldItem::Interface { id, .. } => {
            let functions = resolve.interfaces[*id].functions.values();
            for (i, f) in functions.enumerate() {
                let to = &mut to["functions"][i];
                schema::add(resolve, f, format!("{name}#{}", f.name), to);
                if let Some(text) = docs.of_interface(resolve, *id, &f.name) {
                    to["docs"] = json!(text);
                }
            }
        }
        WorldItem::Function(f) => {
            schema::add(resolve, f, f.name.clone(), to);
            if let Some(text) = docs.of_world(&f.name) {
                to["docs"] = json!(text);
            }
        }
        WorldItem::Type { .. } => {}
    }
}

/// The `package-docs` section, if a component carries one.  `wasm-tools component new` keeps
/// none: it is for WIT packages; a toolchain may add it.
struct Docs(Value);

impl Docs {
    fn new(wasm: &[u8]) -> Docs {
        let section = Parser::new(0)
            .parse_all(wasm)
            .take_while(|part| !matches!(part, Ok(Payload::ModuleSection { .. })))
            .find_map(|part| match part {
                Ok(Payload::CustomSection(s)) if s.name() == "package-docs" => Some(s.data()),
                _ => None,
            });
        // A byte of version, then JSON.
        let json = section.and_then(|data| data.get(1..));
        Docs(
            json.and_then(|json| serde_json::from_slice(json).ok())
                .unwrap_or_default(),
        )
    }

    fn of_interface(&self, resolve: &Resolve, id: InterfaceId, name: &str) -> Option<&str> {
        let interface = resolve.interfaces[id].name.as_deref()?;
        text(&self.0["interfaces"][interface]["funcs"][name])
    }

    fn of_world(&self, name: &str) -> Option<&str> {
        let worlds = self.0["worlds"].as_object()?;
        worlds.values().find_map(|world| {
            text(&world["func_exports"][name]).or_else(|| text(&world["funcs"][name]))
        })
    }
}

/// One function's docs: in version 0 the text alone.
fn text(docs: &Value) -> Option<&str> {
    let text = docs.as_str().or_else(|| docs["docs"].as_str())?;
    Some(&text[..text.floor_char_boundary(DOC_BYTES)])
}

fn describe_item(resolve: &Resolve, key: &WorldKey, item: &WorldItem) -> Option<Value> {
    let name = resolve.name_world_key(key);
    match item {
        WorldItem::Interface { id, .. } => {
            let functions: Vec<Value> = resolve.interfaces[*id]
                .functions
                .values()
                .map(|f| json!({"name": f.name, "type": wit_text::function(resolve, f)}))
                .collect();
            Some(json!({"name": name, "kind": "instance", "functions": functions}))
        }
        WorldItem::Function(f) => {
            let text = wit_text::function(resolve, f);
            Some(json!({"name": name, "kind": "func", "type": text}))
        }
        WorldItem::Type { .. } => None,
    }
}

/// Why the void table does not serve an imported interface; none if it does.
fn misfit(resolve: &Resolve, key: &WorldKey, id: InterfaceId) -> Option<String> {
    // Types alone need nothing from anyone.
    let interface = &resolve.interfaces[id];
    let resource = |id: &TypeId| matches!(resolve.types[*id].kind, TypeDefKind::Resource);
    if interface.functions.is_empty() && !interface.types.values().any(resource) {
        return None;
    }
    let name = resolve.name_world_key(key);
    let Some(functions) = linker::resolve(&name).map(|i| OFFERED[i].1) else {
        return Some(name);
    };
    for f in interface.functions.values() {
        let wants = wit_text::function(resolve, f);
        match functions.iter().find(|(offered, _)| *offered == f.name) {
            None => return Some(format!("{name}: no function {}", f.name)),
            Some((_, has)) if *has != wants => {
                return Some(format!("{name}: {} is {has}, not {wants}", f.name));
            }
            Some(_) => {}
        }
    }
    None
}

fn newest_wasi<'a>(
    resolve: &Resolve,
    imports: impl Iterator<Item = &'a WorldKey>,
) -> Option<String> {
    imports
        .filter_map(|key| match key {
            WorldKey::Interface(id) => resolve.interfaces[*id].package,
            WorldKey::Name(_) => None,
        })
        .map(|package| &resolve.packages[package].name)
        .filter(|name| name.namespace == "wasi")
        .filter_map(|name| name.version.clone())
        .max()
        .map(|version| version.to_string())
}

/// What the producers sections say, of the component and of the modules inside.
fn producers(wasm: &[u8]) -> Vec<String> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(Payload::CustomSection(section)) = payload else {
            continue;
        };
        let KnownCustom::Producers(fields) = section.as_known() else {
            continue;
        };
        for value in fields
            .into_iter()
            .flatten()
            .flat_map(|field| field.values.into_iter().flatten())
        {
            if found.len() < PRODUCERS_MAX {
                let text = format!("{} {}", value.name, value.version);
                let text = &text[..text.floor_char_boundary(PRODUCER_BYTES)];
                found.insert(text.trim_end().to_string());
            }
        }
    }
    found.into_iter().collect()
}
