//! wasi:logging: lines to the session's log.

use crate::bindings::wasi::logging::logging;
use crate::state::State;
use wasmtime::Result;

impl logging::Host for State {
    fn log(&mut self, level: logging::Level, context: String, message: String) -> Result<()> {
        self.ports.log(level as u32, &context, &message);
        Ok(())
    }
}
