//! Bodies and what is still to come of an HTTP exchange, over the HTTP port.

use crate::bindings::wasi::http::types::ErrorCode;
use crate::http_code::{error_code, stream_error};
use crate::kept::{Keeper, Kept};
use crate::ports::http::{
    FIELDS_BYTES_MAX, FIELDS_MAX, Failed, Head, InHalf, List, NotSent, Options, OutHalf,
};
use crate::ports::{IO_MAX, Ports};
use crate::stream::{Ahead, READ_AHEAD, StreamErr, StreamResult};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wasmtime::Result;

/// Bytes of a body that may be written before the message is on its way.
const EARLY_MAX: usize = 64 * 1024;

type Coded<T> = std::result::Result<T, ErrorCode>;

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a list of fields weighs on the wire.
pub fn fields_bytes(list: &[(String, Vec<u8>)]) -> usize {
    list.iter().map(|(n, v)| n.len() + v.len()).sum()
}

/// What a list of fields takes of memory.
pub fn fields_weight(list: &[(String, Vec<u8>)]) -> usize {
    fields_bytes(list) + size_of_val(list)
}

/// Whether the port takes that many fields, of that many bytes.
pub fn fields_fit(list: &[(String, Vec<u8>)]) -> bool {
    list.len() <= FIELDS_MAX && fields_bytes(list) <= FIELDS_BYTES_MAX
}

/// A request that has not been asked for yet.
pub struct Pending {
    pub ports: Ports,
    pub head: Head,
    pub options: Options,
}

impl Pending {
    fn weight(&self) -> usize {
        let h = &self.head;
        let parts = h.method.len() + h.scheme.len() + h.authority.len() + h.path.len();
        size_of::<Pending>() + parts + fields_weight(&h.fields)
    }

    pub fn send(&self) -> Coded<(OutHalf, InHalf)> {
        self.ports
            .http_send(&self.head, self.options)
            .map_err(|e| match e {
                NotSent::Void => ErrorCode::HttpRequestDenied,
                NotSent::TooMany => ErrorCode::ConnectionLimitReached,
                NotSent::NoMemory => ErrorCode::InternalError(None),
            })
    }
}

/// Which message a body belongs to.
#[derive(Clone, Copy, PartialEq)]
pub enum Of {
    Request,
    Response,
}

/// Where the bytes of an outgoing body go.
enum Way {
    /// The message was not handed over yet: they are kept.
    Early,
    /// The request was, but it goes with its first byte, or with none: many guests take the body of
    /// a request that has none, and a GET with a body is another request.
    Held(Box<Pending>),
    Out(OutHalf),
    /// They are counted, not kept: a void takes everything.
    Nowhere,
    /// Nobody will read them.
    Gone,
}

/// The body of a message that the guest sends; shared by its resource, its stream, and whoever
/// waits for the message's answer.
pub struct Body(Mutex<Sending>, Of);

struct Sending {
    /// What content-length promises.
    expected: Option<u64>,
    written: u64,
    early: Vec<u8>,
    kept: Kept,
    way: Way,
    /// The guest has finished it, with these trailers; not yet told.
    finishing: Option<List>,
    finished: bool,
    /// What became of a request that was held.
    begun: Option<Coded<InHalf>>,
}

impl Body {
    pub fn new(of: Of, expected: Option<u64>, keeper: &Keeper) -> Arc<Body> {
        let sending = Sending {
            expected,
            written: 0,
            early: Vec::new(),
            kept: keeper.nothing(),
            way: Way::Early,
            finishing: None,
            finished: false,
            begun: None,
        };
        Arc::new(Body(Mutex::new(sending), of))
    }

    /// A body that goes nowhere.
    pub fn nowhere(keeper: &Keeper) -> Arc<Body> {
        let body = Body::new(Of::Request, None, keeper);
        lock(&body.0).way = Way::Nowhere;
        body
    }

    /// Whether it belongs to an answer.
    pub fn answers(&self) -> bool {
        self.1 == Of::Response
    }

    /// The message is on its way: what was kept goes first.  One that was given up stays so.
    pub fn attach(&self, half: OutHalf) {
        let mut s = lock(&self.0);
        if matches!(s.way, Way::Early) {
            s.way = Way::Out(half);
            s.pump();
        }
    }

    /// The message is on its way once there is a byte of it, or its end.
    pub fn hold(&self, pending: Pending) -> Result<()> {
        let mut s = lock(&self.0);
        if matches!(s.way, Way::Early) {
            s.way = Way::Held(Box::new(pending));
        }
        s.weigh()
    }

    /// The message will not be sent.
    pub fn abandon(&self) {
        let mut s = lock(&self.0);
        if !s.finished {
            s.give_up();
        }
    }

    /// Nobody waits for the answer any more: it has come, or is not wanted.  In that case nobody
    /// takes what is kept either, which the port says.
    fn forsake(&self) {
        let mut s = lock(&self.0);
        s.begun = None;
        match s.way {
            Way::Held(_) => s.give_up(),
            _ => drop(s.pump()),
        }
    }

    /// Whether it is known to be empty already.
    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Whether nothing of it is known yet, not even its length.
    pub fn is_open(&self) -> bool {
        let s = lock(&self.0);
        let unknown = s.expected.is_none_or(|n| n == 0) && s.finishing.is_none();
        matches!(s.way, Way::Early) && s.written == 0 && unknown
    }

    /// Whether it was given up: dropped, or not as long as promised.
    pub fn is_gone(&self) -> bool {
        matches!(lock(&self.0).way, Way::Gone)
    }

    /// Move on what is kept.  True: nothing is left to be moved.
    pub fn pump(&self) -> bool {
        lock(&self.0).pump()
    }

    /// What the request that was held has come to.
    fn begin(&self) -> Coded<InHalf> {
        let mut s = lock(&self.0);
        s.pump();
        s.begun.take().unwrap_or(Err(ErrorCode::HttpProtocolError))
    }

    /// How many bytes `write` takes; 0: wait.
    pub fn room(&self) -> StreamResult<u64> {
        let mut s = lock(&self.0);
        if matches!(s.way, Way::Out(_)) && !s.pump() {
            return Ok(0);
        }
        let room = match &s.way {
            Way::Early | Way::Held(_) => return Ok((EARLY_MAX - s.early.len()) as u64),
            Way::Nowhere => return Ok(IO_MAX as u64),
            Way::Gone => return Err(StreamErr::Closed),
            Way::Out(half) => half.room(),
        };
        match room {
            Ok(n) => Ok(n.min(IO_MAX) as u64),
            Err(Failed::Again) => Ok(0),
            // Why shows in the message's answer.
            Err(_) => Err(StreamErr::Closed),
        }
    }

    /// Take `bytes`, which are within the room.
    pub fn write(&self, bytes: &[u8]) -> StreamResult<()> {
        let mut s = lock(&self.0);
        s.written = s.written.saturating_add(bytes.len() as u64);
        if s.expected.is_some_and(|expected| s.written > expected) {
            s.give_up();
            return Err(stream_error(self.size_error(s.written)));
        }
        match &s.way {
            Way::Gone => return Err(StreamErr::Closed),
            _ if bytes.is_empty() => {}
            Way::Nowhere => {}
            Way::Out(half) => half.write(bytes).map_err(|_| StreamErr::Closed)?,
            Way::Early | Way::Held(_) => {
                s.early.extend_from_slice(bytes);
                s.weigh()?;
            }
        }
        if matches!(s.way, Way::Held(_)) && !bytes.is_empty() {
            s.pump();
        }
        Ok(())
    }

    /// Whether all of it has left.
    pub fn flushed(&self) -> StreamResult<bool> {
        let mut s = lock(&self.0);
        if matches!(s.way, Way::Out(_)) && !s.pump() {
            return Ok(false);
        }
        let done = match &s.way {
            Way::Early | Way::Held(_) | Way::Nowhere => return Ok(true),
            Way::Gone => return Err(StreamErr::Closed),
            Way::Out(half) => half.flush(),
        };
        match done {
            Ok(()) => Ok(true),
            Err(Failed::Again) => Ok(false),
            Err(_) => Err(StreamErr::Closed),
        }
    }

    /// The guest says that it is whole.  A short one is given up, never finished.
    pub fn finish(&self, trailers: List) -> Coded<()> {
        let mut s = lock(&self.0);
        let wrong = match s.expected {
            Some(expected) if s.written != expected => Some(self.size_error(s.written)),
            _ if !fields_fit(&trailers) => Some(self.trailer_error(&trailers)),
            _ => None,
        };
        if let Some(code) = wrong {
            s.give_up();
            return Err(code);
        }
        s.finishing = Some(trailers);
        if !matches!(s.way, Way::Early) {
            s.pump();
        }
        Ok(())
    }

    fn size_error(&self, written: u64) -> ErrorCode {
        match self.1 {
            Of::Request => ErrorCode::HttpRequestBodySize(Some(written)),
            Of::Response => ErrorCode::HttpResponseBodySize(Some(written)),
        }
    }

    fn trailer_error(&self, trailers: &List) -> ErrorCode {
        let n = u32::try_from(fields_bytes(trailers)).ok();
        match self.1 {
            Of::Request => ErrorCode::HttpRequestTrailerSectionSize(n),
            Of::Response => ErrorCode::HttpResponseTrailerSectionSize(n),
        }
    }
}

impl Sending {
    fn is_empty(&self) -> bool {
        self.written == 0 && self.finishing.as_ref().is_some_and(Vec::is_empty)
    }

    fn weigh(&mut self) -> Result<()> {
        let held = match &self.way {
            Way::Held(pending) => pending.weight(),
            _ => 0,
        };
        self.kept.weigh(held + self.early.capacity())
    }

    fn give_up(&mut self) {
        self.way = Way::Gone;
        self.early = Vec::new();
        self.kept.nothing();
    }

    /// Ask for the request that was held.
    fn begin(&mut self, mut pending: Pending) {
        pending.options.has_body = !self.is_empty();
        self.begun = Some(pending.send().map(|(out, half)| {
            self.way = Way::Out(out);
            half
        }));
    }

    fn pump(&mut self) -> bool {
        match std::mem::replace(&mut self.way, Way::Gone) {
            Way::Held(pending) => self.begin(*pending),
            way => self.way = way,
        }
        let Way::Out(half) = &self.way else {
            return !matches!(self.way, Way::Early);
        };
        let mut moved = 0;
        let mut lost = false;
        while moved < self.early.len() && !lost {
            let left = &self.early[moved..];
            let n = match half.room() {
                Ok(n) => n.min(left.len()),
                Err(Failed::Again) => {
                    self.early.drain(..moved);
                    return false;
                }
                Err(_) => 0,
            };
            lost = n == 0 || half.write(&left[..n]).is_err();
            moved += n;
        }
        if lost {
            self.give_up();
            return true;
        }
        self.early = Vec::new();
        self.kept.nothing();
        let Way::Out(half) = &self.way else {
            return true;
        };
        if let Some(trailers) = self.finishing.take() {
            // Whether anybody still reads shows in the answer.
            let _ = half.finish(&trailers);
            self.finished = true;
            self.way = Way::Gone;
        }
        true
    }
}

/// The body of a message that the guest reads; shared by its resource and its stream.
pub struct Incoming(Mutex<Reading>);

struct Reading {
    half: InHalf,
    ahead: Ahead,
    /// What ended it, if not its end: told once.
    failed: Option<ErrorCode>,
    ended: bool,
}

impl Incoming {
    pub fn new(half: InHalf) -> Arc<Incoming> {
        Arc::new(Incoming(Mutex::new(Reading {
            half,
            ahead: Ahead::default(),
            failed: None,
            ended: false,
        })))
    }

    /// Whether a read would say something.
    pub fn ready(&self) -> bool {
        let mut r = lock(&self.0);
        if r.ended || r.failed.is_some() || !r.ahead.is_empty() {
            return true;
        }
        match r.half.read(READ_AHEAD) {
            Ok(bytes) => r.ahead.put(bytes),
            Err(Failed::Again) => return false,
            Err(Failed::Closed) => r.ended = true,
            Err(Failed::Fault(fault)) => r.failed = Some(error_code(fault)),
        }
        true
    }

    pub fn read(&self, len: usize) -> StreamResult<Vec<u8>> {
        let mut r = lock(&self.0);
        if !r.ahead.is_empty() {
            return Ok(r.ahead.take(len));
        }
        if let Some(code) = r.failed.take() {
            r.ended = true;
            return Err(stream_error(code));
        }
        if r.ended {
            return Err(StreamErr::Closed);
        }
        if len == 0 {
            return Ok(Vec::new());
        }
        match r.half.read(len) {
            Ok(bytes) => Ok(bytes),
            Err(Failed::Again) => Ok(Vec::new()),
            Err(Failed::Closed) => {
                r.ended = true;
                Err(StreamErr::Closed)
            }
            Err(Failed::Fault(fault)) => {
                r.ended = true;
                Err(stream_error(error_code(fault)))
            }
        }
    }

    /// The trailers, or `None` while they are still to come.
    fn trailers(&self) -> Option<Coded<List>> {
        let r = lock(&self.0);
        match r.half.trailers() {
            Ok(list) => Some(Ok(list)),
            Err(Failed::Again) => None,
            Err(Failed::Closed) => Some(Ok(List::new())),
            Err(Failed::Fault(fault)) => Some(Err(error_code(fault))),
        }
    }
}

/// `wasi:http/types.future-trailers`.
pub struct Trailers {
    body: Arc<Incoming>,
    answer: Option<Coded<List>>,
    taken: bool,
}

impl Trailers {
    pub fn new(body: Arc<Incoming>) -> Trailers {
        Trailers {
            body,
            answer: None,
            taken: false,
        }
    }

    pub fn ready(&mut self) -> bool {
        if !self.taken && self.answer.is_none() {
            self.answer = self.body.trailers();
        }
        self.taken || self.answer.is_some()
    }

    /// The answer once; `None` of the inner one when it was taken.
    pub fn take(&mut self) -> Option<Option<Coded<List>>> {
        if !self.ready() {
            return None;
        }
        self.taken = true;
        Some(self.answer.take())
    }
}

/// A response that has begun.
pub struct Response {
    pub head: Head,
    pub half: InHalf,
}

/// Whoever waits for the answer to a request with a body.
pub struct Waiting(pub Arc<Body>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.forsake();
    }
}

/// `wasi:http/types.future-incoming-response`.
pub enum FutureResponse {
    Held(Waiting),
    /// The half goes first: without it the port refuses the body.
    Coming {
        half: InHalf,
        /// The request's body; it moves while its answer is waited for.
        body: Option<Waiting>,
    },
    Here(Coded<Box<Response>>),
    Taken,
}

impl FutureResponse {
    pub fn ready(&mut self) -> bool {
        if let FutureResponse::Held(Waiting(body)) = self {
            let body = body.clone();
            *self = match body.begin() {
                Ok(half) => FutureResponse::Coming {
                    half,
                    body: Some(Waiting(body)),
                },
                Err(code) => FutureResponse::Here(Err(code)),
            };
        }
        let FutureResponse::Coming { half, body } = self else {
            return true;
        };
        if let Some(Waiting(body)) = body {
            body.pump();
        }
        let answer = match half.head() {
            Err(Failed::Again) => return false,
            Err(Failed::Closed) => Err(ErrorCode::ConnectionTerminated),
            Err(Failed::Fault(fault)) => Err(error_code(fault)),
            Ok(head) => Ok(head),
        };
        let was = std::mem::replace(self, FutureResponse::Taken);
        if let FutureResponse::Coming { half, .. } = was {
            let here = answer.map(|head| Box::new(Response { head, half }));
            *self = FutureResponse::Here(here);
        }
        true
    }

    /// The response once; the inner `None`: it was taken.
    pub fn take(&mut self) -> Option<Option<Coded<Box<Response>>>> {
        if !self.ready() {
            return None;
        }
        match std::mem::replace(self, FutureResponse::Taken) {
            FutureResponse::Here(answer) => Some(Some(answer)),
            _ => Some(None),
        }
    }
}

/// A request that came in, with what answers it.
pub struct Request {
    pub head: Head,
    pub half: InHalf,
    pub out: OutHalf,
}
