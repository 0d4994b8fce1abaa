//! A loaded component: code, checked against the void table, ready to be instantiated.

use crate::config::{self, EngineConfig};
use crate::linker;
use crate::state::State;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{Engine, Error, Result, Store};

/// Wasmtime with its linker, and a second one for components that do not fit the pool.
pub struct WritEngine {
    config: EngineConfig,
    main: Host,
    spare: OnceLock<Host>,
    /// The last number of a resource that was given out.
    handles: Arc<AtomicU64>,
}

struct Host {
    engine: Engine,
    linker: Linker<State>,
}

impl Host {
    fn new(engine: Engine) -> Result<Host> {
        let linker = linker::linker(&engine)?;
        Ok(Host { engine, linker })
    }
}

impl WritEngine {
    pub fn new(config: EngineConfig) -> Result<WritEngine> {
        let engine = match config.has_pool() {
            true => config::pooled(&config)?,
            false => config::on_demand(&config)?,
        };
        Ok(WritEngine {
            config,
            main: Host::new(engine)?,
            spare: OnceLock::new(),
            handles: Arc::default(),
        })
    }

    #[cfg(feature = "compile")]
    pub fn wasmtime(&self) -> &Engine {
        &self.main.engine
    }

    /// Atomic additions only: a signal handler may do it.
    pub fn tick(&self) {
        self.main.engine.increment_epoch();
        if let Some(spare) = self.spare.get() {
            spare.engine.increment_epoch();
        }
    }

    fn spare(&self) -> Result<&Host> {
        if self.spare.get().is_none() {
            let host = Host::new(config::on_demand(&self.config)?)?;
            let _ = self.spare.set(host);
        }
        self.spare
            .get()
            .ok_or_else(|| Error::msg("no engine without a pool"))
    }

    /// `read` makes a component of code for the engine it is given.
    pub fn load(&self, read: impl Fn(&Engine) -> Result<Component>) -> Result<Loaded, LoadError> {
        let (host, component) = match read(&self.main.engine) {
            Ok(component) => (&self.main, component),
            // The pool refuses what does not fit its slots; so does every engine what is broken.
            Err(first) if self.config.has_pool() => {
                let host = self.spare().map_err(LoadError::Code)?;
                let component = read(&host.engine).map_err(|_| LoadError::Code(first))?;
                (host, component)
            }
            Err(e) => return Err(LoadError::Code(e)),
        };
        let pre = match host.linker.instantiate_pre(&component) {
            Ok(pre) => pre,
            Err(e) => return Err(LoadError::Imports(unknown_imports(host, &component, e))),
        };
        let run = export(&component, &host.engine, "wasi:cli/run", "run");
        let handler = "wasi:http/incoming-handler";
        let handle = export(&component, &host.engine, handler, "handle");
        Ok(Loaded {
            pre,
            run,
            handle,
            handles: self.handles.clone(),
        })
    }
}

pub enum LoadError {
    Code(Error),
    Imports(String),
}

pub struct Loaded {
    pub pre: InstancePre<State>,
    /// wasi:cli/run, if it is exported.
    pub run: Option<ComponentExportIndex>,
    /// wasi:http/incoming-handler, if it is exported.
    pub handle: Option<ComponentExportIndex>,
    pub handles: Arc<AtomicU64>,
}

/// Name everything that keeps the component from linking.
fn unknown_imports(host: &Host, component: &Component, first: Error) -> String {
    let ty = component.component_type();
    let missing: Vec<&str> = ty
        .imports(&host.engine)
        .map(|(name, _)| name)
        .filter(|name| linker::resolve(name).is_none())
        .collect();
    match missing.is_empty() {
        true => format!("an import does not have the type that is offered: {first:#}"),
        false => format!("imports outside the void table: {}", missing.join(", ")),
    }
}

/// The function of an exported interface, of any 0.2.x.
fn export(
    component: &Component,
    engine: &Engine,
    interface: &str,
    function: &str,
) -> Option<ComponentExportIndex> {
    let ty = component.component_type();
    let name = ty.exports(engine).map(|(name, _)| name).find(|name| {
        name.strip_prefix(interface)
            .is_some_and(|v| v.starts_with("@0.2."))
    })?;
    let instance = component.get_export_index(None, name)?;
    component.get_export_index(Some(&instance), function)
}

/// A store whose guest yields at each tick.
pub fn new_store(engine: &Engine, state: State) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.meter);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}
