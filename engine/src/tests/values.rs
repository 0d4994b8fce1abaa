//! Values as text and the schemas of descriptions agree: random types, random values, and values
//! that were tampered with.

use crate::describe::describe;
use crate::linker;
use crate::value::{self, Bad, Handles, JsonArgs, Out};
use serde_json::{Value, json};
use std::fmt::Write;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, Type, Val};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// A component that exports what `wit`'s world `t` says, and traps when it is called.
fn component(files: &[&str]) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut package = None;
    for text in files {
        package = Some(resolve.push_str("t.wit", text).unwrap());
    }
    let world = resolve
        .select_world(&[package.unwrap()], Some("t"))
        .unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = dummy_module(&resolve, world, abi);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default().module(&module).unwrap();
    encoder.encode().unwrap()
}

fn described(wasm: &[u8]) -> Value {
    match describe(wasm) {
        Ok(json) => serde_json::from_slice(&json).unwrap(),
        Err(refusal) => panic!("{}", refusal.text),
    }
}

struct Random(u64);

impl Random {
    /// Below `n`.
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn of<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

/// A type of WIT.
#[derive(Clone)]
enum Ty {
    Plain(&'static str),
    List(Box<Ty>),
    Option(Box<Ty>),
    Tuple(Vec<Ty>),
    Result(Option<Box<Ty>>, Option<Box<Ty>>),
    Record(String, Vec<Ty>),
    Variant(String, Vec<Option<Ty>>),
    Enum(String, usize),
    Flags(String, usize),
}

const PLAIN: &[&str] = &[
    "bool", "s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64", "char", "string",
];

impl Ty {
    /// Random; what needs a name is added to `defs`.
    fn random(r: &mut Random, depth: usize, defs: &mut String) -> Ty {
        if depth == 0 {
            return Ty::Plain(r.of(PLAIN));
        }
        let n = 1 + r.below(3);
        let what = r.below(9);
        let mut inner = |r: &mut Random| Ty::random(r, depth - 1, defs);
        let ty = match what {
            0 => return Ty::List(Box::new(inner(r))),
            1 => return Ty::Option(Box::new(inner(r))),
            2 => return Ty::Tuple((0..n).map(|_| inner(r)).collect()),
            3 => {
                let mut side = || (r.below(3) > 0).then(|| Box::new(inner(r)));
                return Ty::Result(side(), side());
            }
            4 => Ty::Record(String::new(), (0..n).map(|_| inner(r)).collect()),
            5 => {
                let mut case = || (r.below(3) > 0).then(|| inner(r));
                Ty::Variant(String::new(), (0..n).map(|_| case()).collect())
            }
            6 => Ty::Enum(String::new(), n),
            7 => Ty::Flags(String::new(), n),
            _ => return Ty::Plain(r.of(PLAIN)),
        };
        ty.define(defs)
    }

    fn define(mut self, defs: &mut String) -> Ty {
        let id = format!("t{}", defs.lines().count());
        let line = match &self {
            Ty::Record(_, fields) => {
                let fields = fields.iter().enumerate();
                let text: String = fields
                    .map(|(i, t)| format!("a{i}: {}, ", t.wit()))
                    .collect();
                format!("record {id} {{ {text} }}")
            }
            Ty::Variant(_, cases) => {
                let text: String = (cases.iter().enumerate())
                    .map(|(i, t)| match t {
                        Some(t) => format!("c{i}({}), ", t.wit()),
                        None => format!("c{i}, "),
                    })
                    .collect();
                format!("variant {id} {{ {text} }}")
            }
            Ty::Enum(_, n) => format!("enum {id} {{ {} }}", names(*n).join(", ")),
            Ty::Flags(_, n) => format!("flags {id} {{ {} }}", names(*n).join(", ")),
            _ => return self,
        };
        writeln!(defs, "{line}").unwrap();
        if let Ty::Record(name, _) | Ty::Variant(name, _) | Ty::Enum(name, _) | Ty::Flags(name, _) =
            &mut self
        {
            *name = id;
        }
        self
    }

    fn wit(&self) -> String {
        let side = |t: &Option<Box<Ty>>| t.as_ref().map_or("_".to_string(), |t| t.wit());
        match self {
            Ty::Plain(name) => name.to_string(),
            Ty::List(t) => format!("list<{}>", t.wit()),
            Ty::Option(t) => format!("option<{}>", t.wit()),
            Ty::Tuple(ts) => {
                let ts: Vec<String> = ts.iter().map(Ty::wit).collect();
                format!("tuple<{}>", ts.join(", "))
            }
            Ty::Result(None, None) => "result".to_string(),
            Ty::Result(ok, None) => format!("result<{}>", side(ok)),
            Ty::Result(ok, err) => format!("result<{}, {}>", side(ok), side(err)),
            Ty::Record(name, _) | Ty::Variant(name, _) | Ty::Enum(name, _) | Ty::Flags(name, _) => {
                name.clone()
            }
        }
    }

    /// A value in the form that is written.
    fn value(&self, r: &mut Random) -> Value {
        match self {
            Ty::Plain(name) => plain(name, r),
            Ty::List(t) if matches!(**t, Ty::Plain("u8")) => {
                json!(r.of(&["", "AA==", "AAE=", "AAEC", "////"]))
            }
            Ty::List(t) => (0..r.below(3)).map(|_| t.value(r)).collect(),
            Ty::Option(_) if r.below(3) == 0 => Value::Null,
            Ty::Option(t) => match **t {
                Ty::Option(_) => json!({"some": t.value(r)}),
                _ => t.value(r),
            },
            Ty::Tuple(ts) => ts.iter().map(|t| t.value(r)).collect(),
            Ty::Result(ok, err) => {
                let (name, side) = r.of(&[("ok", ok), ("err", err)]);
                json!({name: side.as_ref().map(|t| t.value(r))})
            }
            Ty::Record(_, ts) => {
                let fields = ts.iter().enumerate();
                Value::Object(fields.map(|(i, t)| (format!("a{i}"), t.value(r))).collect())
            }
            Ty::Variant(_, cases) => {
                let i = r.below(cases.len());
                json!({format!("c{i}"): cases[i].as_ref().map(|t| t.value(r))})
            }
            Ty::Enum(_, n) => json!(r.of(&names(*n))),
            Ty::Flags(_, n) => {
                let set = names(*n).into_iter().filter(|_| r.below(2) == 0);
                json!(set.collect::<Vec<_>>())
            }
        }
    }
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("n{i}")).collect()
}

fn plain(name: &str, r: &mut Random) -> Value {
    let list = match name {
        "bool" => json!([true, false]),
        "s8" => json!([-128, 0, 127]),
        "u8" => json!([0, 255]),
        "s16" => json!([-32768, 32767]),
        "u16" => json!([0, 65535]),
        "s32" => json!([i32::MIN, i32::MAX]),
        "u32" => json!([0, u32::MAX]),
        "s64" => json!([
            -9007199254740991i64,
            "-9007199254740992",
            "9223372036854775807"
        ]),
        "u64" => json!([0, 9007199254740991u64, "18446744073709551615"]),
        "f32" => json!([0.5, -0.1, 1e-45, 3.4028235e38, "NaN", "Infinity"]),
        "f64" => json!([0.5, -0.1, 5e-324, 1.7976931348623157e308, "-Infinity"]),
        "char" => json!(["a", "\u{0}", "\u{10ffff}", "\""]),
        _ => json!(["", "text", "\u{1f}\\\"\n", "ä\u{2028}"]),
    };
    r.of(list.as_array().unwrap())
}

/// Something else somewhere in `value`.
fn tamper(value: &mut Value, r: &mut Random) {
    let deeper = r.below(4) > 0;
    match value {
        Value::Array(list) if deeper && !list.is_empty() => {
            let i = r.below(list.len());
            return tamper(&mut list[i], r);
        }
        Value::Object(map) if deeper && !map.is_empty() => {
            let i = r.below(map.len());
            return tamper(map.values_mut().nth(i).unwrap(), r);
        }
        Value::Array(list) if r.below(2) == 0 => {
            match list.first().cloned() {
                Some(first) if r.below(2) == 0 => list.push(first),
                _ => drop(list.pop()),
            }
            return;
        }
        Value::Object(map) if r.below(2) == 0 => {
            match map.keys().next().cloned() {
                Some(name) if r.below(2) == 0 => drop(map.remove(&name)),
                _ => drop(map.insert("zz".to_string(), json!(1))),
            }
            return;
        }
        _ => {}
    }
    *value = r.of(&[
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(128),
        json!(65536),
        json!(4294967296u64),
        json!(9007199254740992u64),
        json!(1e39),
        json!(""),
        json!("x"),
        json!("ab"),
        json!("12"),
        json!("012"),
        json!("-3"),
        json!("AB=="),
        json!("AA=="),
        json!("inf"),
        json!("NaN"),
        json!("n0"),
        json!([]),
        json!([1]),
        json!(["n0", "n0"]),
        json!({}),
        json!({"ok": null}),
        json!({"some": null}),
        json!({"c0": null, "c1": null}),
    ]);
}

fn function(component: &Component, interface: &str, name: &str) -> ComponentFunc {
    let interface = component.get_export_index(None, interface).unwrap();
    match component.get_export(Some(&interface), name) {
        Some((ComponentItem::ComponentFunc(ty), _)) => ty,
        _ => panic!("no {name}"),
    }
}

fn read(text: &str, params: &[(&str, Type)]) -> Result<Vec<Val>, Bad> {
    let handles = Handles::default();
    let (vals, _) = JsonArgs::new(text, &handles)?.all(params)?;
    Ok(vals)
}

fn written(val: &Val, ty: &Type) -> String {
    let mut out = Out::new(1 << 20);
    out.value(val, ty, &mut Handles::default()).unwrap();
    out.finish()
}

#[test]
fn schema_and_conversion_agree() {
    const TYPES: usize = 60;
    const VALUES: usize = 30;
    let mut r = Random(0x5eed);
    let (mut defs, mut funcs, mut types) = (String::new(), String::new(), Vec::new());
    for i in 0..TYPES {
        let ty = Ty::random(&mut r, 1 + i % 4, &mut defs);
        writeln!(funcs, "e{i}: func(x: {0}) -> {0};", ty.wit()).unwrap();
        types.push(ty);
    }
    let wit = format!("package a:b;\ninterface i {{ {defs} {funcs} }}\nworld t {{ export i; }}");
    let wasm = component(&[&wit]);
    let description = described(&wasm);
    let loaded = Component::new(&Engine::default(), &wasm).unwrap();
    let (mut refused, mut accepted) = (0, 0);
    for (i, ty) in types.iter().enumerate() {
        let func = function(&loaded, "a:b/i", &format!("e{i}"));
        let params: Vec<(&str, Type)> = func.params().collect();
        assert!(value::check(&params[0].1, false).is_ok());
        let functions = description["exports"][0]["functions"].as_array().unwrap();
        let about = functions
            .iter()
            .find(|f| f["name"] == format!("e{i}"))
            .unwrap();
        let input = jsonschema::draft202012::new(&about["input"]).unwrap();
        for _ in 0..VALUES {
            let mut args = json!({"x": ty.value(&mut r)});
            let text = args.to_string();
            let why = input.iter_errors(&args).next();
            assert!(why.is_none(), "{}: {text}: {}", ty.wit(), why.unwrap());
            let vals = read(&text, &params).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            let again = written(&vals[0], &params[0].1);
            assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), args["x"]);
            assert_eq!(read(&format!("[{again}]"), &params).unwrap(), vals);
            tamper(&mut args, &mut r);
            let text = args.to_string();
            match read(&text, &params) {
                Ok(vals) => {
                    assert!(input.is_valid(&args), "{}: {text}", ty.wit());
                    let again = written(&vals[0], &params[0].1);
                    assert_eq!(read(&format!("[{again}]"), &params).unwrap(), vals);
                    accepted += 1;
                }
                Err(Bad::Value(why)) => {
                    assert!(!input.is_valid(&args), "{}: {text}: {why}", ty.wit());
                    let place = why.starts_with('/') || why.starts_with("the arguments");
                    assert!(place, "{why}");
                    refused += 1;
                }
                Err(e) => panic!("{text}: {e:?}"),
            }
        }
    }
    assert!(refused > 500 && accepted > 100, "{refused} {accepted}");
}

#[test]
fn options_that_are_left_out_are_values() {
    let mut wit = String::from("package a:b;\ninterface i {\nrecord r {");
    for i in 0..100 {
        write!(wit, "a{i}: option<u64>, ").unwrap();
    }
    wit.push_str("}\nf: func(x: list<r>);}\nworld t { export i; }");
    let loaded = Component::new(&Engine::default(), component(&[&wit])).unwrap();
    let func = function(&loaded, "a:b/i", "f");
    let params: Vec<(&str, Type)> = func.params().collect();
    let args = |n: usize| format!("[[{}]]", vec!["{}"; n].join(","));
    assert!(read(&args(1000), &params).is_ok());
    // 30 KB of text, more than a million values
    match read(&args(value::ITEMS_MAX / 100), &params) {
        Err(Bad::Limit(why)) => assert!(why.contains("values"), "{why}"),
        other => panic!("{other:?}"),
    }
}

const CLIENT: &str = include_str!("../../../wit/client.wit");
const TOOL: &str = "
package a:tool@1.0.0;
interface shop {
    use writ:client/content@0.1.0.{block};
    record item { name: string, price: option<u64> }
    resource cart { constructor(owner: string); add: func(it: item) -> result<u32, string>; }
    show: func() -> list<block>;
    render: func(url: string) -> result<list<block>, string>;
    other: func() -> result<list<block>, u8>;
}
world t { export shop; export add: func(a: u32, b: option<u32>) -> u32; export none: func(); }";

fn find<'a>(description: &'a Value, export: &str) -> &'a Value {
    let exports = description["exports"].as_array().unwrap();
    let functions = exports
        .iter()
        .flat_map(|e| e["functions"].as_array().into_iter().flatten().chain([e]));
    let mut found = functions.filter(|f| f["export"] == export);
    found.next().unwrap_or_else(|| panic!("no {export}"))
}

#[test]
fn a_description_says_how_to_call() {
    let description = described(&component(&[CLIENT, TOOL]));
    let add = find(&description, "add");
    assert_eq!(add["params"], json!(["a", "b"]));
    assert_eq!(add["input"]["required"], json!(["a"]));
    assert_eq!(add["input"]["additionalProperties"], json!(false));
    assert_eq!(add["output"]["required"], json!(["result"]));
    assert_eq!(add["output"]["properties"]["result"]["maximum"], u32::MAX);
    assert_eq!(add["resources"], json!(false));
    assert!(add.get("content").is_none() && add.get("error").is_none());
    let none = find(&description, "none");
    assert!(none.get("output").is_none());
    let method = find(&description, "a:tool/shop@1.0.0#[method]cart.add");
    assert_eq!(method["params"], json!(["self", "it"]));
    assert_eq!(method["resources"], json!(true));
    assert_eq!(
        method["input"]["properties"]["it"],
        json!({"$ref": "#/$defs/item"})
    );
    assert_eq!(
        method["input"]["$defs"]["item"]["required"],
        json!(["name"])
    );
    assert_eq!(method["error"]["type"], "string");
    for (name, content) in [("show", true), ("render", true), ("other", false)] {
        let f = find(&description, &format!("a:tool/shop@1.0.0#{name}"));
        assert_eq!(f.get("content").is_some(), content, "{name}");
    }
}

#[test]
fn an_import_of_types_alone_is_no_import() {
    let wasm = component(&[CLIENT, TOOL]);
    let description = described(&wasm);
    assert_eq!(description["missing"], json!([]));
    let engine = Engine::default();
    let component = Component::new(&engine, &wasm).unwrap();
    let linker = linker::linker(&engine).unwrap();
    linker.instantiate_pre(&component).unwrap();
}

#[test]
fn a_description_is_bounded() {
    // Each function repeats the definition of what it takes.
    let mut wit = String::from("package a:b;\ninterface i {\nrecord r {");
    for i in 0..400 {
        write!(wit, "a{i}: u64, ").unwrap();
    }
    wit.push('}');
    for i in 0..150 {
        write!(wit, "g{i}: func(x: r);").unwrap();
    }
    wit.push_str("}\nworld t { export i; }");
    let Err(refusal) = describe(&component(&[&wit])) else {
        panic!("it fits");
    };
    assert!(refusal.text.contains("to describe"), "{}", refusal.text);
}
