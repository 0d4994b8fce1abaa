//! Values of a component's types as text: arguments in, results out.  Strict both ways, so that
//! what the schema of a description (`schema.rs`) allows and what is accepted here agree.
//!
//! One form for each type.  Integers: numbers within their range, also written `1.0` or `1e3`; 64-bit ones
//! as a string of digits, which beyond 2^53-1 is the only form.  Floats: numbers, or `"NaN"`,
//! `"Infinity"`, `"-Infinity"`.  char: a string of one character.  list<u8>: base64.  Tuples:
//! arrays.  Variants: an object of one member, null for a case without payload.  Enums: strings.
//! Flags: arrays of names.  Options: null or the value, `{"some": value}` if the value is itself an
//! option; an option in a record may be left out.  Results: `{"ok": value}` or `{"err": value}`.
//! Resources: `{"handle": number}`.

pub mod base64;
pub mod handles;
pub mod input;
mod json_in;
mod json_out;
mod wave;

pub use handles::Handles;
pub use json_in::{JsonArgs, bytes_of, text_of};
pub use json_out::Out;
use wasmtime::component::Type;
pub use wave::{wave_args, wave_text};

/// `WRIT_VALUE_ITEMS_MAX`.
pub const ITEMS_MAX: usize = 1024 * 1024;
/// `WRIT_VALUE_TEXT_MAX`.
pub const TEXT_MAX: usize = 8 * 1024 * 1024;
/// `WRIT_WAVE_TEXT_MAX`.
pub const WAVE_MAX: usize = 256 * 1024;
/// Levels of a type that has a text form.
pub const DEPTH_MAX: usize = 64;
/// The largest integer that every JSON parser keeps.
pub const SAFE: u64 = (1 << 53) - 1;

/// Why text is not a value of the type that is wanted.
#[derive(Debug)]
pub enum Bad {
    /// The place and a sentence.
    Value(String),
    Limit(String),
    /// A type without a text form.
    Type(String),
}

impl Bad {
    pub fn value(text: impl Into<String>) -> Bad {
        Bad::Value(text.into())
    }
}

/// Why a result is not written.
#[derive(Debug)]
pub enum Unwritten {
    /// Beyond the bytes that were asked for.
    Full,
    /// More resources than an instance may give out.
    Handles,
    Type,
}

const NO_FORM: &str = "a type that has no JSON form";

/// Whether every value of a type has a text.  What follows types recursively relies on it.
pub fn check(ty: &Type, wave: bool) -> Result<(), Bad> {
    check_at(ty, wave, DEPTH_MAX)
}

fn check_at(ty: &Type, wave: bool, levels: usize) -> Result<(), Bad> {
    let Some(levels) = levels.checked_sub(1) else {
        return Err(Bad::Type(format!("a type of more than {DEPTH_MAX} levels")));
    };
    let one = |ty: Type| check_at(&ty, wave, levels);
    match ty {
        Type::List(list) => one(list.ty()),
        Type::Option(option) => one(option.ty()),
        Type::Record(record) => record.fields().try_for_each(|f| one(f.ty)),
        Type::Tuple(tuple) => tuple.types().try_for_each(one),
        Type::Variant(variant) => variant.cases().filter_map(|c| c.ty).try_for_each(one),
        Type::Result(result) => result
            .ok()
            .into_iter()
            .chain(result.err())
            .try_for_each(one),
        Type::Own(_) | Type::Borrow(_) if wave => {
            Err(Bad::Type("a resource has no WAVE form".to_string()))
        }
        Type::Map(_)
        | Type::Future(_)
        | Type::Stream(_)
        | Type::ErrorContext
        | Type::FixedLengthList(_) => Err(Bad::Type(NO_FORM.to_string())),
        _ => Ok(()),
    }
}
