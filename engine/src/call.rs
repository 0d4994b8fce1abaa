//! Typed calls: an export by name, its arguments from text, its result to text.

use crate::state::{State, limit};
use crate::value::{self, Bad, Handles, JsonArgs, Out, Unwritten};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, Func, Instance, InstancePre, Lift, Lower, Type, Val,
};
use wasmtime::{Error, Result, Store};

/// Names that are suggested instead of an unknown one.
const NEAREST: usize = 3;
/// Exports that are looked through for them.
const NEAREST_OF: usize = 4096;

/// `struct writ_invoke`.
pub struct Invoke<'a> {
    pub function: &'a str,
    pub args: &'a str,
    pub wave: bool,
    pub result_max: usize,
}

/// Why a call is not made.
pub enum Refused {
    Unknown(String),
    Bad(Bad),
    Closed,
}

impl From<Bad> for Refused {
    fn from(bad: Bad) -> Refused {
        Refused::Bad(bad)
    }
}

/// A call whose arguments fit.
pub struct Call {
    export: ComponentExportIndex,
    args: Args,
    reply: Option<Reply>,
    result: Option<Type>,
    wave: bool,
    max: usize,
}

enum Args {
    None,
    Text(String),
    Bytes(Vec<u8>),
    Vals(Vec<Val>),
}

/// What a function returned.
#[derive(Default)]
pub struct Returned {
    pub text: String,
    /// It is the err of a result.
    pub err: bool,
}

/// What bypasses dynamic values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bulk {
    Text,
    Bytes,
}

fn bulk(ty: &Type) -> Option<Bulk> {
    match ty {
        Type::String => Some(Bulk::Text),
        Type::List(list) if list.ty() == Type::U8 => Some(Bulk::Bytes),
        _ => None,
    }
}

/// Results that bypass dynamic values.
#[derive(Clone, Copy)]
enum Reply {
    Text,
    Bytes,
    TextOrErr,
    BytesOrErr,
}

impl Reply {
    fn of(ty: &Type) -> Option<Reply> {
        if let Type::Result(result) = ty {
            return match (bulk(&result.ok()?)?, result.err()?) {
                (Bulk::Text, Type::String) => Some(Reply::TextOrErr),
                (Bulk::Bytes, Type::String) => Some(Reply::BytesOrErr),
                _ => None,
            };
        }
        Some(match bulk(ty)? {
            Bulk::Text => Reply::Text,
            Bulk::Bytes => Reply::Bytes,
        })
    }
}

/// The export called `name`, and its type before there is an instance.
pub fn find(
    pre: &InstancePre<State>,
    name: &str,
) -> Result<(ComponentExportIndex, ComponentFunc), Refused> {
    let all = pre.component();
    let found = match name.split_once('#') {
        None => all.get_export(None, name),
        Some((interface, function)) => all
            .get_export_index(None, interface)
            .and_then(|interface| all.get_export(Some(&interface), function)),
    };
    match found {
        Some((ComponentItem::ComponentFunc(ty), index)) => Ok((index, ty)),
        _ => Err(Refused::Unknown(nearest(pre, name))),
    }
}

fn nearest(pre: &InstancePre<State>, name: &str) -> String {
    let engine = pre.engine();
    let ty = pre.component().component_type();
    let mut names = Vec::new();
    for (export, item) in ty.exports(engine).take(NEAREST_OF) {
        // One instance may stand under many names.
        if names.len() >= NEAREST_OF {
            break;
        }
        match item.ty {
            ComponentItem::ComponentFunc(_) => names.push(export.to_string()),
            ComponentItem::ComponentInstance(instance) => names.extend(
                instance
                    .exports(engine)
                    .filter(|(_, item)| matches!(item.ty, ComponentItem::ComponentFunc(_)))
                    .map(|(function, _)| format!("{export}#{function}"))
                    .take(NEAREST_OF),
            ),
            _ => {}
        }
    }
    let short = |name: &str| name.rsplit('#').next().unwrap_or(name).to_string();
    let wanted = short(name);
    names.truncate(NEAREST_OF);
    names.sort_by_cached_key(|other| distance(&wanted, &short(other)));
    let shown: String = name.chars().take(100).collect();
    match names.is_empty() {
        true => format!("no function \"{shown}\": nothing is exported"),
        false => {
            names.truncate(NEAREST);
            format!("no function \"{shown}\"; there is: {}", names.join(", "))
        }
    }
}

/// Edits between two names, of their first bytes.
fn distance(a: &str, b: &str) -> usize {
    const BYTES: usize = 64;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (a, b) = (&a[..a.len().min(BYTES)], &b[..b.len().min(BYTES)]);
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let edit = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = edit.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl Call {
    /// Check and convert the arguments.  `ty` is the instance's own type, if there is one: resources
    /// are told apart by it.
    pub fn prepare(
        invoke: &Invoke,
        export: ComponentExportIndex,
        ty: &ComponentFunc,
        handles: &mut Handles,
    ) -> Result<Call, Refused> {
        let params: Vec<(&str, Type)> = ty.params().collect();
        let result = ty.results().next();
        for ty in params.iter().map(|(_, ty)| ty).chain(&result) {
            value::check(ty, invoke.wave)?;
        }
        if ty.async_() {
            return Err(Bad::Type("an async function".to_string()).into());
        }
        let (args, reply) = args(invoke, &params, result.as_ref(), handles)?;
        Ok(Call {
            export,
            args,
            reply,
            result,
            wave: invoke.wave,
            max: invoke.result_max,
        })
    }

    pub async fn run(
        self,
        store: &mut Store<State>,
        instance: &Instance,
        handles: &mut Handles,
    ) -> Result<Returned> {
        let func = instance
            .get_func(&mut *store, self.export)
            .ok_or_else(|| Error::msg("an export is not there"))?;
        let out = Out::new(self.max);
        match (self.args, self.reply) {
            (Args::None, Some(reply)) => bulk_call(func, store, (), reply, out).await,
            (Args::Text(text), Some(reply)) => bulk_call(func, store, (text,), reply, out).await,
            (Args::Bytes(bytes), Some(reply)) => bulk_call(func, store, (bytes,), reply, out).await,
            (Args::Vals(vals), _) => {
                let mut results = vec![Val::Bool(false); usize::from(self.result.is_some())];
                func.call_async(store, &vals, &mut results).await?;
                match (results.pop(), self.result) {
                    (Some(val), Some(ty)) if self.wave => wave_result(val, ty, self.max),
                    (Some(val), Some(ty)) => json_result(val, ty, out, handles),
                    _ => Ok(Returned::default()),
                }
            }
            (_, None) => Err(Error::msg("arguments without a way to give them")),
        }
    }
}

/// Arguments in bulk if the function has a signature for it, which is returned as well.
fn args(
    invoke: &Invoke,
    params: &[(&str, Type)],
    result: Option<&Type>,
    handles: &mut Handles,
) -> Result<(Args, Option<Reply>), Refused> {
    if invoke.wave {
        let vals = value::wave_args(invoke.args, params)?;
        return Ok((Args::Vals(vals), None));
    }
    let reply = result.and_then(Reply::of);
    let single = params.first().filter(|_| params.len() == 1);
    let args = match (reply, single) {
        (Some(_), Some((name, ty))) => match bulk(ty) {
            Some(Bulk::Text) => Some(Args::Text(value::text_of(invoke.args, name)?)),
            Some(Bulk::Bytes) => Some(Args::Bytes(value::bytes_of(invoke.args, name)?)),
            None => None,
        },
        _ => None,
    };
    if let Some(args) = args {
        return Ok((args, reply));
    }
    let (vals, used) = JsonArgs::new(invoke.args, handles)?.all(params)?;
    handles.give(&used);
    match (reply, params.is_empty()) {
        (Some(_), true) => Ok((Args::None, reply)),
        _ => Ok((Args::Vals(vals), None)),
    }
}

async fn bulk_call<P>(
    func: Func,
    store: &mut Store<State>,
    params: P,
    reply: Reply,
    mut out: Out,
) -> Result<Returned>
where
    P: ComponentNamedList + Lower + 'static,
{
    let err = match reply {
        Reply::Text => typed::<P, String>(func, store, params, &mut out).await,
        Reply::Bytes => typed::<P, Vec<u8>>(func, store, params, &mut out).await,
        Reply::TextOrErr => typed::<P, Result<String, String>>(func, store, params, &mut out).await,
        Reply::BytesOrErr => {
            typed::<P, Result<Vec<u8>, String>>(func, store, params, &mut out).await
        }
    }?;
    let text = out.finish();
    Ok(Returned { text, err })
}

/// Whether it was an err.
async fn typed<P, R>(func: Func, store: &mut Store<State>, params: P, out: &mut Out) -> Result<bool>
where
    P: ComponentNamedList + Lower + 'static,
    R: Written + Lift + 'static,
{
    let func = func.typed::<P, (R,)>(&*store)?;
    let (result,) = func.call_async(store, params).await?;
    result.write(out).map_err(unwritten)
}

/// A result in bulk as JSON; whether it is an err.
trait Written: Send + Sync {
    fn write(&self, out: &mut Out) -> Result<bool, Unwritten>;
}

impl Written for String {
    fn write(&self, out: &mut Out) -> Result<bool, Unwritten> {
        out.string(self).map(|()| false)
    }
}

impl Written for Vec<u8> {
    fn write(&self, out: &mut Out) -> Result<bool, Unwritten> {
        out.bytes(self).map(|()| false)
    }
}

impl<T: Written> Written for Result<T, String> {
    fn write(&self, out: &mut Out) -> Result<bool, Unwritten> {
        match self {
            Ok(value) => value.write(out),
            Err(text) => out.string(text).map(|()| true),
        }
    }
}

/// The value that a result text shows, its type, and whether it is an err.
fn inner(val: Val, ty: Type) -> (Option<(Val, Type)>, bool) {
    match (val, ty) {
        (Val::Result(Ok(payload)), Type::Result(ty)) => {
            (payload.map(|val| *val).zip(ty.ok()), false)
        }
        (Val::Result(Err(payload)), Type::Result(ty)) => {
            (payload.map(|val| *val).zip(ty.err()), true)
        }
        (val, ty) => (Some((val, ty)), false),
    }
}

fn json_result(val: Val, ty: Type, mut out: Out, handles: &mut Handles) -> Result<Returned> {
    let (shown, err) = inner(val, ty);
    if let Some((val, ty)) = shown {
        out.value(&val, &ty, handles).map_err(unwritten)?;
    }
    let text = out.finish();
    Ok(Returned { text, err })
}

fn wave_result(val: Val, ty: Type, max: usize) -> Result<Returned> {
    let (shown, err) = inner(val, ty);
    let text = match shown {
        Some((val, _)) => value::wave_text(&val, max).map_err(unwritten)?,
        None => String::new(),
    };
    Ok(Returned { text, err })
}

fn unwritten(why: Unwritten) -> Error {
    match why {
        Unwritten::Full => limit("output"),
        Unwritten::Handles => limit("handles"),
        Unwritten::Type => Error::msg("a result without a text form"),
    }
}
