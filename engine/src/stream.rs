//! Input and output streams over stdio, files and void bodies.
//!
//! A stream never hands a guest "ready" and then nothing: what a readiness check fetched is kept
//! in a buffer of the stream's own.  A request in flight owns its buffer (`ports::Call`).

use crate::bindings::wasi::filesystem::types::ErrorCode as FsCode;
use crate::bindings::wasi::http::types::ErrorCode as HttpCode;
use crate::http::{Body, Incoming};
use crate::ports::{Call, FsDone, FsOp, FsReq, HALF_IN, HALF_OUT, IO_MAX, Ports, Started, status};
use crate::state::limit;
use crate::wasi::filesystem::{Handle, fs_code};
use crate::wasi::sockets::{Sock, stream_error};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use wasmtime::component::ResourceTableError;
use wasmtime::{Error, format_err};

/// Bytes fetched when a guest asks whether a stream is ready.
pub const READ_AHEAD: usize = 16 * 1024;
/// `blocking-write-and-flush` takes no more.
pub const BLOCKING_MAX: u64 = 4096;

/// `wasi:io/error`.
pub struct IoError {
    pub text: String,
    pub fs: Option<FsCode>,
    pub http: Option<HttpCode>,
}

/// How a stream operation fails.
pub enum StreamErr {
    Closed,
    Failed(IoError),
    Trap(Error),
}

impl From<Error> for StreamErr {
    fn from(e: Error) -> StreamErr {
        StreamErr::Trap(e)
    }
}

impl From<ResourceTableError> for StreamErr {
    fn from(e: ResourceTableError) -> StreamErr {
        StreamErr::Trap(e.into())
    }
}

pub type StreamResult<T> = std::result::Result<T, StreamErr>;

/// A failed file operation as a stream error.
fn failed(st: u32) -> StreamErr {
    let code = fs_code(st);
    StreamErr::Failed(IoError {
        text: code.message().to_string(),
        fs: Some(code),
        http: None,
    })
}

/// Bytes that were fetched and not yet read.
#[derive(Default)]
pub struct Ahead {
    bytes: Vec<u8>,
    at: usize,
}

impl Ahead {
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub fn put(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
        self.at = 0;
    }

    /// At most `len` of the bytes.
    pub fn take(&mut self, len: usize) -> Vec<u8> {
        let left = self.bytes.len() - self.at;
        if self.at == 0 && len >= left {
            return std::mem::take(&mut self.bytes);
        }
        let n = len.min(left);
        let out = self.bytes[self.at..self.at + n].to_vec();
        self.at += n;
        if self.is_empty() {
            *self = Ahead::default();
        }
        out
    }
}

/// The one standard input behind every stream that `get-stdin` gives out.
#[derive(Default)]
pub struct Stdin {
    ahead: Ahead,
    closed: bool,
}

impl Stdin {
    fn ready(&mut self, ports: &Ports) -> bool {
        if self.closed || !self.ahead.is_empty() {
            return true;
        }
        match ports.stdin_read(READ_AHEAD) {
            Ok(bytes) => self.ahead.put(bytes),
            Err(status::AGAIN) => return false,
            Err(_) => self.closed = true,
        }
        true
    }

    fn read(&mut self, ports: &Ports, len: usize) -> StreamResult<Vec<u8>> {
        if !self.ahead.is_empty() {
            return Ok(self.ahead.take(len));
        }
        if self.closed {
            return Err(StreamErr::Closed);
        }
        if len == 0 {
            return Ok(Vec::new());
        }
        match ports.stdin_read(len) {
            Ok(bytes) => Ok(bytes),
            Err(status::AGAIN) => Ok(Vec::new()),
            Err(_) => {
                self.closed = true;
                Err(StreamErr::Closed)
            }
        }
    }
}

/// Reading a file from an offset on.
pub struct FileIn {
    file: Arc<Handle>,
    offset: u64,
    ahead: Ahead,
    /// The request in flight and the length it asked for.
    pending: Option<(Arc<Call>, usize)>,
    /// What the last request came to, if not bytes: told once, then the stream is closed.
    ended: Option<StreamErr>,
    closed: bool,
}

impl FileIn {
    fn start(&mut self, ports: &Ports, len: usize) -> Option<FsDone> {
        let mut req = FsReq::new(FsOp::Read, self.file.id);
        req.offset = self.offset;
        req.room = len;
        match ports.fs_start(req) {
            Started::Now(done) => Some(done),
            Started::Later(call) => {
                self.pending = Some((call, len));
                None
            }
        }
    }

    fn accept(&mut self, done: FsDone, len: usize) -> StreamResult<Vec<u8>> {
        match done.status {
            status::OK if done.count == 0 && len > 0 => Err(StreamErr::Closed),
            status::OK => {
                self.offset = self.offset.saturating_add(done.count as u64);
                Ok(done.buf)
            }
            st => {
                self.closed = true;
                Err(failed(st))
            }
        }
    }

    /// Whether the request in flight, if any, has finished; its bytes are then in `ahead`.
    fn settle(&mut self) -> bool {
        match self.pending.take() {
            Some((call, len)) if !call.is_finished() => {
                self.pending = Some((call, len));
                return false;
            }
            Some((call, len)) => match self.accept(call.take(), len) {
                Ok(bytes) => self.ahead.put(bytes),
                Err(e) => self.ended = Some(e),
            },
            None => {}
        }
        true
    }

    fn ready(&mut self, ports: &Ports) -> bool {
        if !self.settle() {
            return false;
        }
        if self.closed || self.ended.is_some() || !self.ahead.is_empty() {
            return true;
        }
        let Some(done) = self.start(ports, READ_AHEAD) else {
            return false;
        };
        match self.accept(done, READ_AHEAD) {
            Ok(bytes) => self.ahead.put(bytes),
            Err(e) => self.ended = Some(e),
        }
        true
    }

    fn read(&mut self, ports: &Ports, len: usize) -> StreamResult<Vec<u8>> {
        if !self.settle() {
            return Ok(Vec::new());
        }
        if let Some(e) = self.ended.take() {
            return Err(e);
        }
        if self.closed {
            return Err(StreamErr::Closed);
        }
        if !self.ahead.is_empty() {
            return Ok(self.ahead.take(len));
        }
        match self.start(ports, len) {
            Some(done) => self.accept(done, len),
            None => Ok(Vec::new()),
        }
    }
}

/// What a connected socket receives.
pub struct SockIn {
    sock: Arc<Sock>,
    ahead: Ahead,
    /// A failure found in passing: told once, then the stream is closed.
    ended: Option<StreamErr>,
    closed: bool,
}

impl SockIn {
    /// Bytes, none yet, or the end.
    fn fetch(&mut self, ports: &Ports, len: usize) -> StreamResult<Vec<u8>> {
        if self.closed || self.sock.is_shut(HALF_IN) {
            return Err(StreamErr::Closed);
        }
        match ports.sock_read(self.sock.id, len) {
            Ok(bytes) => Ok(bytes),
            Err(fault) => match stream_error(fault) {
                None => Ok(Vec::new()),
                Some(e) => {
                    self.closed = true;
                    Err(e)
                }
            },
        }
    }

    fn ready(&mut self, ports: &Ports) -> bool {
        if self.ended.is_some() || !self.ahead.is_empty() {
            return true;
        }
        match self.fetch(ports, READ_AHEAD) {
            Ok(bytes) if bytes.is_empty() => return false,
            Ok(bytes) => self.ahead.put(bytes),
            Err(e) => self.ended = Some(e),
        }
        true
    }

    fn read(&mut self, ports: &Ports, len: usize) -> StreamResult<Vec<u8>> {
        if self.sock.is_shut(HALF_IN) {
            return Err(StreamErr::Closed);
        }
        if !self.ahead.is_empty() {
            return Ok(self.ahead.take(len));
        }
        if let Some(e) = self.ended.take() {
            return Err(e);
        }
        match (len, self.closed) {
            (_, true) => Err(StreamErr::Closed),
            (0, false) => Ok(Vec::new()),
            _ => self.fetch(ports, len),
        }
    }
}

pub enum InStream {
    Stdin,
    File(FileIn),
    Sock(SockIn),
    Http(Arc<Incoming>),
}

impl InStream {
    pub fn file(file: Arc<Handle>, offset: u64) -> InStream {
        InStream::File(FileIn {
            file,
            offset,
            ahead: Ahead::default(),
            pending: None,
            ended: None,
            closed: false,
        })
    }

    pub fn sock(sock: Arc<Sock>) -> InStream {
        InStream::Sock(SockIn {
            sock,
            ahead: Ahead::default(),
            ended: None,
            closed: false,
        })
    }

    /// Whether a read now would say something: bytes, the end, or an error.
    pub fn ready(&mut self, ports: &Ports, stdin: &mut Stdin) -> bool {
        match self {
            InStream::Stdin => stdin.ready(ports),
            InStream::File(file) => file.ready(ports),
            InStream::Sock(sock) => sock.ready(ports),
            InStream::Http(body) => body.ready(),
        }
    }

    pub fn read(&mut self, ports: &Ports, stdin: &mut Stdin, len: u64) -> StreamResult<Vec<u8>> {
        let len = len.min(IO_MAX as u64) as usize;
        match self {
            InStream::Stdin => stdin.read(ports, len),
            InStream::File(file) => file.read(ports, len),
            InStream::Sock(sock) => sock.read(ports, len),
            InStream::Http(body) => body.read(len),
        }
    }

    pub async fn blocking_read(
        &mut self,
        ports: &Ports,
        stdin: &mut Stdin,
        len: u64,
    ) -> StreamResult<Vec<u8>> {
        if len > 0 {
            return poll_fn(|_| match self.read(ports, stdin, len) {
                Ok(bytes) if bytes.is_empty() => Poll::Pending,
                result => Poll::Ready(result),
            })
            .await;
        }
        // A read of nothing still asks whether reading is allowed.
        self.read(ports, stdin, 0)?;
        poll_fn(|_| match self {
            InStream::Stdin | InStream::Sock(_) | InStream::Http(_) => Poll::Ready(Ok(Vec::new())),
            InStream::File(file) => match file.settle() {
                true => Poll::Ready(file.ended.take().map_or(Ok(Vec::new()), Err)),
                false => Poll::Pending,
            },
        })
        .await
    }
}

/// Writing a file, at an offset or at its end.
pub struct FileOut {
    file: Arc<Handle>,
    offset: Option<u64>,
    pending: Option<Arc<Call>>,
    /// What was written while a request was in flight; a permit bounds it.
    queued: Vec<u8>,
}

impl FileOut {
    fn write(&mut self, ports: &Ports, bytes: Vec<u8>) -> StreamResult<()> {
        if self.pending.is_some() {
            self.queued.extend_from_slice(&bytes);
            return Ok(());
        }
        self.pump(ports, bytes)
    }

    /// Write all of `bytes` and what is queued; what cannot finish now goes on later.
    fn pump(&mut self, ports: &Ports, bytes: Vec<u8>) -> StreamResult<()> {
        let mut next = Some(bytes);
        while let Some(bytes) = next {
            let what = match self.offset {
                Some(_) => FsOp::Write,
                None => FsOp::Append,
            };
            let mut req = FsReq::new(what, self.file.id);
            req.offset = self.offset.unwrap_or(0);
            req.buf = bytes;
            next = match ports.fs_start(req) {
                Started::Later(call) => {
                    self.pending = Some(call);
                    None
                }
                Started::Now(done) => self.accept(done)?,
            };
        }
        Ok(())
    }

    /// What is left to write after `done`.
    fn accept(&mut self, mut done: FsDone) -> StreamResult<Option<Vec<u8>>> {
        if done.status != status::OK {
            return Err(failed(done.status));
        }
        if let Some(offset) = &mut self.offset {
            *offset = offset.saturating_add(done.count as u64);
        }
        if done.count < done.buf.len() {
            if done.count == 0 {
                return Err(failed(status::IO));
            }
            done.buf.drain(..done.count);
            return Ok(Some(done.buf));
        }
        match self.queued.is_empty() {
            true => Ok(None),
            false => Ok(Some(std::mem::take(&mut self.queued))),
        }
    }

    /// Whether nothing is in flight.
    fn settle(&mut self, ports: &Ports) -> StreamResult<bool> {
        match self.pending.take() {
            Some(call) if !call.is_finished() => self.pending = Some(call),
            Some(call) => {
                if let Some(rest) = self.accept(call.take())? {
                    self.pump(ports, rest)?;
                }
            }
            None => {}
        }
        Ok(self.pending.is_none())
    }
}

enum OutKind {
    Std(u32),
    File(FileOut),
    Body(Arc<Body>),
    Sock(Arc<Sock>),
}

pub struct OutStream {
    kind: OutKind,
    /// Bytes that the last `check-write` allowed and no write has used.
    permit: u64,
    /// A failure found in passing: told once, then the stream is closed.
    failed: Option<StreamErr>,
    closed: bool,
}

impl OutStream {
    fn new(kind: OutKind) -> OutStream {
        OutStream {
            kind,
            permit: 0,
            failed: None,
            closed: false,
        }
    }

    pub fn std(which: u32) -> OutStream {
        OutStream::new(OutKind::Std(which))
    }

    /// `offset`: none to append.
    pub fn file(file: Arc<Handle>, offset: Option<u64>) -> OutStream {
        OutStream::new(OutKind::File(FileOut {
            file,
            offset,
            pending: None,
            queued: Vec::new(),
        }))
    }

    pub fn body(body: Arc<Body>) -> OutStream {
        OutStream::new(OutKind::Body(body))
    }

    pub fn sock(sock: Arc<Sock>) -> OutStream {
        OutStream::new(OutKind::Sock(sock))
    }

    /// How many bytes a write takes now; 0: wait.
    fn room(&mut self, ports: &Ports) -> StreamResult<u64> {
        if let Some(e) = self.failed.take() {
            self.closed = true;
            return Err(e);
        }
        if self.closed {
            return Err(StreamErr::Closed);
        }
        let room = match &mut self.kind {
            OutKind::Std(which) => match ports.stdio_room(*which) {
                Ok(n) => Ok(n.min(IO_MAX) as u64),
                Err(status::AGAIN) => Ok(0),
                Err(st) => Err(stdio_error(st)),
            },
            OutKind::File(file) => match file.settle(ports) {
                Ok(true) => Ok(IO_MAX as u64),
                Ok(false) => Ok(0),
                Err(e) => Err(e),
            },
            OutKind::Sock(sock) if sock.is_shut(HALF_OUT) => Err(StreamErr::Closed),
            OutKind::Sock(sock) => match ports.sock_room(sock.id) {
                Ok(n) => Ok(n.min(IO_MAX) as u64),
                Err(fault) => stream_error(fault).map_or(Ok(0), Err),
            },
            OutKind::Body(body) => body.room(),
        };
        if room.is_err() {
            self.closed = true;
        }
        room
    }

    pub fn ready(&mut self, ports: &Ports) -> bool {
        match self.room(ports) {
            Ok(n) => n > 0,
            Err(e) => {
                if !matches!(e, StreamErr::Closed) {
                    self.closed = false;
                    self.failed = Some(e);
                }
                true
            }
        }
    }

    pub fn check_write(&mut self, ports: &Ports) -> StreamResult<u64> {
        self.permit = 0;
        self.permit = self.room(ports)?;
        Ok(self.permit)
    }

    /// A write beyond the permit is the guest's fault: a trap.
    pub fn check_permit(&self, len: u64) -> StreamResult<()> {
        match (len, self.permit) {
            (len, permit) if len <= permit => Ok(()),
            (len, permit) => Err(StreamErr::Trap(format_err!(
                "write of {len} bytes where check-write allowed {permit}"
            ))),
        }
    }

    pub fn write(&mut self, ports: &Ports, bytes: Vec<u8>) -> StreamResult<()> {
        let len = bytes.len() as u64;
        self.check_permit(len)?;
        self.permit -= len;
        if self.closed {
            return Err(StreamErr::Closed);
        }
        let result = match &mut self.kind {
            OutKind::Std(_) if bytes.is_empty() => Ok(()),
            OutKind::Std(which) => match ports.stdio_write(*which, &bytes) {
                status::OK => Ok(()),
                st => Err(stdio_error(st)),
            },
            OutKind::File(file) => file.write(ports, bytes),
            OutKind::Sock(sock) if sock.is_shut(HALF_OUT) => Err(StreamErr::Closed),
            OutKind::Sock(_) if bytes.is_empty() => Ok(()),
            OutKind::Sock(sock) => match ports.sock_write(sock.id, &bytes) {
                Ok(()) => Ok(()),
                Err(fault) => Err(stream_error(fault).unwrap_or(StreamErr::Closed)),
            },
            OutKind::Body(body) => body.write(&bytes),
        };
        if result.is_err() {
            self.closed = true;
        }
        result
    }

    /// Everything written has arrived, or waiting for it fails.
    fn settled(&mut self, ports: &Ports) -> StreamResult<bool> {
        match &self.kind {
            OutKind::File(_) => Ok(self.room(ports)? > 0),
            OutKind::Sock(sock) if !self.closed && self.failed.is_none() => {
                match ports.sock_flush(sock.id) {
                    Ok(()) => Ok(true),
                    Err(fault) => match stream_error(fault) {
                        None => Ok(false),
                        Some(e) => {
                            self.closed = true;
                            Err(e)
                        }
                    },
                }
            }
            OutKind::Sock(_) => self.flush().map(|()| true),
            OutKind::Body(body) if !self.closed => match body.flushed() {
                Ok(done) => Ok(done),
                Err(e) => {
                    self.closed = true;
                    Err(e)
                }
            },
            _ if self.closed => Err(StreamErr::Closed),
            _ => Ok(true),
        }
    }

    pub fn flush(&mut self) -> StreamResult<()> {
        if let Some(e) = self.failed.take() {
            self.closed = true;
            return Err(e);
        }
        match self.closed {
            true => Err(StreamErr::Closed),
            false => Ok(()),
        }
    }

    pub async fn blocking_flush(&mut self, ports: &Ports) -> StreamResult<()> {
        poll_fn(|_| match self.settled(ports) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(e) => Poll::Ready(Err(e)),
        })
        .await
    }

    /// Wait for room; the permit is then as after `check-write`.
    pub async fn wait_room(&mut self, ports: &Ports) -> StreamResult<u64> {
        poll_fn(|_| match self.check_write(ports) {
            Ok(0) => Poll::Pending,
            result => Poll::Ready(result),
        })
        .await
    }

    pub async fn blocking_write_and_flush(
        &mut self,
        ports: &Ports,
        mut bytes: Vec<u8>,
    ) -> StreamResult<()> {
        loop {
            let room = self.wait_room(ports).await?;
            if bytes.len() as u64 <= room {
                self.write(ports, bytes)?;
                return self.blocking_flush(ports).await;
            }
            let rest = bytes.split_off(room as usize);
            self.write(ports, bytes)?;
            bytes = rest;
        }
    }
}

fn stdio_error(st: u32) -> StreamErr {
    match st {
        status::LIMIT => StreamErr::Trap(limit("output")),
        _ => StreamErr::Closed,
    }
}
