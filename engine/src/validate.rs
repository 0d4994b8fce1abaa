//! Saying in one sentence why bytes are not a component that can run here.

use crate::ports::status;
use wasmparser::{Validator, WasmFeatures};

/// A status and a sentence.
pub struct Refusal {
    pub status: u32,
    pub text: String,
}

impl Refusal {
    pub fn invalid(text: impl Into<String>) -> Refusal {
        Refusal {
            status: status::INVALID,
            text: text.into(),
        }
    }
}

/// What is off, with the names that people know.
const OFF: &[(WasmFeatures, &str)] = &[
    (WasmFeatures::THREADS, "threads or shared memory"),
    (WasmFeatures::MEMORY64, "memory64"),
    (WasmFeatures::CM_ASYNC, "component-model async (WASI 0.3)"),
    (
        WasmFeatures::GC_TYPES,
        "references to host objects (externref)",
    ),
    (EXCEPTIONS, "exception handling"),
    (WasmFeatures::LEGACY_EXCEPTIONS, "exception handling"),
    (
        WasmFeatures::GC.union(WasmFeatures::GC_TYPES),
        "garbage collection",
    ),
    (WasmFeatures::STACK_SWITCHING, "stack switching"),
    (WasmFeatures::WIDE_ARITHMETIC, "wide arithmetic"),
    (WasmFeatures::CUSTOM_PAGE_SIZES, "custom page sizes"),
    (
        WasmFeatures::SHARED_EVERYTHING_THREADS,
        "shared-everything threads",
    ),
];

const EXCEPTIONS: WasmFeatures = WasmFeatures::EXCEPTIONS.union(WasmFeatures::GC_TYPES);

/// What `config` leaves on.
fn on() -> WasmFeatures {
    let off = WasmFeatures::MEMORY64
        | WasmFeatures::GC
        | WasmFeatures::GC_TYPES
        | WasmFeatures::EXCEPTIONS
        | WasmFeatures::THREADS;
    (WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL).difference(off)
}

/// The first eight bytes: cheap, and the usual mistakes.
pub fn check(wasm: &[u8]) -> Result<(), Refusal> {
    let refuse = |text: &str| Err(Refusal::invalid(text));
    if wasm.is_empty() {
        return refuse("an empty file, not a component");
    }
    if !wasm.starts_with(b"\0asm") {
        return match std::str::from_utf8(&wasm[..wasm.len().min(64)]) {
            Ok(text) if text.trim_start().starts_with("(component") => {
                refuse("WebAssembly text, not a binary component; make one with: wasm-tools parse")
            }
            Ok(_) => refuse("a text file, not a WebAssembly component"),
            Err(_) => refuse("not WebAssembly"),
        };
    }
    match wasm.get(4..8) {
        Some(&[0x0d, 0, 1, 0]) => Ok(()),
        Some(&[1, 0, 0, 0]) => refuse(
            "a core module, not a component; make one with: \
             wasm-tools component new tool.wasm --adapt wasi_snapshot_preview1.command.wasm",
        ),
        Some(_) => refuse("WebAssembly of an unknown version"),
        None => refuse("a truncated component"),
    }
}

fn valid(wasm: &[u8], features: WasmFeatures) -> Result<(), wasmparser::BinaryReaderError> {
    Validator::new_with_features(features)
        .validate_all(wasm)
        .map(|_| ())
}

/// Why `wasm` does not compile; `otherwise` if it seems valid.
pub fn explain(wasm: &[u8], otherwise: String) -> Refusal {
    let Err(e) = valid(wasm, on()) else {
        return Refusal::invalid(otherwise);
    };
    if e.message().contains("unexpected end") {
        return Refusal::invalid(format!("a truncated component (at byte {})", e.offset()));
    }
    let enough = |features| valid(wasm, on() | features).is_ok();
    let all = OFF
        .iter()
        .fold(WasmFeatures::empty(), |all, (feature, _)| all | *feature);
    if !enough(all) {
        return Refusal::invalid(format!(
            "a malformed component: {} (at byte {})",
            e.message(),
            e.offset()
        ));
    }
    let one = OFF.iter().find(|(feature, _)| enough(*feature));
    let name = one.map_or("several features at once", |(_, name)| name);
    Refusal {
        status: status::UNSUPPORTED,
        text: format!("needs {name}, which is off: {}", e.message()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A core module inside a component.
    fn component(module: &[u8]) -> Vec<u8> {
        let mut wasm = b"\0asm\x0d\0\x01\0".to_vec();
        wasm.extend([1, 8 + module.len() as u8]);
        wasm.extend(b"\0asm\x01\0\0\0");
        wasm.extend(module);
        wasm
    }

    fn text(wasm: &[u8]) -> String {
        match check(wasm) {
            Err(refusal) => refusal.text,
            Ok(()) => explain(wasm, "fine".to_string()).text,
        }
    }

    #[test]
    fn what_is_no_component_is_named() {
        assert!(text(b"").contains("empty"));
        assert!(text(b"#!/bin/sh\n").contains("text file"));
        assert!(text(b"(component)").contains("wasm-tools parse"));
        assert!(text(b"\x7fELF\xff\xfe").contains("not WebAssembly"));
        assert!(text(b"\0asm").contains("truncated"));
        assert!(text(b"\0asm\x01\0\0\0").contains("wasm-tools component new"));
        assert!(text(b"\0asm\x0d\0\x01\0\x01").contains("truncated"));
        assert!(text(b"\0asm\x0d\0\x01\0\x63\x00").contains("malformed"));
        assert_eq!(text(&component(&[])), "fine");
    }

    #[test]
    fn a_feature_that_is_off_is_named() {
        // Memory sections: shared, 64-bit.
        let shared = component(&[5, 4, 1, 3, 1, 1]);
        assert!(text(&shared).contains("threads or shared memory"));
        let wide = component(&[5, 3, 1, 4, 1]);
        assert!(text(&wide).contains("memory64"));
        assert_eq!(explain(&wide, String::new()).status, status::UNSUPPORTED);
        // A function type with an externref.
        let host = component(&[1, 5, 1, 0x60, 1, 0x6f, 0]);
        assert!(text(&host).contains("externref"));
    }
}
