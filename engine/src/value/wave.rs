//! WAVE, the text form of the component model, by the crate of that name.

use super::{Bad, ITEMS_MAX, Unwritten, WAVE_MAX};
use std::fmt;
use wasmtime::component::wasm_wave::parser::ParserError;
use wasmtime::component::wasm_wave::untyped::UntypedFuncCall;
use wasmtime::component::wasm_wave::writer::Writer;
use wasmtime::component::{Type, Val};

// A value is at least one byte of text.
const _: () = assert!(WAVE_MAX <= ITEMS_MAX);

/// Arguments in parentheses or without.
pub fn wave_args(text: &str, params: &[(&str, Type)]) -> Result<Vec<Val>, Bad> {
    if text.len() > WAVE_MAX {
        return Err(Bad::Limit(format!(
            "the arguments: {} bytes of WAVE, more than {WAVE_MAX}",
            text.len()
        )));
    }
    let types: Vec<&Type> = params.iter().map(|(_, ty)| ty).collect();
    // One pair of parentheses may be the list's or a tuple's: the types say.
    let bare = || parse(text, &format!("f({text})"), 2, &types);
    match text.trim_ascii_start().starts_with('(') {
        false => bare(),
        true => parse(text, &format!("f{text}"), 1, &types).or_else(|bad| bare().map_err(|_| bad)),
    }
}

/// `shift` is the number of bytes before the text in `call`.
fn parse(text: &str, call: &str, shift: usize, types: &[&Type]) -> Result<Vec<Val>, Bad> {
    let at = |e: ParserError| {
        let at = e.span().start.saturating_sub(shift).min(text.len());
        let detail = e.detail().map(|d| format!(": {d}")).unwrap_or_default();
        Bad::value(format!("at byte {at}: {}{detail}", e.kind()))
    };
    let call = UntypedFuncCall::parse(call).map_err(at)?;
    match call.params_node() {
        // Trailing options may be left out, all of them as well.
        None if types.iter().all(|ty| matches!(ty, Type::Option(_))) => {
            Ok(types.iter().map(|_| Val::Option(None)).collect())
        }
        _ => call.to_wasm_params(types.iter().copied()).map_err(at),
    }
}

struct Bounded {
    text: String,
    max: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() > self.max - self.text.len() {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

/// A value of a type that `check` lets through.
pub fn wave_text(val: &Val, max: usize) -> Result<String, Unwritten> {
    let text = String::new();
    let mut to = Bounded { text, max };
    match Writer::new(&mut to).write_value(val) {
        Ok(()) => Ok(to.text),
        Err(_) => Err(Unwritten::Full),
    }
}
