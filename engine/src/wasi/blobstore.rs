//! wasi:blobstore in its void form: no container exists, none can be made.

use crate::bindings::wasi::blobstore::{blobstore, container, types};
use crate::http::Body;
use crate::state::{Never, State};
use crate::stream::{InStream, OutStream};
use std::sync::Arc;
use types::ObjectId;
use wasmtime::Result;
use wasmtime::component::Resource;

/// `wasi:blobstore/types.outgoing-value`: takes bytes that will go nowhere.
pub struct OutValue {
    body: Arc<Body>,
    taken: bool,
}

type This = Resource<Never>;
type Value = Resource<OutValue>;
type Answer<T> = std::result::Result<T, String>;

impl State {
    fn no_blobs<T>(&self, op: &str, target: &str) -> Result<Answer<T>> {
        self.ports.refused(c"blobs", op, target);
        Ok(Err("access denied".to_string()))
    }
}

impl types::Host for State {}

impl types::HostOutgoingValue for State {
    fn new_outgoing_value(&mut self) -> Result<Value> {
        let body = Body::nowhere(&self.keeper);
        self.push(OutValue { body, taken: false })
    }

    fn outgoing_value_write_body(
        &mut self,
        this: Value,
    ) -> Result<std::result::Result<Resource<OutStream>, ()>> {
        let value = self.table.get_mut(&this)?;
        if std::mem::replace(&mut value.taken, true) {
            return Ok(Err(()));
        }
        let stream = OutStream::body(value.body.clone());
        Ok(Ok(self.push_child(stream, &this)?))
    }

    fn finish(&mut self, this: Value) -> Result<Answer<()>> {
        self.table.delete(this)?;
        Ok(Ok(()))
    }

    fn drop(&mut self, this: Value) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostIncomingValue for State {
    fn incoming_value_consume_sync(&mut self, this: This) -> Result<Answer<Vec<u8>>> {
        self.never(&this)
    }

    fn incoming_value_consume_async(&mut self, this: This) -> Result<Answer<Resource<InStream>>> {
        self.never(&this)
    }

    fn size(&mut self, this: This) -> Result<u64> {
        self.never(&this)
    }

    fn drop(&mut self, this: This) -> Result<()> {
        self.drop_never(this)
    }
}

/// Methods of a resource that never exists.
macro_rules! never {
    ($($name:ident($($t:ty),*) -> $ret:ty;)*) => {
        $(async fn $name(&mut self, this: This $(, _: $t)*) -> Result<Answer<$ret>> {
            self.never(&this)
        })*

        async fn drop(&mut self, this: This) -> Result<()> {
            self.drop_never(this)
        }
    };
}

impl container::Host for State {}

impl container::HostContainer for State {
    never! {
        name() -> String;
        info() -> types::ContainerMetadata;
        get_data(String, u64, u64) -> This;
        write_data(String, Value) -> ();
        list_objects() -> This;
        delete_object(String) -> ();
        delete_objects(Vec<String>) -> ();
        has_object(String) -> bool;
        object_info(String) -> types::ObjectMetadata;
        clear() -> ();
    }
}

impl container::HostStreamObjectNames for State {
    never! {
        read_stream_object_names(u64) -> (Vec<String>, bool);
        skip_stream_object_names(u64) -> (u64, bool);
    }
}

impl blobstore::Host for State {
    async fn create_container(&mut self, name: String) -> Result<Answer<This>> {
        self.no_blobs("create-container", &name)
    }

    async fn get_container(&mut self, name: String) -> Result<Answer<This>> {
        self.no_blobs("get-container", &name)
    }

    async fn delete_container(&mut self, name: String) -> Result<Answer<()>> {
        self.no_blobs("delete-container", &name)
    }

    async fn container_exists(&mut self, name: String) -> Result<Answer<bool>> {
        self.ports.refused(c"blobs", "container-exists", &name);
        Ok(Ok(false))
    }

    async fn copy_object(&mut self, src: ObjectId, _: ObjectId) -> Result<Answer<()>> {
        self.no_blobs("copy-object", &src.container)
    }

    async fn move_object(&mut self, src: ObjectId, _: ObjectId) -> Result<Answer<()>> {
        self.no_blobs("move-object", &src.container)
    }
}
