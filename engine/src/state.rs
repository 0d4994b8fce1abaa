//! What a store carries: the ports, the table of handles, the meter of memory.

use crate::ports::Ports;
use crate::stream::Stdin;
use std::fmt;
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
    last: u64,
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
            last: 0,
            peak: 0,
            refused: false,
        }
    }

    fn grow(&mut self, more: u64) -> bool {
        match self.used.checked_add(more) {
            Some(used) if used <= self.max => {
                self.used = used;
                self.last = more;
                self.peak = self.peak.max(used);
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }

    fn give_back(&mut self) {
        self.used -= self.last;
        self.last = 0;
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, now: usize, want: usize, _: Option<usize>) -> Result<bool> {
        Ok(self.grow(want.saturating_sub(now) as u64))
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.give_back();
        self.refused = true;
        Ok(())
    }

    fn table_growing(&mut self, now: usize, want: usize, _: Option<usize>) -> Result<bool> {
        let more = want.saturating_sub(now) as u64;
        Ok(self.grow(more.saturating_mul(ELEMENT_BYTES)))
    }

    fn table_grow_failed(&mut self, _: Error) -> Result<()> {
        self.give_back();
        self.refused = true;
        Ok(())
    }
}

pub struct State {
    pub ports: Ports,
    pub table: ResourceTable,
    pub meter: Meter,
    pub stdin: Stdin,
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
