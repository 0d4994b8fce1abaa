//! Generates the typed bindings: WASI 0.2, the drafts of the void table and our own interfaces,
//! from the WIT of the pinned crates and of `wit/`, into `$OUT_DIR/bindings.rs`.

use anyhow::{Context, Result, bail};
use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use wasmtime_internal_wit_bindgen::{
    FunctionConfig, FunctionFilter, FunctionFlags, Opts, TrappableError,
};
use wit_parser::{Resolve, WorldId, WorldItem};

mod wit_text;

/// The pinned version of the crates whose WIT is read.
const PINNED: &str = "48.0.8";

/// Everything the linker offers; `src/linker.rs` adds further names of drafts.  The newest 0.2.x
/// serves every older importer; drafts and packages without a version match their own name only.
const WORLD: &str = "
package writ:engine;
world offered {
  include wasi:cli/imports@0.2.12;
  include wasi:http/imports@0.2.12;
  include wasi:keyvalue/imports@0.2.0-draft;
  include wasi:keyvalue/imports@0.2.0-draft2;
  include wasi:config/imports@0.2.0-rc.1;
  include wasi:blobstore/imports;
  include wasi:logging/imports;
  include writ:client/imports@0.1.0;
  include writ:tools/imports@0.1.0;
}";

/// Packages without a version that also go by one (`src/linker.rs` registers them).
const SECOND_NAMES: &[(&str, &str)] = &[
    ("wasi:blobstore/", "@0.2.0-draft"),
    ("wasi:logging/", "@0.1.0-draft"),
];

/// Functions that may have to wait.  A whole interface counts for each of its functions.
const WAITING: &[&str] = &[
    "wasi:io/poll.poll",
    "wasi:io/poll.[method]pollable.block",
    "wasi:io/streams.[method]input-stream.blocking-read",
    "wasi:io/streams.[method]input-stream.blocking-skip",
    "wasi:io/streams.[method]output-stream.blocking-write-and-flush",
    "wasi:io/streams.[method]output-stream.blocking-flush",
    "wasi:io/streams.[method]output-stream.blocking-write-zeroes-and-flush",
    "wasi:io/streams.[method]output-stream.blocking-splice",
    "wasi:filesystem/types.[method]descriptor.advise",
    "wasi:filesystem/types.[method]descriptor.sync-data",
    "wasi:filesystem/types.[method]descriptor.set-size",
    "wasi:filesystem/types.[method]descriptor.set-times",
    "wasi:filesystem/types.[method]descriptor.read",
    "wasi:filesystem/types.[method]descriptor.write",
    "wasi:filesystem/types.[method]descriptor.read-directory",
    "wasi:filesystem/types.[method]descriptor.sync",
    "wasi:filesystem/types.[method]descriptor.create-directory-at",
    "wasi:filesystem/types.[method]descriptor.stat",
    "wasi:filesystem/types.[method]descriptor.stat-at",
    "wasi:filesystem/types.[method]descriptor.set-times-at",
    "wasi:filesystem/types.[method]descriptor.link-at",
    "wasi:filesystem/types.[method]descriptor.open-at",
    "wasi:filesystem/types.[method]descriptor.readlink-at",
    "wasi:filesystem/types.[method]descriptor.remove-directory-at",
    "wasi:filesystem/types.[method]descriptor.rename-at",
    "wasi:filesystem/types.[method]descriptor.symlink-at",
    "wasi:filesystem/types.[method]descriptor.unlink-file-at",
    "wasi:filesystem/types.[method]descriptor.is-same-object",
    "wasi:filesystem/types.[method]descriptor.metadata-hash",
    "wasi:filesystem/types.[method]descriptor.metadata-hash-at",
    "wasi:filesystem/types.[method]directory-entry-stream.read-directory-entry",
    "wasi:sockets/udp.[method]udp-socket.stream",
    "wasi:sockets/udp.[method]outgoing-datagram-stream.send",
    "wasi:keyvalue/store",
    "wasi:keyvalue/atomics",
    "wasi:keyvalue/batch",
    "wasi:config/store",
    "wasi:blobstore/blobstore",
    "wasi:blobstore/container",
    "writ:client/elicit",
    "writ:client/sample",
    "writ:client/roots",
    "writ:client/gather",
    "writ:tools/spawn",
];

/// Resources and the Rust types that stand for them.
const RESOURCES: &[(&str, &str)] = &[
    ("wasi:io/error.error", "crate::stream::IoError"),
    ("wasi:io/poll.pollable", "crate::poll::Pollable"),
    ("wasi:io/streams.input-stream", "crate::stream::InStream"),
    ("wasi:io/streams.output-stream", "crate::stream::OutStream"),
    (
        "wasi:cli/terminal-input.terminal-input",
        "crate::state::Never",
    ),
    (
        "wasi:cli/terminal-output.terminal-output",
        "crate::state::Never",
    ),
    (
        "wasi:filesystem/types.descriptor",
        "crate::wasi::filesystem::Descriptor",
    ),
    (
        "wasi:filesystem/types.directory-entry-stream",
        "crate::wasi::filesystem::DirStream",
    ),
    (
        "wasi:sockets/network.network",
        "crate::wasi::sockets::Network",
    ),
    (
        "wasi:sockets/tcp.tcp-socket",
        "crate::wasi::sockets::tcp::TcpSocket",
    ),
    (
        "wasi:sockets/udp.udp-socket",
        "crate::wasi::sockets::udp::UdpSocket",
    ),
    (
        "wasi:sockets/udp.incoming-datagram-stream",
        "crate::wasi::sockets::udp::GramsIn",
    ),
    (
        "wasi:sockets/udp.outgoing-datagram-stream",
        "crate::wasi::sockets::udp::GramsOut",
    ),
    (
        "wasi:sockets/ip-name-lookup.resolve-address-stream",
        "crate::wasi::sockets::Lookup",
    ),
    ("wasi:http/types.fields", "crate::fields::Fields"),
    (
        "wasi:http/types.incoming-request",
        "crate::wasi::http::InRequest",
    ),
    (
        "wasi:http/types.outgoing-request",
        "crate::wasi::http::OutRequest",
    ),
    (
        "wasi:http/types.request-options",
        "crate::wasi::http::RequestOptions",
    ),
    (
        "wasi:http/types.response-outparam",
        "crate::wasi::http::Outparam",
    ),
    (
        "wasi:http/types.incoming-response",
        "crate::wasi::http::InResponse",
    ),
    ("wasi:http/types.incoming-body", "crate::wasi::http::InBody"),
    ("wasi:http/types.future-trailers", "crate::http::Trailers"),
    (
        "wasi:http/types.outgoing-response",
        "crate::wasi::http::OutResponse",
    ),
    (
        "wasi:http/types.outgoing-body",
        "crate::wasi::http::OutBody",
    ),
    (
        "wasi:http/types.future-incoming-response",
        "crate::http::FutureResponse",
    ),
    (
        "wasi:keyvalue/store@0.2.0-draft.bucket",
        "crate::state::Never",
    ),
    (
        "wasi:keyvalue/store@0.2.0-draft2.bucket",
        "crate::state::Never",
    ),
    (
        "wasi:keyvalue/atomics@0.2.0-draft2.cas",
        "crate::state::Never",
    ),
    (
        "wasi:blobstore/types.outgoing-value",
        "crate::wasi::blobstore::OutValue",
    ),
    ("wasi:blobstore/types.incoming-value", "crate::state::Never"),
    ("wasi:blobstore/container.container", "crate::state::Never"),
    (
        "wasi:blobstore/container.stream-object-names",
        "crate::state::Never",
    ),
];

/// Error types of WIT that a host function may replace by a trap.
const ERRORS: &[(&str, &str)] = &[
    ("wasi:io/streams.stream-error", "crate::stream::StreamErr"),
    (
        "wasi:filesystem/types.error-code",
        "crate::wasi::filesystem::FsErr",
    ),
];

fn main() -> Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=wit_text.rs");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut resolve = Resolve::default();
    push_wit(&mut resolve, &here)?;
    let world = resolve
        .push_str("offered.wit", WORLD)
        .and_then(|package| resolve.select_world(&[package], Some("offered")))?;
    fs::write(out.join("offered.rs"), offered(&resolve, world))?;
    let code = options().generate(&mut resolve, world)?;
    fs::write(out.join("bindings.rs"), code)?;
    Ok(())
}

/// The interfaces of the world and their functions as a Rust table.
fn offered(resolve: &Resolve, world: WorldId) -> String {
    let mut rows = Vec::new();
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else {
            continue;
        };
        let functions: String = resolve.interfaces[*id]
            .functions
            .values()
            .map(|f| format!("({:?}, {:?}), ", f.name, wit_text::function(resolve, f)))
            .collect();
        let name = resolve.name_world_key(key);
        for (of, version) in SECOND_NAMES {
            if name.starts_with(of) {
                rows.push(format!(
                    "({:?}, &[{functions}]),",
                    format!("{name}{version}")
                ));
            }
        }
        rows.push(format!("({name:?}, &[{functions}]),"));
    }
    format!(
        "/// Interfaces that the linker offers, with their functions in WIT syntax.\n\
         pub const OFFERED: &[(&str, &[(&str, &str)])] = &[\n{}\n];\n",
        rows.join("\n")
    )
}

/// Load every package: the crates' first, then ours.
fn push_wit(resolve: &mut Resolve, here: &Path) -> Result<()> {
    let meta = metadata(here)?;
    for (name, wit) in [
        ("wasmtime-wasi-http", "wit"),
        ("wasmtime-wasi-keyvalue", "wit"),
        ("wasmtime-wasi-config", "wit"),
    ] {
        resolve
            .push_path(crate_dir(&meta, name)?.join(wit))
            .with_context(|| format!("the WIT of {name}"))?;
    }
    let ours = here.join("../wit");
    println!("cargo:rerun-if-changed={}", ours.display());
    for file in [
        "keyvalue.wit",
        "blobstore.wit",
        "logging.wit",
        "client.wit",
        "tools.wit",
    ] {
        resolve
            .push_path(ours.join(file))
            .with_context(|| file.to_string())?;
    }
    Ok(())
}

fn options() -> Opts {
    let flags = FunctionFlags::TRAPPABLE;
    let mut imports = FunctionConfig::new();
    for name in WAITING {
        imports.push(
            FunctionFilter::Name(name.to_string()),
            flags | FunctionFlags::ASYNC,
        );
    }
    imports.push(FunctionFilter::Default, flags);
    let with = RESOURCES
        .iter()
        .map(|(wit, rust)| (wit.to_string(), rust.to_string()))
        .collect::<HashMap<_, _>>();
    Opts {
        imports,
        with,
        trappable_error_type: ERRORS
            .iter()
            .map(|(wit, rust)| TrappableError {
                wit_path: wit.to_string(),
                rust_type_name: rust.to_string(),
            })
            .collect(),
        ..Default::default()
    }
}

/// What cargo knows of the locked packages.  The WIT crates belong to no platform, so a build
/// alone does not download them; asking for the metadata does.
fn metadata(here: &Path) -> Result<serde_json::Value> {
    let ask = |offline: bool| -> Result<std::process::Output> {
        let mut cargo = Command::new(env::var("CARGO")?);
        cargo.args(["metadata", "--format-version=1", "--locked"]);
        if offline {
            cargo.arg("--offline");
        }
        cargo.arg("--manifest-path").arg(here.join("Cargo.toml"));
        Ok(cargo.output()?)
    };
    let mut out = ask(true)?;
    if !out.status.success() {
        out = ask(false)?;
    }
    if !out.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    }
    Ok(serde_json::from_slice(&out.stdout)?)
}

fn crate_dir(meta: &serde_json::Value, name: &str) -> Result<PathBuf> {
    let packages = meta["packages"].as_array().context("no packages")?;
    packages
        .iter()
        .find(|p| p["name"] == name && p["version"] == PINNED)
        .and_then(|p| p["manifest_path"].as_str())
        .and_then(|path| Path::new(path).parent())
        .map(PathBuf::from)
        .with_context(|| format!("{name} {PINNED} is not locked"))
}
