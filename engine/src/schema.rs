//! JSON Schema (2020-12) of what a function takes and returns: exactly what `value` accepts and
//! writes.

use crate::value::{DEPTH_MAX, SAFE};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind, TypeId, TypeOwner};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Schemas of one function.
const NODES_MAX: usize = 20_000;
/// Levels of JSON in one schema: half of what the readers of a description allow.
const LEVELS_MAX: usize = 48;
/// Base64 as `value::base64` takes it.
const BASE64: &str = "^(?:[A-Za-z0-9+/]{4})*\
    (?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

/// One schema under way, with its definitions.
struct Schema<'a> {
    resolve: &'a Resolve,
    defs: Map<String, Value>,
    names: HashMap<TypeId, String>,
    nodes: usize,
    resources: bool,
}

/// Why a function has no schema.
type Made = Result<Value, String>;

/// Put what a caller must know of a function into its description.
pub fn add(resolve: &Resolve, f: &Function, export: String, to: &mut Value) {
    let params: Vec<&str> = f.params.iter().map(|p| p.name.as_str()).collect();
    to["export"] = json!(export);
    to["params"] = json!(params);
    match schemas(resolve, f) {
        Ok(Value::Object(schemas)) => {
            for (name, schema) in schemas {
                to[name] = schema;
            }
        }
        Ok(_) => {}
        Err(why) => to["uncallable"] = json!(why),
    }
    if content(resolve, f) {
        to["content"] = json!(true);
    }
}

fn schemas(resolve: &Resolve, f: &Function) -> Made {
    let mut input = Schema::new(resolve);
    let fields: Vec<(&str, Type)> = f.params.iter().map(|p| (p.name.as_str(), p.ty)).collect();
    let object = input.object(&fields, DEPTH_MAX)?;
    let mut resources = input.resources;
    let mut made = json!({"input": input.finish(object)?});
    let (ok, err) = match result_of(resolve, f.result) {
        Some((ok, err)) => (ok, err),
        None => (f.result, None),
    };
    for (name, ty, wrap) in [("output", ok, true), ("error", err, false)] {
        let Some(ty) = ty else {
            continue;
        };
        let mut schema = Schema::new(resolve);
        let mut value = schema.of(&ty, DEPTH_MAX)?;
        if wrap {
            value = json!({
                "type": "object",
                "properties": {"result": value},
                "required": ["result"],
            });
        }
        resources |= schema.resources;
        made[name] = schema.finish(value)?;
    }
    made["resources"] = json!(resources);
    Ok(made)
}

/// What a type is when its names are looked through.
fn bare(resolve: &Resolve, ty: Type) -> (Type, Option<(TypeId, &TypeDefKind)>) {
    let mut ty = ty;
    loop {
        let Type::Id(id) = ty else {
            return (ty, None);
        };
        match &resolve.types[id].kind {
            TypeDefKind::Type(of) => ty = *of,
            kind => return (ty, Some((id, kind))),
        }
    }
}

/// The two sides of a result.
fn result_of(resolve: &Resolve, ty: Option<Type>) -> Option<(Option<Type>, Option<Type>)> {
    match bare(resolve, ty?).1?.1 {
        TypeDefKind::Result(result) => Some((result.ok, result.err)),
        _ => None,
    }
}

/// Whether a function answers in blocks of `writ:client/content`.
fn content(resolve: &Resolve, f: &Function) -> bool {
    let list = match result_of(resolve, f.result) {
        Some((ok, Some(Type::String))) => ok,
        Some(_) => None,
        None => f.result,
    };
    let Some((_, Some((_, TypeDefKind::List(item))))) = list.map(|ty| bare(resolve, ty)) else {
        return false;
    };
    let Some((id, TypeDefKind::Variant(_))) = bare(resolve, *item).1 else {
        return false;
    };
    let def = &resolve.types[id];
    let TypeOwner::Interface(owner) = def.owner else {
        return false;
    };
    let interface = &resolve.interfaces[owner];
    let package = interface.package.map(|p| &resolve.packages[p].name);
    def.name.as_deref() == Some("block")
        && interface.name.as_deref() == Some("content")
        && package.is_some_and(|name| {
            let version = name.version.as_ref();
            name.namespace == "writ"
                && name.name == "client"
                && version.is_some_and(|v| v.major == 0 && v.minor == 1)
        })
}

fn levels(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(levels).max().unwrap_or(0),
        Value::Array(list) => 1 + list.iter().map(levels).max().unwrap_or(0),
        _ => 0,
    }
}

impl<'a> Schema<'a> {
    fn new(resolve: &'a Resolve) -> Schema<'a> {
        Schema {
            resolve,
            defs: Map::new(),
            names: HashMap::new(),
            nodes: 0,
            resources: false,
        }
    }

    fn finish(self, mut root: Value) -> Made {
        root["$schema"] = json!(DIALECT);
        if !self.defs.is_empty() {
            root["$defs"] = Value::Object(self.defs);
        }
        match levels(&root) <= LEVELS_MAX {
            true => Ok(root),
            false => Err("its types nest too deeply".to_string()),
        }
    }

    /// `levels` is how many more the type may have.
    fn of(&mut self, ty: &Type, levels: usize) -> Made {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err("its types are too many".to_string());
        }
        let (ty, def) = bare(self.resolve, *ty);
        match def {
            None => primitive(&ty),
            Some((id, kind)) => {
                let levels = levels
                    .checked_sub(1)
                    .ok_or_else(|| "its types nest too deeply".to_string())?;
                self.defined(id, kind, levels)
            }
        }
    }

    fn defined(&mut self, id: TypeId, kind: &TypeDefKind, levels: usize) -> Made {
        let named = match kind {
            TypeDefKind::Record(_)
            | TypeDefKind::Variant(_)
            | TypeDefKind::Enum(_)
            | TypeDefKind::Flags(_) => self.resolve.types[id].name.as_deref(),
            _ => None,
        };
        let Some(named) = named else {
            return self.structure(id, kind, levels);
        };
        let name = match self.names.get(&id) {
            Some(name) => name.clone(),
            None => {
                let schema = self.structure(id, kind, levels)?;
                let mut name = named.to_string();
                // Two types of one name: a number, which no name of WIT ends in, tells them apart.
                for n in 2.. {
                    if !self.defs.contains_key(&name) {
                        break;
                    }
                    name = format!("{named}-{n}");
                }
                self.defs.insert(name.clone(), schema);
                self.names.insert(id, name.clone());
                name
            }
        };
        Ok(json!({"$ref": format!("#/$defs/{name}")}))
    }

    fn structure(&mut self, id: TypeId, kind: &TypeDefKind, levels: usize) -> Made {
        Ok(match kind {
            TypeDefKind::Record(record) => {
                let fields: Vec<(&str, Type)> = record
                    .fields
                    .iter()
                    .map(|f| (f.name.as_str(), f.ty))
                    .collect();
                self.object(&fields, levels)?
            }
            TypeDefKind::Variant(variant) => {
                let mut cases = Vec::new();
                for case in &variant.cases {
                    cases.push(self.member(&case.name, case.ty.as_ref(), levels)?);
                }
                json!({"oneOf": cases})
            }
            TypeDefKind::Enum(of) => {
                let names: Vec<&str> = of.cases.iter().map(|c| c.name.as_str()).collect();
                json!({"type": "string", "enum": names})
            }
            TypeDefKind::Flags(flags) => {
                let names: Vec<&str> = flags.flags.iter().map(|f| f.name.as_str()).collect();
                json!({
                    "type": "array",
                    "items": {"type": "string", "enum": names},
                    "uniqueItems": true,
                })
            }
            TypeDefKind::List(item) => match bare(self.resolve, *item).0 {
                Type::U8 => {
                    json!({"type": "string", "contentEncoding": "base64", "pattern": BASE64})
                }
                _ => json!({"type": "array", "items": self.of(item, levels)?}),
            },
            TypeDefKind::Tuple(tuple) => {
                let mut items = Vec::new();
                for ty in &tuple.types {
                    items.push(self.of(ty, levels)?);
                }
                let n = items.len();
                json!({
                    "type": "array",
                    "prefixItems": items,
                    "items": false,
                    "minItems": n,
                    "maxItems": n,
                })
            }
            TypeDefKind::Option(of) => {
                let some = match bare(self.resolve, *of).1 {
                    Some((_, TypeDefKind::Option(_))) => self.member("some", Some(of), levels)?,
                    _ => self.of(of, levels)?,
                };
                json!({"anyOf": [some, {"type": "null"}]})
            }
            TypeDefKind::Result(result) => {
                let ok = self.member("ok", result.ok.as_ref(), levels)?;
                let err = self.member("err", result.err.as_ref(), levels)?;
                json!({"oneOf": [ok, err]})
            }
            TypeDefKind::Handle(Handle::Own(of) | Handle::Borrow(of)) => self.handle(*of),
            TypeDefKind::Resource => self.handle(id),
            _ => return Err("a type that has no JSON form".to_string()),
        })
    }

    fn handle(&mut self, of: TypeId) -> Value {
        self.resources = true;
        let name = self.resolve.types[of].name.as_deref().unwrap_or("resource");
        json!({
            "type": "object",
            "properties": {"handle": {"type": "integer", "minimum": 1, "maximum": SAFE}},
            "required": ["handle"],
            "additionalProperties": false,
            "description": format!("a handle of a {name} that a call of this session returned"),
        })
    }

    /// An object of one member.
    fn member(&mut self, name: &str, ty: Option<&Type>, levels: usize) -> Made {
        let value = match ty {
            Some(ty) => self.of(ty, levels)?,
            None => json!({"type": "null"}),
        };
        Ok(json!({
            "type": "object",
            "properties": {name: value},
            "required": [name],
            "additionalProperties": false,
        }))
    }

    fn object(&mut self, fields: &[(&str, Type)], levels: usize) -> Made {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, ty) in fields {
            properties.insert(name.to_string(), self.of(ty, levels)?);
            if !matches!(bare(self.resolve, *ty).1, Some((_, TypeDefKind::Option(_)))) {
                required.push(*name);
            }
        }
        Ok(json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        }))
    }
}

fn primitive(ty: &Type) -> Made {
    let int = |min: i64, max: i64| json!({"type": "integer", "minimum": min, "maximum": max});
    let safe = SAFE as i64;
    let wide = |min: i64, pattern: &str| json!({"anyOf": [int(min, safe), {"type": "string", "pattern": pattern}]});
    let float = |number: Value| {
        let names = json!({"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]});
        json!({"anyOf": [number, names]})
    };
    Ok(match ty {
        Type::Bool => json!({"type": "boolean"}),
        Type::S8 => int(i8::MIN.into(), i8::MAX.into()),
        Type::U8 => int(0, u8::MAX.into()),
        Type::S16 => int(i16::MIN.into(), i16::MAX.into()),
        Type::U16 => int(0, u16::MAX.into()),
        Type::S32 => int(i32::MIN.into(), i32::MAX.into()),
        Type::U32 => int(0, u32::MAX.into()),
        Type::S64 => wide(-safe, "^(?:0|-?[1-9][0-9]{0,18})$"),
        Type::U64 => wide(0, "^(?:0|[1-9][0-9]{0,19})$"),
        // What is closer to the next power of two is no f32.
        Type::F32 => {
            let end = 2f64.powi(128) - 2f64.powi(103);
            float(json!({
                "type": "number",
                "exclusiveMinimum": -end,
                "exclusiveMaximum": end,
            }))
        }
        Type::F64 => float(json!({"type": "number"})),
        Type::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Type::String => json!({"type": "string"}),
        Type::ErrorContext | Type::Id(_) => return Err("a type that has no JSON form".to_string()),
    })
}
