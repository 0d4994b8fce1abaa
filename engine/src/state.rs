//! What a store carries: the ports, the table of handles, the meter of memory.

use crate::http::Body;
use crate::kept::Keeper;
use crate::ports::Ports;
use crate::stream::Stdin;
use crate::wasi::filesystem::Seen;
use std::fmt;
use std::sync::Arc;
use wasmtime::component::{HasData, Resource, ResourceTable, ResourceTableError};
use wasmtime::{Error, ResourceLimiter, Result};

/// A resource that never exists: what a void interface would hand out.
pub enum Never {}

/// The guest asked to exit.
#[derive(Debug)]
pub struct Exit(pub u8);

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "exit {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// A limit ended the call; the name is the one that engine.h lists.
#[derive(Debug)]
pub struct Limit(pub &'static str);

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "the limit of {} is reached", self.0)
    }
}

impl std::error::Error for Limit {}

/// An error that ends the call at this limit.
pub fn limit(name: &'static str) -> Error {
    Error::new(Limit(name))
}

/// The memory of one instance: all linear memories and tables together.
pub struct Meter {
    max: u64,
    used: u64,
    pub peak: u64,
    pub refused: bool,
}

/// What one table element costs.
const ELEMENT_BYTES: u64 = 16;

impl Meter {
    pub fn new(max: u64) -> Meter {
        Meter {
            max,
            used: 0,
            peak: 0,
            refused: false,
        }
    }

    fn grow(&mut self, now: usize, want: usize, max: Option<usize>, unit: u64) -> bool {
        let more = (want.saturating_sub(now) as u64).saturating_mul(unit);
        match self.used.checked_add(more) {
            // More than the type itself allows: not this limit's doing.
            _ if max.is_some_and(|max| want > max) => false,
            Some(used) if used <= self.max => {
                self.used = used;
                self.peak = self.peak.max(used);
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }

    /// The system had no memory, unless the memory's own maximum was exceeded.
    fn failed(&mut self, e: &Error) {
        self.refused |= !e.to_string().contains("exceed");
    }
}

/// A growth that is approved and then fails stays counted: the failure does not say what was
/// approved before it, and a guest must not be able to give back what it keeps.
impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, now: usize, want: usize, max: Option<usize>) -> Result<bool> {
        Ok(self.grow(now, want, max, 1))
    }

    fn memory_grow_failed(&mut self, e: Error) -> Result<()> {
        self.failed(&e);
        Ok(())
    }

    fn table_growing(&mut self, now: usize, want: usize, max: Option<usize>) -> Result<bool> {
        Ok(self.grow(now, want, max, ELEMENT_BYTES))
    }

    fn table_grow_failed(&mut self, e: Error) -> Result<()> {
        self.failed(&e);
        Ok(())
    }
}

/// Bodies after which those that are over are left out.
const SENDING_SEEN: usize = 64;

pub struct State {
    pub ports: Ports,
    pub table: ResourceTable,
    pub meter: Meter,
    pub stdin: Stdin,
    pub seen: Option<Seen>,
    /// Bodies of messages that may not have left yet.
    pub sending: Vec<Arc<Body>>,
    pub keeper: Keeper,
}

impl State {
    pub fn new(ports: Ports, memory: u64, handles: u64) -> State {
        let mut table = ResourceTable::new();
        table.set_max_capacity(usize::try_from(handles).unwrap_or(usize::MAX));
        State {
            ports,
            table,
            meter: Meter::new(memory),
            stdin: Stdin::default(),
            seen: None,
            sending: Vec::new(),
            keeper: Keeper::default(),
        }
    }

    pub fn push<T: Send + 'static>(&mut self, entry: T) -> Result<Resource<T>> {
        self.table.push(entry).map_err(table_error)
    }

    pub fn push_child<T: Send + 'static, U: 'static>(
        &mut self,
        entry: T,
        parent: &Resource<U>,
    ) -> Result<Resource<T>> {
        self.table.push_child(entry, parent).map_err(table_error)
    }

    /// A body that may have to be moved on.
    pub fn send_body(&mut self, body: Arc<Body>) {
        if self.sending.len() >= SENDING_SEEN {
            self.sending.retain(|body| !body.is_gone());
        }
        self.sending.push(body);
    }

    /// Move on what was written before its message was on its way.
    pub fn move_on(&mut self) {
        self.sending.retain(|body| !body.pump());
    }

    /// Use a resource of a kind that cannot exist: the handle is wrong, the guest traps.
    pub fn never<T>(&self, resource: &Resource<Never>) -> Result<T> {
        match *self.table.get(resource)? {}
    }

    pub fn drop_never(&mut self, resource: Resource<Never>) -> Result<()> {
        match self.table.delete(resource)? {}
    }
}

fn table_error(e: ResourceTableError) -> Error {
    match e {
        ResourceTableError::Full => limit("handles"),
        e => e.into(),
    }
}

/// Ties the generated traits to `State`.
pub struct Has;

impl HasData for Has {
    type Data<'a> = &'a mut State;
}
