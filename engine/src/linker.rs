//! The void table as a linker: everything a component may import.

use crate::bindings::{Offered, wasi};
use crate::state::{Has, State};
use wasmtime::component::Linker;
use wasmtime::{Engine, Result};

/// Register every interface under every name it goes by.
pub fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    Offered::add_to_linker::<State, Has>(&mut linker, |state| state)?;
    // Drafts that are the same under a second name.
    macro_rules! also {
        ($($name:literal => $interface:path;)*) => {$({
            use $interface as interface;
            let mut instance = linker.instance($name)?;
            interface::add_to_linker_instance::<State, Has>(&mut instance, |state| state)?;
        })*};
    }
    also! {
        "wasi:blobstore/types@0.2.0-draft" => wasi::blobstore::types;
        "wasi:blobstore/container@0.2.0-draft" => wasi::blobstore::container;
        "wasi:blobstore/blobstore@0.2.0-draft" => wasi::blobstore::blobstore;
        "wasi:logging/logging@0.1.0-draft" => wasi::logging::logging;
    }
    Ok(linker)
}

/// Whether a compatible version of `name` is in the table: the 0.2.x of the interfaces that are
/// registered at 0.2.12 serve each other.
pub fn offers(name: &str) -> bool {
    let Some((interface, version)) = name.split_once('@') else {
        return false;
    };
    let stable = version
        .strip_prefix("0.2.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()));
    stable && STABLE.contains(&interface)
}

/// The interfaces of WASI 0.2.
pub const STABLE: &[&str] = &[
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
];
