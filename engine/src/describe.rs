//! A component's imports and exports as JSON, without loading any code.

use crate::linker::{self, OFFERED};
use crate::validate::{self, Refusal};
use crate::wit_text;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wasmparser::{KnownCustom, Parser, Payload};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{InterfaceId, Resolve, WorldItem, WorldKey};

/// `WRIT_DESCRIBE_MAX`.
const JSON_MAX: usize = 4 * 1024 * 1024;
const PRODUCERS_MAX: usize = 64;
const PRODUCER_BYTES: usize = 128;

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
    let exports: Vec<Value> = world
        .exports
        .iter()
        .filter_map(|(key, item)| describe_item(&resolve, key, item))
        .collect();
    let run = world
        .exports
        .keys()
        .any(|key| resolve.name_world_key(key).starts_with("wasi:cli/run@0.2."));
    let text = json!({
        "imports": imports,
        "exports": exports,
        "missing": missing,
        "run": run,
        "wasi": newest_wasi(&resolve, world.imports.keys()),
        "producers": producers(wasm),
    })
    .to_string();
    match text.len() <= JSON_MAX {
        true => Ok(text.into_bytes()),
        false => Err(Refusal::invalid("more imports and exports than fit")),
    }
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
    let name = resolve.name_world_key(key);
    let Some(functions) = linker::resolve(&name).map(|i| OFFERED[i].1) else {
        return Some(name);
    };
    for f in resolve.interfaces[id].functions.values() {
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
