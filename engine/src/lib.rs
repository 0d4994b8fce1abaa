//! The engine: Wasmtime behind `src/port/engine.h`, WASI behind `src/port/ports.h`.
//! It keeps handles and lifts and lowers values; it decides nothing.

#![deny(unsafe_code, clippy::undocumented_unsafe_blocks)]

#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unsafe_code,
    dead_code,
    unused_imports,
    unused_mut,
    unused_variables,
    unused_doc_comments
)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
mod call;
mod client;
mod component;
mod config;
#[cfg(feature = "compile")]
mod describe;
#[allow(unsafe_code)]
mod ffi;
mod fields;
mod http;
mod http_code;
mod kept;
mod linker;
mod poll;
#[allow(unsafe_code)]
mod ports;
#[cfg(feature = "compile")]
mod schema;
mod state;
mod stream;
mod task;
#[cfg(test)]
mod tests;
#[cfg(feature = "compile")]
mod validate;
mod value;
mod wasi;
#[cfg(feature = "compile")]
#[path = "../wit_text.rs"]
mod wit_text;
