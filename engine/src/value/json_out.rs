//! Values to JSON, bounded.

use super::{Handles, SAFE, Unwritten, base64};
use std::fmt::Display;
use wasmtime::component::{Type, Val};

/// JSON under way, of at most `max` bytes.
pub struct Out {
    text: String,
    max: usize,
}

impl Out {
    pub fn new(max: usize) -> Out {
        let text = String::new();
        Out { text, max }
    }

    pub fn finish(self) -> String {
        self.text
    }

    fn push(&mut self, text: &str) -> Result<(), Unwritten> {
        self.room(text.len())?;
        self.text.push_str(text);
        Ok(())
    }

    fn room(&self, n: usize) -> Result<(), Unwritten> {
        match n <= self.max - self.text.len() {
            true => Ok(()),
            false => Err(Unwritten::Full),
        }
    }

    pub fn string(&mut self, text: &str) -> Result<(), Unwritten> {
        self.push("\"")?;
        let mut rest = text;
        while let Some(at) = rest
            .bytes()
            .position(|b| b == b'"' || b == b'\\' || b < 0x20)
        {
            self.push(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'"' => self.push("\\\"")?,
                b'\\' => self.push("\\\\")?,
                b'\n' => self.push("\\n")?,
                b'\r' => self.push("\\r")?,
                b'\t' => self.push("\\t")?,
                b => self.push(&format!("\\u{b:04x}"))?,
            }
            rest = &rest[at + 1..];
        }
        self.push(rest)?;
        self.push("\"")
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Unwritten> {
        self.room(base64::len(bytes.len()).saturating_add(2))?;
        self.text.push('"');
        base64::encode(bytes, &mut self.text);
        self.text.push('"');
        Ok(())
    }

    fn display(&mut self, value: impl Display) -> Result<(), Unwritten> {
        self.push(&value.to_string())
    }

    fn wide(&mut self, magnitude: u64, value: impl Display) -> Result<(), Unwritten> {
        match magnitude <= SAFE {
            true => self.display(value),
            false => self.display(format_args!("\"{value}\"")),
        }
    }

    /// `shortest` is how Rust shows a finite float: so that it reads back the same.
    fn float(&mut self, f: f64, shortest: impl FnOnce() -> String) -> Result<(), Unwritten> {
        match f {
            f if f.is_nan() => self.push("\"NaN\""),
            f64::INFINITY => self.push("\"Infinity\""),
            f64::NEG_INFINITY => self.push("\"-Infinity\""),
            _ => self.push(&shortest()),
        }
    }

    /// `ty` is a type that `check` lets through.
    pub fn value(&mut self, val: &Val, ty: &Type, handles: &mut Handles) -> Result<(), Unwritten> {
        match (val, ty) {
            (Val::Bool(b), _) => self.display(b),
            (Val::S8(n), _) => self.display(n),
            (Val::U8(n), _) => self.display(n),
            (Val::S16(n), _) => self.display(n),
            (Val::U16(n), _) => self.display(n),
            (Val::S32(n), _) => self.display(n),
            (Val::U32(n), _) => self.display(n),
            (Val::S64(n), _) => self.wide(n.unsigned_abs(), n),
            (Val::U64(n), _) => self.wide(*n, n),
            (Val::Float32(f), _) => self.float((*f).into(), || format!("{f:?}")),
            (Val::Float64(f), _) => self.float(*f, || format!("{f:?}")),
            (Val::Char(c), _) => self.string(c.encode_utf8(&mut [0; 4])),
            (Val::String(s), _) => self.string(s),
            (Val::Enum(name), _) => self.string(name),
            (Val::List(vals), Type::List(list)) => match list.ty() {
                Type::U8 => {
                    let bytes = vals.iter().filter_map(|val| match val {
                        Val::U8(b) => Some(*b),
                        _ => None,
                    });
                    self.bytes(&bytes.collect::<Vec<u8>>())
                }
                ty => self.array(vals.iter().map(|val| (val, &ty)), handles),
            },
            (Val::Tuple(vals), Type::Tuple(tuple)) => {
                let types: Vec<Type> = tuple.types().collect();
                self.array(vals.iter().zip(&types), handles)
            }
            (Val::Record(fields), Type::Record(record)) => {
                let mut mark = "{";
                for ((name, val), field) in fields.iter().zip(record.fields()) {
                    self.push(mark)?;
                    self.member(name, Some(val), Some(&field.ty), handles)?;
                    mark = ",";
                }
                self.push("}")
            }
            (Val::Flags(names), _) => {
                let mut mark = "[";
                for name in names {
                    self.push(mark)?;
                    self.string(name)?;
                    mark = ",";
                }
                self.push(if names.is_empty() { "[]" } else { "]" })
            }
            (Val::Variant(name, payload), Type::Variant(variant)) => {
                let case = variant.cases().find(|case| case.name == name);
                let ty = case.and_then(|case| case.ty);
                self.tagged(name, payload.as_deref(), ty.as_ref(), handles)
            }
            (Val::Result(Ok(payload)), Type::Result(result)) => {
                let ty = result.ok();
                self.tagged("ok", payload.as_deref(), ty.as_ref(), handles)
            }
            (Val::Result(Err(payload)), Type::Result(result)) => {
                let ty = result.err();
                self.tagged("err", payload.as_deref(), ty.as_ref(), handles)
            }
            (Val::Option(None), _) => self.push("null"),
            (Val::Option(Some(val)), Type::Option(option)) => match option.ty() {
                ty @ Type::Option(_) => self.tagged("some", Some(val), Some(&ty), handles),
                ty => self.value(val, &ty, handles),
            },
            (Val::Resource(resource), _) => {
                let n = handles.put(*resource).ok_or(Unwritten::Handles)?;
                self.display(format_args!("{{\"handle\":{n}}}"))
            }
            _ => Err(Unwritten::Type),
        }
    }

    fn array<'v>(
        &mut self,
        vals: impl ExactSizeIterator<Item = (&'v Val, &'v Type)>,
        handles: &mut Handles,
    ) -> Result<(), Unwritten> {
        if vals.len() == 0 {
            return self.push("[]");
        }
        let mut mark = "[";
        for (val, ty) in vals {
            self.push(mark)?;
            self.value(val, ty, handles)?;
            mark = ",";
        }
        self.push("]")
    }

    fn member(
        &mut self,
        name: &str,
        val: Option<&Val>,
        ty: Option<&Type>,
        handles: &mut Handles,
    ) -> Result<(), Unwritten> {
        self.string(name)?;
        self.push(":")?;
        match (val, ty) {
            (Some(val), Some(ty)) => self.value(val, ty, handles),
            _ => self.push("null"),
        }
    }

    /// An object of one member.
    fn tagged(
        &mut self,
        name: &str,
        val: Option<&Val>,
        ty: Option<&Type>,
        handles: &mut Handles,
    ) -> Result<(), Unwritten> {
        self.push("{")?;
        self.member(name, val, ty, handles)?;
        self.push("}")
    }
}
