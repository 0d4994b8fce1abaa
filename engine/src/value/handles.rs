//! Resources that an instance has given out, by number.  No number is used twice under one engine,
//! so what another instance was given means nothing here.

use super::Bad;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::{ResourceAny, ResourceType};

/// `WRIT_VALUE_HANDLES_MAX`.
const HANDLES_MAX: usize = 1024;

#[derive(Default)]
pub struct Handles {
    next: Arc<AtomicU64>,
    held: BTreeMap<u64, ResourceAny>,
}

/// Handles that one call's arguments use.
#[derive(Default)]
pub struct Used {
    taken: Vec<u64>,
    lent: Vec<u64>,
}

impl Handles {
    pub fn new(next: Arc<AtomicU64>) -> Handles {
        let held = BTreeMap::new();
        Handles { next, held }
    }

    pub fn put(&mut self, resource: ResourceAny) -> Option<u64> {
        if self.held.len() >= HANDLES_MAX {
            return None;
        }
        let n = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        self.held.insert(n, resource);
        Some(n)
    }

    /// The resource for an argument: to be given away (`own`) or lent.
    pub fn find(
        &self,
        n: u64,
        ty: ResourceType,
        own: bool,
        used: &mut Used,
    ) -> Result<ResourceAny, String> {
        let Some(resource) = self.held.get(&n) else {
            return Err(format!("no handle {n} in this session"));
        };
        if resource.ty() != ty {
            return Err(format!("handle {n} is of another resource"));
        }
        if used.taken.contains(&n) || own && used.lent.contains(&n) {
            return Err(format!("handle {n} is given away and used again"));
        }
        match own {
            true => used.taken.push(n),
            false => used.lent.push(n),
        }
        Ok(*resource)
    }

    /// The call takes place: what was given away is gone.
    pub fn give(&mut self, used: &Used) {
        for n in &used.taken {
            self.held.remove(n);
        }
    }
}

impl Used {
    /// A bound on the search above.
    pub fn check(&self) -> Result<(), Bad> {
        match self.taken.len() + self.lent.len() <= HANDLES_MAX {
            true => Ok(()),
            false => Err(Bad::Limit(format!(
                "more than {HANDLES_MAX} handles in one call"
            ))),
        }
    }
}
