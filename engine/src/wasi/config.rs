//! wasi:config: the values that the writ gives.

use crate::bindings::wasi::config::store;
use crate::state::State;
use wasmtime::Result;

impl store::Host for State {
    async fn get(
        &mut self,
        key: String,
    ) -> Result<std::result::Result<Option<String>, store::Error>> {
        let found = self.ports.config().into_iter().find(|(k, _)| *k == key);
        Ok(Ok(found.map(|(_, value)| value)))
    }

    async fn get_all(
        &mut self,
    ) -> Result<std::result::Result<Vec<(String, String)>, store::Error>> {
        Ok(Ok(self.ports.config()))
    }
}
