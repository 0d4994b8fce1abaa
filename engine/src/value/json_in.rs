//! JSON to values, led by the types.

use super::handles::{Handles, Used};
use super::input::{Input, Kind, Step, integer, shown};
use super::{Bad, NO_FORM, SAFE, TEXT_MAX, base64};
use std::borrow::Cow;
use std::str::FromStr;
use wasmtime::component::types::{Flags, Record, Variant};
use wasmtime::component::{ResourceType, Type, Val};

/// Names that an error lists.
const NAMES_SHOWN: usize = 12;

type Params<'t> = &'t [(&'t str, Type)];

/// Arguments under way from JSON.
pub struct JsonArgs<'a> {
    input: Input<'a>,
    handles: &'a Handles,
    used: Used,
}

/// The one string of a function that takes one.
pub fn text_of(text: &str, name: &str) -> Result<String, Bad> {
    let handles = Handles::default();
    let mut args = JsonArgs::new(text, &handles)?;
    args.single(name, |args| args.string().map(Cow::into_owned))
}

/// The bytes of a function that takes one list of them.
pub fn bytes_of(text: &str, name: &str) -> Result<Vec<u8>, Bad> {
    let handles = Handles::default();
    let mut args = JsonArgs::new(text, &handles)?;
    args.single(name, JsonArgs::base64)
}

impl<'a> JsonArgs<'a> {
    pub fn new(text: &'a str, handles: &'a Handles) -> Result<JsonArgs<'a>, Bad> {
        if text.len() > TEXT_MAX {
            return Err(Bad::Limit(format!(
                "the arguments: {} bytes, more than {TEXT_MAX}",
                text.len()
            )));
        }
        Ok(JsonArgs {
            // No text is no arguments.
            input: Input::new(if text.trim_ascii().is_empty() {
                "{}"
            } else {
                text
            }),
            handles,
            used: Used::default(),
        })
    }

    /// All arguments, in the order of the parameters.
    pub fn all(mut self, params: Params) -> Result<(Vec<Val>, Used), Bad> {
        let vals = match self.input.kind()? {
            Kind::Object => self.fields(params)?,
            Kind::Array => self.in_order(params)?,
            _ => return Err(self.input.wrong("an object of arguments")),
        };
        self.input.finish()?;
        Ok((vals, self.used))
    }

    /// As `all` for one parameter, read by `read`.
    fn single<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut JsonArgs<'a>) -> Result<T, Bad>,
    ) -> Result<T, Bad> {
        let array = match self.input.kind()? {
            Kind::Object => false,
            Kind::Array => true,
            _ => return Err(self.input.wrong("an object of arguments")),
        };
        let end = if array { b']' } else { b'}' };
        self.input.enter();
        if !self.input.more(true, end)? {
            return Err(self.missing(name));
        }
        let step = match array {
            true => Step::Index(0),
            false => {
                let given = self.input.name()?;
                if given != name {
                    return Err(self.unknown(given, &[name]));
                }
                Step::Name(given)
            }
        };
        let value = self.at(step, read)?;
        if self.input.more(false, end)? {
            return Err(match array {
                true => self.input.bad("more than 1 argument"),
                false => {
                    let given = self.input.name()?;
                    match given == name {
                        true => self.twice(given),
                        false => self.unknown(given, &[name]),
                    }
                }
            });
        }
        self.input.finish()?;
        Ok(value)
    }

    fn at<T>(
        &mut self,
        step: Step,
        read: impl FnOnce(&mut JsonArgs<'a>) -> Result<T, Bad>,
    ) -> Result<T, Bad> {
        self.input.path.push(step);
        let value = read(self)?;
        self.input.path.pop();
        Ok(value)
    }

    fn missing(&mut self, name: &str) -> Bad {
        self.input.path.push(Step::Name(name.to_string()));
        self.input.bad("missing")
    }

    fn twice(&mut self, name: String) -> Bad {
        self.input.path.push(Step::Name(name));
        self.input.bad("given twice")
    }

    fn unknown(&mut self, name: String, known: &[&str]) -> Bad {
        self.input.path.push(Step::Name(name));
        self.input.bad(match known.is_empty() {
            true => "unknown, for there are none".to_string(),
            false => format!("unknown; there are: {}", list(known)),
        })
    }

    /// Members of an object, or arguments by name.
    fn fields(&mut self, fields: &[(&str, Type)]) -> Result<Vec<Val>, Bad> {
        let mut vals: Vec<Option<Val>> = fields.iter().map(|_| None).collect();
        self.input.enter();
        let mut first = true;
        while self.input.more(first, b'}')? {
            first = false;
            let name = self.input.name()?;
            let Some(i) = fields.iter().position(|(n, _)| *n == name) else {
                let known: Vec<&str> = fields.iter().map(|(n, _)| *n).collect();
                return Err(self.unknown(name, &known));
            };
            if vals[i].is_some() {
                return Err(self.twice(name));
            }
            vals[i] = Some(self.at(Step::Name(name), |args| args.value(&fields[i].1))?);
        }
        let mut full = Vec::with_capacity(vals.len());
        for (val, (name, ty)) in vals.into_iter().zip(fields) {
            full.push(match (val, ty) {
                (Some(val), _) => val,
                // Left out, it takes room all the same.
                (None, Type::Option(_)) => {
                    self.input.count(1)?;
                    Val::Option(None)
                }
                (None, _) => return Err(self.missing(name)),
            });
        }
        Ok(full)
    }

    /// Arguments by place; options at the end may be left out.
    fn in_order(&mut self, params: Params) -> Result<Vec<Val>, Bad> {
        let mut vals = Vec::with_capacity(params.len());
        self.input.enter();
        while self.input.more(vals.is_empty(), b']')? {
            let Some((_, ty)) = params.get(vals.len()) else {
                let n = params.len();
                return Err(self.input.bad(format!("more than {n} arguments")));
            };
            vals.push(self.at(Step::Index(vals.len()), |args| args.value(ty))?);
        }
        for (name, ty) in &params[vals.len()..] {
            match ty {
                Type::Option(_) => vals.push(Val::Option(None)),
                _ => {
                    self.input.path.push(Step::Index(vals.len()));
                    return Err(self.input.bad(format!("missing: {name}")));
                }
            }
        }
        Ok(vals)
    }

    fn value(&mut self, ty: &Type) -> Result<Val, Bad> {
        self.input.count(1)?;
        Ok(match ty {
            Type::Bool => Val::Bool(self.input.bool()?),
            Type::S8 => Val::S8(self.int("s8", i8::MIN, i8::MAX)?),
            Type::U8 => Val::U8(self.int("u8", u8::MIN, u8::MAX)?),
            Type::S16 => Val::S16(self.int("s16", i16::MIN, i16::MAX)?),
            Type::U16 => Val::U16(self.int("u16", u16::MIN, u16::MAX)?),
            Type::S32 => Val::S32(self.int("s32", i32::MIN, i32::MAX)?),
            Type::U32 => Val::U32(self.int("u32", u32::MIN, u32::MAX)?),
            Type::S64 => Val::S64(self.wide("s64", i64::MIN, i64::MAX)?),
            Type::U64 => Val::U64(self.wide("u64", u64::MIN, u64::MAX)?),
            Type::Float32 => Val::Float32(self.float("f32")?),
            Type::Float64 => Val::Float64(self.float("f64")?),
            Type::Char => Val::Char(self.char()?),
            Type::String => Val::String(self.string()?.into_owned()),
            Type::List(list) => match list.ty() {
                Type::U8 => {
                    let bytes = self.base64()?;
                    self.input.count(bytes.len())?;
                    Val::List(bytes.into_iter().map(Val::U8).collect())
                }
                element => Val::List(self.list(&element)?),
            },
            Type::Record(record) => Val::Record(self.record(record)?),
            Type::Tuple(tuple) => {
                let types: Vec<Type> = tuple.types().collect();
                Val::Tuple(self.tuple(&types)?)
            }
            Type::Variant(variant) => self.variant(variant)?,
            Type::Enum(of) => {
                let names: Vec<&str> = of.names().collect();
                Val::Enum(self.one_of(&names)?)
            }
            Type::Flags(flags) => Val::Flags(self.flags(flags)?),
            Type::Option(option) => self.option(&option.ty())?,
            Type::Result(result) => self.result(result.ok(), result.err())?,
            Type::Own(resource) => self.resource(*resource, true)?,
            Type::Borrow(resource) => self.resource(*resource, false)?,
            Type::Map(_)
            | Type::Future(_)
            | Type::Stream(_)
            | Type::ErrorContext
            | Type::FixedLengthList(_) => {
                return Err(Bad::Type(NO_FORM.to_string()));
            }
        })
    }

    fn int<T>(&mut self, name: &str, min: T, max: T) -> Result<T, Bad>
    where
        T: TryFrom<i128> + std::fmt::Display,
    {
        let wanted = || format!("an integer {min}..{max} ({name})");
        if self.input.kind()? != Kind::Number {
            return Err(self.input.wrong(&wanted()));
        }
        let number = self.input.number()?;
        integer(number)
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| {
                let got = shown(number);
                self.input.bad(format!("expected {}, got {got}", wanted()))
            })
    }

    /// 64 bits: a number as far as every JSON parser keeps it, or decimal digits as a string.
    fn wide<T>(&mut self, name: &str, min: T, max: T) -> Result<T, Bad>
    where
        T: TryFrom<i128> + std::fmt::Display,
    {
        let wanted = || format!("an integer {min}..{max} ({name}), beyond 2^53-1 as a string");
        let (number, got) = match self.input.kind()? {
            Kind::Number => {
                let number = self.input.number()?;
                let safe = |n: &i128| n.unsigned_abs() <= SAFE.into();
                (integer(number).filter(safe), shown(number))
            }
            Kind::String => {
                let text = self.input.string()?;
                let number = decimal(&text).then(|| integer(&text)).flatten();
                (number, format!("\"{}\"", shown(&text)))
            }
            _ => return Err(self.input.wrong(&wanted())),
        };
        number
            .and_then(|n| T::try_from(n).ok())
            .ok_or_else(|| self.input.bad(format!("expected {}, got {got}", wanted())))
    }

    /// Rounded once, from the text; floats that are not finite are strings.
    fn float<F>(&mut self, name: &str) -> Result<F, Bad>
    where
        F: FromStr + Copy,
        f64: From<F>,
    {
        let wanted = || format!("a number ({name}), \"NaN\", \"Infinity\" or \"-Infinity\"");
        let (text, finite) = match self.input.kind()? {
            Kind::Number => (Cow::Borrowed(self.input.number()?), true),
            Kind::String => (self.input.string()?, false),
            _ => return Err(self.input.wrong(&wanted())),
        };
        let spelt = finite || matches!(&*text, "NaN" | "Infinity" | "-Infinity");
        match text.parse::<F>() {
            Ok(f) if spelt && f64::from(f).is_finite() == finite => Ok(f),
            _ if finite => {
                let why = format!("{} is beyond the range of {name}", shown(&text));
                Err(self.input.bad(why))
            }
            _ => {
                let why = format!("expected {}, got \"{}\"", wanted(), shown(&text));
                Err(self.input.bad(why))
            }
        }
    }

    fn char(&mut self) -> Result<char, Bad> {
        self.input.expect(Kind::String, "one character")?;
        let text = self.input.string()?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(c),
            _ => {
                let got = shown(&text);
                Err(self
                    .input
                    .bad(format!("expected one character, got \"{got}\"")))
            }
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Bad> {
        self.input.expect(Kind::String, "a string")?;
        self.input.string()
    }

    fn base64(&mut self) -> Result<Vec<u8>, Bad> {
        let wanted = "bytes in base64, with padding";
        self.input.expect(Kind::String, wanted)?;
        let text = self.input.string()?;
        base64::decode(&text).ok_or_else(|| {
            let got = shown(&text);
            self.input.bad(format!("expected {wanted}, got \"{got}\""))
        })
    }

    fn list(&mut self, element: &Type) -> Result<Vec<Val>, Bad> {
        self.input.expect(Kind::Array, "an array")?;
        self.input.enter();
        let mut vals = Vec::new();
        while self.input.more(vals.is_empty(), b']')? {
            vals.push(self.at(Step::Index(vals.len()), |args| args.value(element))?);
        }
        Ok(vals)
    }

    fn record(&mut self, record: &Record) -> Result<Vec<(String, Val)>, Bad> {
        let fields: Vec<(&str, Type)> = record.fields().map(|f| (f.name, f.ty)).collect();
        let names = || list(&fields.iter().map(|(n, _)| *n).collect::<Vec<_>>());
        if self.input.kind()? != Kind::Object {
            return Err(self.input.wrong(&format!("an object with {}", names())));
        }
        let vals = self.fields(&fields)?;
        let names = fields.iter().map(|(name, _)| name.to_string());
        Ok(names.zip(vals).collect())
    }

    fn tuple(&mut self, types: &[Type]) -> Result<Vec<Val>, Bad> {
        let wanted = format!("an array of {}", types.len());
        self.input.expect(Kind::Array, &wanted)?;
        self.input.enter();
        let mut vals = Vec::with_capacity(types.len());
        while self.input.more(vals.is_empty(), b']')? {
            let Some(ty) = types.get(vals.len()) else {
                return Err(self.input.bad(format!("expected {wanted}, got more")));
            };
            vals.push(self.at(Step::Index(vals.len()), |args| args.value(ty))?);
        }
        match vals.len() == types.len() {
            true => Ok(vals),
            false => Err(self
                .input
                .bad(format!("expected {wanted}, got {}", vals.len()))),
        }
    }

    /// An object of one member: its name is one of `names`, its value read by `read`.
    fn member<T>(
        &mut self,
        names: &[&str],
        read: impl FnOnce(&mut JsonArgs<'a>, usize) -> Result<T, Bad>,
    ) -> Result<T, Bad> {
        if self.input.kind()? != Kind::Object {
            let wanted = format!("an object of one member: {}", list(names));
            return Err(self.input.wrong(&wanted));
        }
        self.input.enter();
        if !self.input.more(true, b'}')? {
            let wanted = format!("expected one member: {}", list(names));
            return Err(self.input.bad(wanted));
        }
        let name = self.input.name()?;
        let Some(i) = names.iter().position(|n| *n == name) else {
            return Err(self.unknown(name, names));
        };
        let value = self.at(Step::Name(name), |args| read(args, i))?;
        match self.input.more(false, b'}')? {
            true => Err(self.input.bad("expected one member, got more")),
            false => Ok(value),
        }
    }

    fn payload(&mut self, ty: Option<&Type>) -> Result<Option<Box<Val>>, Bad> {
        match ty {
            Some(ty) => self.value(ty).map(|val| Some(Box::new(val))),
            None => {
                self.input.null()?;
                Ok(None)
            }
        }
    }

    fn variant(&mut self, variant: &Variant) -> Result<Val, Bad> {
        let cases: Vec<_> = variant.cases().collect();
        let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
        self.member(&names, |args, i| {
            let payload = args.payload(cases[i].ty.as_ref())?;
            Ok(Val::Variant(names[i].to_string(), payload))
        })
    }

    fn result(&mut self, ok: Option<Type>, err: Option<Type>) -> Result<Val, Bad> {
        self.member(&["ok", "err"], |args, i| {
            Ok(Val::Result(match i {
                0 => Ok(args.payload(ok.as_ref())?),
                _ => Err(args.payload(err.as_ref())?),
            }))
        })
    }

    fn option(&mut self, ty: &Type) -> Result<Val, Bad> {
        if self.input.kind()? == Kind::Null {
            self.input.null()?;
            return Ok(Val::Option(None));
        }
        let val = match ty {
            Type::Option(_) => self.member(&["some"], |args, _| args.value(ty))?,
            _ => self.value(ty)?,
        };
        Ok(Val::Option(Some(Box::new(val))))
    }

    fn one_of(&mut self, names: &[&str]) -> Result<String, Bad> {
        if self.input.kind()? != Kind::String {
            return Err(self.input.wrong(&format!("one of {}", list(names))));
        }
        let name = self.input.string()?;
        match names.contains(&&*name) {
            true => Ok(name.into_owned()),
            false => {
                let (known, got) = (list(names), shown(&name));
                Err(self
                    .input
                    .bad(format!("expected one of {known}, got \"{got}\"")))
            }
        }
    }

    fn flags(&mut self, flags: &Flags) -> Result<Vec<String>, Bad> {
        let names: Vec<&str> = flags.names().collect();
        if self.input.kind()? != Kind::Array {
            let wanted = format!("an array of {}", list(&names));
            return Err(self.input.wrong(&wanted));
        }
        self.input.enter();
        let mut set: Vec<String> = Vec::new();
        while self.input.more(set.is_empty(), b']')? {
            let name = self.at(Step::Index(set.len()), |args| {
                let name = args.one_of(&names)?;
                match set.contains(&name) {
                    true => Err(args.input.bad("given twice")),
                    false => Ok(name),
                }
            })?;
            set.push(name);
        }
        Ok(set)
    }

    fn resource(&mut self, ty: ResourceType, own: bool) -> Result<Val, Bad> {
        let n = self.member(&["handle"], |args, _| args.int("handle", 1, SAFE))?;
        self.used.check()?;
        let found = self.handles.find(n, ty, own, &mut self.used);
        let resource = found.map_err(|why| self.input.bad(why))?;
        Ok(Val::Resource(resource))
    }
}

/// Digits as they are written in one way only.
fn decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        [b'0'] => digits == text,
        [b'1'..=b'9', rest @ ..] => rest.len() < 20 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn list(names: &[&str]) -> String {
    let mut text = names[..names.len().min(NAMES_SHOWN)].join(", ");
    if names.len() > NAMES_SHOWN {
        text.push_str(", ...");
    }
    text
}
