//! What the host keeps for one instance outside its memory: fields, parts of requests, bytes of
//! bodies that are not on their way yet.  Handles alone do not bound it.

use crate::state::limit;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasmtime::Result;

/// Bytes of one instance.
const KEPT_MAX: usize = 32 * 1024 * 1024;

/// The sum of one instance.
#[derive(Clone, Default)]
pub struct Keeper(Arc<AtomicUsize>);

impl Keeper {
    pub fn nothing(&self) -> Kept {
        Kept {
            keeper: self.clone(),
            bytes: 0,
        }
    }

    /// What weighs `bytes`; beyond the bound the call ends.
    pub fn keep(&self, bytes: usize) -> Result<Kept> {
        let mut kept = self.nothing();
        kept.weigh(bytes)?;
        Ok(kept)
    }
}

/// One thing of the sum, as long as it is there.
pub struct Kept {
    keeper: Keeper,
    bytes: usize,
}

impl Kept {
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    pub fn nothing(&mut self) {
        self.keeper.0.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }

    /// It weighs that much from now on.
    pub fn weigh(&mut self, bytes: usize) -> Result<()> {
        self.nothing();
        let before = self.keeper.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes = bytes;
        match before.saturating_add(bytes) > KEPT_MAX {
            true => Err(limit("memory")),
            false => Ok(()),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.nothing();
    }
}
