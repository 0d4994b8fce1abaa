//! wasi:io: errors, polling, streams.

use crate::bindings::wasi::io::{error, poll, streams};
use crate::poll::Pollable;
use crate::state::State;
use crate::stream::{BLOCKING_MAX, InStream, IoError, OutStream, StreamErr, StreamResult};
use wasmtime::component::Resource;
use wasmtime::{Result, format_err};

impl error::Host for State {}

impl error::HostError for State {
    fn to_debug_string(&mut self, error: Resource<IoError>) -> Result<String> {
        Ok(self.table.get(&error)?.text.clone())
    }

    fn drop(&mut self, error: Resource<IoError>) -> Result<()> {
        self.table.delete(error)?;
        Ok(())
    }
}

impl poll::Host for State {
    async fn poll(&mut self, list: Vec<Resource<Pollable>>) -> Result<Vec<u32>> {
        self.wait_any(&list).await
    }
}

impl poll::HostPollable for State {
    fn ready(&mut self, pollable: Resource<Pollable>) -> Result<bool> {
        self.is_ready(&pollable)
    }

    async fn block(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.wait_any(&[pollable]).await?;
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<Pollable>) -> Result<()> {
        self.table.delete(pollable)?;
        Ok(())
    }
}

impl streams::Host for State {
    fn convert_stream_error(&mut self, e: StreamErr) -> Result<streams::StreamError> {
        match e {
            StreamErr::Closed => Ok(streams::StreamError::Closed),
            StreamErr::Failed(e) => Ok(streams::StreamError::LastOperationFailed(self.push(e)?)),
            StreamErr::Trap(e) => Err(e),
        }
    }
}

impl streams::HostInputStream for State {
    fn read(&mut self, stream: Resource<InStream>, len: u64) -> StreamResult<Vec<u8>> {
        let stream = self.table.get_mut(&stream)?;
        stream.read(&self.ports, &mut self.stdin, len)
    }

    async fn blocking_read(
        &mut self,
        stream: Resource<InStream>,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        let stream = self.table.get_mut(&stream)?;
        stream
            .blocking_read(&self.ports, &mut self.stdin, len)
            .await
    }

    fn skip(&mut self, stream: Resource<InStream>, len: u64) -> StreamResult<u64> {
        Ok(self.read(stream, len)?.len() as u64)
    }

    async fn blocking_skip(&mut self, stream: Resource<InStream>, len: u64) -> StreamResult<u64> {
        Ok(self.blocking_read(stream, len).await?.len() as u64)
    }

    fn subscribe(&mut self, stream: Resource<InStream>) -> Result<Resource<Pollable>> {
        self.table.get(&stream)?;
        self.push_child(Pollable::In(stream.rep()), &stream)
    }

    fn drop(&mut self, stream: Resource<InStream>) -> Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}

/// The longest of the writes that wait.
fn check_blocking(len: u64) -> StreamResult<()> {
    match len <= BLOCKING_MAX {
        true => Ok(()),
        false => Err(StreamErr::Trap(format_err!(
            "a blocking write of {len} bytes, more than {BLOCKING_MAX}"
        ))),
    }
}

impl streams::HostOutputStream for State {
    fn check_write(&mut self, stream: Resource<OutStream>) -> StreamResult<u64> {
        self.table.get_mut(&stream)?.check_write(&self.ports)
    }

    fn write(&mut self, stream: Resource<OutStream>, bytes: Vec<u8>) -> StreamResult<()> {
        self.table.get_mut(&stream)?.write(&self.ports, bytes)
    }

    async fn blocking_write_and_flush(
        &mut self,
        stream: Resource<OutStream>,
        bytes: Vec<u8>,
    ) -> StreamResult<()> {
        check_blocking(bytes.len() as u64)?;
        let stream = self.table.get_mut(&stream)?;
        stream.blocking_write_and_flush(&self.ports, bytes).await
    }

    fn flush(&mut self, stream: Resource<OutStream>) -> StreamResult<()> {
        self.table.get_mut(&stream)?.flush()
    }

    async fn blocking_flush(&mut self, stream: Resource<OutStream>) -> StreamResult<()> {
        let stream = self.table.get_mut(&stream)?;
        stream.blocking_flush(&self.ports).await
    }

    fn subscribe(&mut self, stream: Resource<OutStream>) -> Result<Resource<Pollable>> {
        self.table.get(&stream)?;
        self.push_child(Pollable::Out(stream.rep()), &stream)
    }

    fn write_zeroes(&mut self, stream: Resource<OutStream>, len: u64) -> StreamResult<()> {
        let stream = self.table.get_mut(&stream)?;
        stream.check_permit(len)?;
        stream.write(&self.ports, vec![0; len as usize])
    }

    async fn blocking_write_zeroes_and_flush(
        &mut self,
        stream: Resource<OutStream>,
        len: u64,
    ) -> StreamResult<()> {
        check_blocking(len)?;
        let stream = self.table.get_mut(&stream)?;
        let zeroes = vec![0; len as usize];
        stream.blocking_write_and_flush(&self.ports, zeroes).await
    }

    fn splice(
        &mut self,
        stream: Resource<OutStream>,
        from: Resource<InStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let out = self.table.get_mut(&stream)?;
        let len = out.check_write(&self.ports)?.min(len);
        if len == 0 {
            self.table.get(&from)?;
            return Ok(0);
        }
        let input = self.table.get_mut(&from)?;
        let bytes = input.read(&self.ports, &mut self.stdin, len)?;
        let n = bytes.len() as u64;
        if n > 0 {
            self.table.get_mut(&stream)?.write(&self.ports, bytes)?;
        }
        Ok(n)
    }

    async fn blocking_splice(
        &mut self,
        stream: Resource<OutStream>,
        from: Resource<InStream>,
        len: u64,
    ) -> StreamResult<u64> {
        let out = self.table.get_mut(&stream)?;
        let len = out.wait_room(&self.ports).await?.min(len);
        let input = self.table.get_mut(&from)?;
        let bytes = input
            .blocking_read(&self.ports, &mut self.stdin, len)
            .await?;
        let n = bytes.len() as u64;
        if n > 0 {
            let out = self.table.get_mut(&stream)?;
            out.blocking_write_and_flush(&self.ports, bytes).await?;
        }
        Ok(n)
    }

    fn drop(&mut self, stream: Resource<OutStream>) -> Result<()> {
        self.table.delete(stream)?;
        Ok(())
    }
}
