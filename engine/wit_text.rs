//! Types in WIT syntax, for descriptions and for comparing with what is offered.  Shared by the
//! build script and the compiler build.

use wit_parser::{Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId};

/// `func(a: string) -> u32`, without the receiver of a method.  Aliases are followed to what they
/// stand for, so that two versions of an interface print alike.
pub fn function(resolve: &Resolve, f: &Function) -> String {
    let (word, skip) = match f.kind {
        FunctionKind::Freestanding => ("func", 0),
        FunctionKind::Method(_) => ("func", 1),
        FunctionKind::Static(_) => ("static func", 0),
        FunctionKind::Constructor(_) => ("constructor", 0),
        FunctionKind::AsyncFreestanding => ("async func", 0),
        FunctionKind::AsyncMethod(_) => ("async func", 1),
        FunctionKind::AsyncStatic(_) => ("static async func", 0),
    };
    let params: Vec<String> = f
        .params
        .iter()
        .skip(skip)
        .map(|p| format!("{}: {}", p.name, ty(resolve, &p.ty)))
        .collect();
    let result = match (&f.kind, &f.result) {
        (FunctionKind::Constructor(_), _) | (_, None) => String::new(),
        (_, Some(t)) => format!(" -> {}", ty(resolve, t)),
    };
    format!("{word}({}){result}", params.join(", "))
}

fn ty(resolve: &Resolve, t: &Type) -> String {
    let name = match t {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => return defined(resolve, *id),
    };
    name.to_string()
}

fn named(resolve: &Resolve, id: TypeId) -> String {
    let def = &resolve.types[id];
    if let TypeDefKind::Type(Type::Id(of)) = def.kind {
        return named(resolve, of);
    }
    def.name.clone().unwrap_or_else(|| "?".to_string())
}

fn defined(resolve: &Resolve, id: TypeId) -> String {
    let one = |t: &Type| ty(resolve, t);
    let maybe = |t: &Option<Type>| t.as_ref().map_or("_".to_string(), one);
    match &resolve.types[id].kind {
        TypeDefKind::Type(t) => one(t),
        TypeDefKind::Handle(Handle::Own(r)) => named(resolve, *r),
        TypeDefKind::Handle(Handle::Borrow(r)) => format!("borrow<{}>", named(resolve, *r)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(one).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Option(t) => format!("option<{}>", one(t)),
        TypeDefKind::Result(r) => match (&r.ok, &r.err) {
            (None, None) => "result".to_string(),
            (Some(t), None) => format!("result<{}>", one(t)),
            (ok, err) => format!("result<{}, {}>", maybe(ok), maybe(err)),
        },
        TypeDefKind::List(t) => format!("list<{}>", one(t)),
        TypeDefKind::FixedLengthList(t, n) => format!("list<{}, {n}>", one(t)),
        TypeDefKind::Map(k, v) => format!("map<{}, {}>", one(k), one(v)),
        TypeDefKind::Future(None) => "future".to_string(),
        TypeDefKind::Future(Some(t)) => format!("future<{}>", one(t)),
        TypeDefKind::Stream(None) => "stream".to_string(),
        TypeDefKind::Stream(Some(t)) => format!("stream<{}>", one(t)),
        _ => named(resolve, id),
    }
}
