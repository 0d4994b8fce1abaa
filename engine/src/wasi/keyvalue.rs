//! wasi:keyvalue, both drafts, in its void form: no bucket opens.

use crate::bindings::wasi::keyvalue0_2_0_draft as draft;
use crate::bindings::wasi::keyvalue0_2_0_draft2 as draft2;
use crate::state::{Never, State};
use wasmtime::Result;
use wasmtime::component::Resource;

type This = Resource<Never>;
type Pairs = Vec<(String, Vec<u8>)>;

/// The functions that both drafts share; each names a bucket, and there is none.
macro_rules! void {
    ($draft:ident, $cursor:ty) => {
        impl $draft::store::Host for State {
            async fn open(
                &mut self,
                name: String,
            ) -> Result<std::result::Result<This, $draft::store::Error>> {
                self.ports.refused(c"keyvalue", "open", &name);
                Ok(Err($draft::store::Error::AccessDenied))
            }
        }

        impl $draft::store::HostBucket for State {
            async fn get(
                &mut self,
                this: This,
                _: String,
            ) -> Result<std::result::Result<Option<Vec<u8>>, $draft::store::Error>> {
                self.never(&this)
            }

            async fn set(
                &mut self,
                this: This,
                _: String,
                _: Vec<u8>,
            ) -> Result<std::result::Result<(), $draft::store::Error>> {
                self.never(&this)
            }

            async fn delete(
                &mut self,
                this: This,
                _: String,
            ) -> Result<std::result::Result<(), $draft::store::Error>> {
                self.never(&this)
            }

            async fn exists(
                &mut self,
                this: This,
                _: String,
            ) -> Result<std::result::Result<bool, $draft::store::Error>> {
                self.never(&this)
            }

            async fn list_keys(
                &mut self,
                this: This,
                _: Option<$cursor>,
            ) -> Result<std::result::Result<$draft::store::KeyResponse, $draft::store::Error>> {
                self.never(&this)
            }

            async fn drop(&mut self, this: This) -> Result<()> {
                self.drop_never(this)
            }
        }

        impl $draft::batch::Host for State {
            async fn get_many(
                &mut self,
                bucket: This,
                _: Vec<String>,
            ) -> Result<std::result::Result<Vec<Option<(String, Vec<u8>)>>, $draft::store::Error>>
            {
                self.never(&bucket)
            }

            async fn set_many(
                &mut self,
                bucket: This,
                _: Pairs,
            ) -> Result<std::result::Result<(), $draft::store::Error>> {
                self.never(&bucket)
            }

            async fn delete_many(
                &mut self,
                bucket: This,
                _: Vec<String>,
            ) -> Result<std::result::Result<(), $draft::store::Error>> {
                self.never(&bucket)
            }
        }
    };
}

void!(draft, u64);
void!(draft2, String);

impl draft::atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: This,
        _: String,
        _: u64,
    ) -> Result<std::result::Result<u64, draft::store::Error>> {
        self.never(&bucket)
    }
}

impl draft2::atomics::Host for State {
    async fn increment(
        &mut self,
        bucket: This,
        _: String,
        _: i64,
    ) -> Result<std::result::Result<i64, draft2::store::Error>> {
        self.never(&bucket)
    }

    async fn swap(
        &mut self,
        cas: This,
        _: Vec<u8>,
    ) -> Result<std::result::Result<(), draft2::atomics::CasError>> {
        self.never(&cas)
    }
}

impl draft2::atomics::HostCas for State {
    async fn new(
        &mut self,
        bucket: This,
        _: String,
    ) -> Result<std::result::Result<This, draft2::store::Error>> {
        self.never(&bucket)
    }

    async fn new_with_read(
        &mut self,
        bucket: This,
        _: String,
    ) -> Result<std::result::Result<(This, Option<Vec<u8>>), draft2::store::Error>> {
        self.never(&bucket)
    }

    async fn drop(&mut self, this: This) -> Result<()> {
        self.drop_never(this)
    }
}
