//! Bodies and what is still to come of an HTTP exchange, over the HTTP port.

use crate::bindings::wasi::http::types::{DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload};
use crate::ports::IO_MAX;
use crate::ports::http::{Failed, Fault, Head, InHalf, List, OutHalf};
use crate::stream::{Ahead, IoError, READ_AHEAD, StreamErr, StreamResult};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a body that may be written before the message is on its way.
const EARLY_MAX: usize = 64 * 1024;

/// A fault as the guest knows it.
pub fn error_code(fault: Fault) -> ErrorCode {
    use ErrorCode as E;
    let n = fault.has_n.then_some(fault.n);
    let n32 = n.and_then(|n| u32::try_from(n).ok());
    match fault.code {
        0 => E::DnsTimeout,
        1 => E::DnsError(DnsErrorPayload {
            rcode: None,
            info_code: n.and_then(|n| u16::try_from(n).ok()),
        }),
        2 => E::DestinationNotFound,
        3 => E::DestinationUnavailable,
        4 => E::DestinationIpProhibited,
        5 => E::DestinationIpUnroutable,
        6 => E::ConnectionRefused,
        7 => E::ConnectionTerminated,
        8 => E::ConnectionTimeout,
        9 => E::ConnectionReadTimeout,
        10 => E::ConnectionWriteTimeout,
        11 => E::ConnectionLimitReached,
        12 => E::TlsProtocolError,
        13 => E::TlsCertificateError,
        14 => E::TlsAlertReceived(TlsAlertReceivedPayload {
            alert_id: n.and_then(|n| u8::try_from(n).ok()),
            alert_message: None,
        }),
        15 => E::HttpRequestDenied,
        16 => E::HttpRequestLengthRequired,
        17 => E::HttpRequestBodySize(n),
        18 => E::HttpRequestMethodInvalid,
        19 => E::HttpRequestUriInvalid,
        20 => E::HttpRequestUriTooLong,
        21 => E::HttpRequestHeaderSectionSize(n32),
        22 => E::HttpRequestHeaderSize(None),
        23 => E::HttpRequestTrailerSectionSize(n32),
        25 => E::HttpResponseIncomplete,
        26 => E::HttpResponseHeaderSectionSize(n32),
        28 => E::HttpResponseBodySize(n),
        29 => E::HttpResponseTrailerSectionSize(n32),
        31 => E::HttpResponseTransferCoding(None),
        32 => E::HttpResponseContentCoding(None),
        33 => E::HttpResponseTimeout,
        34 => E::HttpUpgradeFailed,
        35 => E::HttpProtocolError,
        36 => E::LoopDetected,
        37 => E::ConfigurationError,
        _ => E::InternalError(None),
    }
}

/// The number of an error that a guest answers with; its words stay with the guest.
pub fn fault_of(code: &ErrorCode) -> Fault {
    use ErrorCode as E;
    let code = match code {
        E::DnsTimeout => 0,
        E::DnsError(_) => 1,
        E::DestinationNotFound => 2,
        E::DestinationUnavailable => 3,
        E::DestinationIpProhibited => 4,
        E::DestinationIpUnroutable => 5,
        E::ConnectionRefused => 6,
        E::ConnectionTerminated => 7,
        E::ConnectionTimeout => 8,
        E::ConnectionReadTimeout => 9,
        E::ConnectionWriteTimeout => 10,
        E::ConnectionLimitReached => 11,
        E::TlsProtocolError => 12,
        E::TlsCertificateError => 13,
        E::TlsAlertReceived(_) => 14,
        E::HttpRequestDenied => 15,
        E::HttpRequestLengthRequired => 16,
        E::HttpRequestBodySize(_) => 17,
        E::HttpRequestMethodInvalid => 18,
        E::HttpRequestUriInvalid => 19,
        E::HttpRequestUriTooLong => 20,
        E::HttpRequestHeaderSectionSize(_) => 21,
        E::HttpRequestHeaderSize(_) => 22,
        E::HttpRequestTrailerSectionSize(_) => 23,
        E::HttpRequestTrailerSize(_) => 24,
        E::HttpResponseIncomplete => 25,
        E::HttpResponseHeaderSectionSize(_) => 26,
        E::HttpResponseHeaderSize(_) => 27,
        E::HttpResponseBodySize(_) => 28,
        E::HttpResponseTrailerSectionSize(_) => 29,
        E::HttpResponseTrailerSize(_) => 30,
        E::HttpResponseTransferCoding(_) => 31,
        E::HttpResponseContentCoding(_) => 32,
        E::HttpResponseTimeout => 33,
        E::HttpUpgradeFailed => 34,
        E::HttpProtocolError => 35,
        E::LoopDetected => 36,
        E::ConfigurationError => 37,
        E::InternalError(_) => 38,
    };
    Fault {
        code,
        has_n: false,
        n: 0,
    }
}

fn stream_error(code: ErrorCode) -> StreamErr {
    StreamErr::Failed(IoError {
        text: code.to_string(),
        fs: None,
        http: Some(code),
    })
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the bytes of an outgoing body go.
enum Way {
    /// The message was not handed over yet: they are kept.
    Early,
    Out(OutHalf),
    /// They are counted, not kept: a void takes everything.
    Nowhere,
    /// Nobody will read them.
    Gone,
}

/// The body of a message that the guest sends; shared by its resource, its stream, and whoever
/// waits for the message's answer.
pub struct Body(Mutex<Sending>);

struct Sending {
    /// What content-length promises.
    expected: Option<u64>,
    written: u64,
    early: Vec<u8>,
    way: Way,
    /// The guest has finished it, with these trailers; not yet told.
    finishing: Option<List>,
    finished: bool,
}

impl Body {
    pub fn new(expected: Option<u64>) -> Arc<Body> {
        Arc::new(Body(Mutex::new(Sending {
            expected,
            written: 0,
            early: Vec::new(),
            way: Way::Early,
            finishing: None,
            finished: false,
        })))
    }

    /// A body that goes nowhere.
    pub fn nowhere() -> Arc<Body> {
        let body = Body::new(None);
        lock(&body.0).way = Way::Nowhere;
        body
    }

    /// The message is on its way: what was kept goes first.
    pub fn attach(&self, half: OutHalf) {
        let mut s = lock(&self.0);
        s.way = Way::Out(half);
        s.pump();
    }

    /// The message will not be sent.
    pub fn abandon(&self) {
        let mut s = lock(&self.0);
        if !s.finished {
            s.way = Way::Gone;
        }
    }

    /// Whether it is known to be empty already.
    pub fn is_empty(&self) -> bool {
        let s = lock(&self.0);
        s.written == 0 && s.finishing.as_ref().is_some_and(Vec::is_empty)
    }

    /// Move on what is kept.  True: nothing is left to be moved.
    pub fn pump(&self) -> bool {
        lock(&self.0).pump()
    }

    /// How many bytes `write` takes; 0: wait.
    pub fn room(&self) -> StreamResult<u64> {
        let mut s = lock(&self.0);
        if matches!(s.way, Way::Out(_)) && !s.pump() {
            return Ok(0);
        }
        let room = match &s.way {
            Way::Early => return Ok((EARLY_MAX - s.early.len()) as u64),
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
        let written = s.written + bytes.len() as u64;
        if s.expected.is_some_and(|expected| written > expected) {
            s.written = written;
            s.way = Way::Gone;
            return Err(stream_error(ErrorCode::HttpRequestBodySize(Some(written))));
        }
        s.written = written;
        match &s.way {
            Way::Early => s.early.extend_from_slice(bytes),
            Way::Gone => return Err(StreamErr::Closed),
            Way::Nowhere => {}
            Way::Out(_) if bytes.is_empty() => {}
            Way::Out(half) => half.write(bytes).map_err(|_| StreamErr::Closed)?,
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
            Way::Early | Way::Nowhere => return Ok(true),
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
    pub fn finish(&self, trailers: List) -> std::result::Result<(), ErrorCode> {
        let mut s = lock(&self.0);
        if s.expected.is_some_and(|expected| s.written != expected) {
            s.way = Way::Gone;
            return Err(ErrorCode::HttpRequestBodySize(Some(s.written)));
        }
        s.finishing = Some(trailers);
        s.pump();
        Ok(())
    }
}

impl Sending {
    fn pump(&mut self) -> bool {
        let Way::Out(half) = &self.way else {
            return matches!(self.way, Way::Gone | Way::Nowhere);
        };
        while !self.early.is_empty() {
            let n = match half.room() {
                Ok(n) => n.min(self.early.len()),
                Err(Failed::Again) => return false,
                Err(_) => {
                    self.early.clear();
                    return true;
                }
            };
            if half.write(&self.early[..n]).is_err() {
                self.early.clear();
                return true;
            }
            self.early.drain(..n);
        }
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
    fn trailers(&self) -> Option<std::result::Result<List, ErrorCode>> {
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
    answer: Option<std::result::Result<List, ErrorCode>>,
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
    pub fn take(&mut self) -> Option<Option<std::result::Result<List, ErrorCode>>> {
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

/// `wasi:http/types.future-incoming-response`.
pub enum FutureResponse {
    Coming {
        half: InHalf,
        /// The request's body; it moves while its answer is waited for.
        body: Option<Arc<Body>>,
    },
    Here(std::result::Result<Box<Response>, ErrorCode>),
    Taken,
}

impl FutureResponse {
    pub fn ready(&mut self) -> bool {
        let FutureResponse::Coming { half, body } = self else {
            return true;
        };
        if let Some(body) = body {
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
    pub fn take(&mut self) -> Option<Option<std::result::Result<Box<Response>, ErrorCode>>> {
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
