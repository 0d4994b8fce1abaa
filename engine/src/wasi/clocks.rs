//! wasi:clocks: monotonic and wall.

use crate::bindings::wasi::clocks::{monotonic_clock, wall_clock};
use crate::poll::Pollable;
use crate::ports::Time;
use crate::state::State;
use wasmtime::Result;
use wasmtime::component::Resource;

impl monotonic_clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(self.ports.mono_now())
    }

    fn resolution(&mut self) -> Result<u64> {
        Ok(self.ports.mono_resolution())
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<Pollable>> {
        self.push(Pollable::At(when))
    }

    fn subscribe_duration(&mut self, duration: u64) -> Result<Resource<Pollable>> {
        let deadline = self.ports.mono_now().saturating_add(duration);
        self.push(Pollable::At(deadline))
    }
}

/// WASI 0.2 knows no time before 1970.
pub fn datetime(t: Time) -> wall_clock::Datetime {
    wall_clock::Datetime {
        seconds: u64::try_from(t.s).unwrap_or(0),
        nanoseconds: if t.s < 0 { 0 } else { t.ns.min(999_999_999) },
    }
}

impl wall_clock::Host for State {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(self.ports.wall_now()))
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        Ok(datetime(self.ports.wall_resolution()))
    }
}
