//! wasi:random: secure, insecure and the seed; the port decides what each is.

use crate::bindings::wasi::random::{insecure, insecure_seed, random};
use crate::ports::{RANDOM_MAX, status};
use crate::state::State;
use wasmtime::{Result, bail};

impl State {
    fn fill(&self, insecure: bool, bytes: &mut [u8]) -> Result<()> {
        match self.ports.random(insecure, bytes) {
            status::OK => Ok(()),
            status::DENIED => bail!("random numbers are refused by the writ (random: trap)"),
            _ => bail!("no random numbers"),
        }
    }

    fn random_bytes(&self, insecure: bool, len: u64) -> Result<Vec<u8>> {
        if len > RANDOM_MAX {
            bail!("{len} random bytes asked for at once, more than {RANDOM_MAX}");
        }
        let mut bytes = vec![0; len as usize];
        self.fill(insecure, &mut bytes)?;
        Ok(bytes)
    }

    fn random_u64(&self, insecure: bool) -> Result<u64> {
        let mut bytes = [0; 8];
        self.fill(insecure, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl random::Host for State {
    fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(false, len)
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random_u64(false)
    }
}

impl insecure::Host for State {
    fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random_bytes(true, len)
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random_u64(true)
    }
}

impl insecure_seed::Host for State {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64(true)?, self.random_u64(true)?))
    }
}
