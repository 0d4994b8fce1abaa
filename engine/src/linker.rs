//! The void table as a linker: everything a component may import.

use crate::bindings::{Offered, wasi};
use crate::state::{Has, State};
use wasmtime::component::Linker;
use wasmtime::{Engine, Result};

/// Register every interface under every name it goes by.
pub fn linker(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    Offered::add_to_linker::<State, Has>(&mut linker, |state| state)?;
    // Drafts that are the same under a second name; build.rs knows them, too.
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

include!(concat!(env!("OUT_DIR"), "/offered.rs"));

/// The place in `OFFERED` of what serves `name`: the same name, or for the stable 0.2.x any
/// other 0.2.x of the interface.
pub fn resolve(name: &str) -> Option<usize> {
    let exact = OFFERED.iter().position(|(offered, _)| *offered == name);
    exact.or_else(|| {
        let (interface, version) = name.split_once('@')?;
        OFFERED.iter().position(|(offered, _)| {
            offered
                .split_once('@')
                .is_some_and(|(i, v)| i == interface && is_stable(v) && is_stable(version))
        })
    })
}

fn is_stable(version: &str) -> bool {
    version
        .strip_prefix("0.2.")
        .is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_of_02_is_served() {
        assert!(resolve("wasi:io/streams@0.2.12").is_some());
        assert_eq!(
            resolve("wasi:io/streams@0.2.0"),
            resolve("wasi:io/streams@0.2.12")
        );
        assert!(resolve("wasi:io/streams@0.2.99").is_some());
    }

    #[test]
    fn drafts_match_their_own_name_only() {
        assert!(resolve("wasi:keyvalue/store@0.2.0-draft").is_some());
        assert!(resolve("wasi:keyvalue/store@0.2.0-draft2").is_some());
        assert!(resolve("wasi:keyvalue/store@0.2.0").is_none());
        assert!(resolve("wasi:keyvalue/store").is_none());
        assert!(resolve("wasi:logging/logging").is_some());
        assert!(resolve("wasi:logging/logging@0.1.0-draft").is_some());
        assert!(resolve("wasi:io/streams@0.3.0").is_none());
        assert!(resolve("wasi:io/streams@0.2.").is_none());
    }

    #[test]
    fn the_table_and_the_linker_agree() {
        let engine = wasmtime::Engine::default();
        let mut linker = linker(&engine).unwrap();
        for (name, functions) in OFFERED {
            let mut instance = linker.instance(name).unwrap();
            for (function, _) in *functions {
                // What is there already cannot be defined.
                let again = instance.func_wrap(function, |_, (): ()| Ok(()));
                assert!(again.is_err(), "{name} {function}");
            }
        }
    }
}
