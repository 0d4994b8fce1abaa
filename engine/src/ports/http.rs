//! The HTTP port (`src/port/http.h`): requests that go out, and one that came in.

use super::{AGAIN, OK, Ports, RawWake, Str, c_void, ptr, status};
use std::sync::Arc;

/// Fields of one head or of trailers (`WRIT_HTTP_FIELDS_OUT_MAX`), and their bytes.
pub const FIELDS_MAX: usize = 256;
pub const FIELDS_BYTES_MAX: usize = 64 * 1024;

/// The halves of an exchange.
const OUT: u32 = 1;
const IN: u32 = 2;

/// `struct writ_exchange`.
#[repr(C)]
pub struct RawExchange {
    _private: [u8; 0],
}

/// `struct writ_http_fault`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Fault {
    pub code: u32,
    pub has_n: bool,
    pub n: u64,
}

/// `struct writ_http_field`.
#[repr(C)]
struct RawField {
    name: Str,
    value: Str,
}

/// `struct writ_http_head`.
#[repr(C)]
pub struct RawHead {
    method: Str,
    scheme: Str,
    authority: Str,
    path: Str,
    status: u32,
    fields: *const RawField,
    fields_count: usize,
}

/// `struct writ_http_options`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Options {
    pub connect_ns: u64,
    pub first_byte_ns: u64,
    pub between_bytes_ns: u64,
    pub has_body: bool,
}

/// No port: nothing can be sent.
#[cfg(test)]
pub(super) const VOID: RawHttp = RawHttp {
    ctx: ptr::null_mut(),
    send: None,
    head: None,
    respond: None,
    room: None,
    write: None,
    flush: None,
    finish: None,
    read: None,
    trailers: None,
    close: None,
};

pub(crate) type Ctx = *mut c_void;
pub(crate) type X = *mut RawExchange;

/// `struct writ_http_port`.
#[repr(C)]
pub(crate) struct RawHttp {
    ctx: Ctx,
    send: Option<unsafe extern "C" fn(Ctx, *const RawHead, *const Options, *mut X) -> u32>,
    head: Option<unsafe extern "C" fn(Ctx, X, *mut RawHead, *mut Fault, *mut RawWake) -> u32>,
    respond: Option<unsafe extern "C" fn(Ctx, X, *const RawHead, bool, *const Fault) -> u32>,
    room: Option<unsafe extern "C" fn(Ctx, X, *mut usize, *mut Fault, *mut RawWake) -> u32>,
    write: Option<unsafe extern "C" fn(Ctx, X, *const u8, usize) -> u32>,
    flush: Option<unsafe extern "C" fn(Ctx, X, *mut Fault, *mut RawWake) -> u32>,
    finish: Option<unsafe extern "C" fn(Ctx, X, *const RawField, usize) -> u32>,
    read: Option<
        unsafe extern "C" fn(Ctx, X, *mut u8, usize, *mut usize, *mut Fault, *mut RawWake) -> u32,
    >,
    trailers: Option<unsafe extern "C" fn(Ctx, X, *mut RawHead, *mut Fault, *mut RawWake) -> u32>,
    close: Option<unsafe extern "C" fn(Ctx, X, u32)>,
}

/// Names and values.
pub type List = Vec<(String, Vec<u8>)>;

/// What a message begins with; what does not apply is empty.
#[derive(Default)]
pub struct Head {
    pub method: String,
    pub scheme: String,
    pub authority: String,
    pub path: String,
    pub status: u32,
    pub fields: List,
}

/// Why something did not happen.
pub enum Failed {
    Again,
    /// The end of a body, or nobody reads any more.
    Closed,
    Fault(Fault),
}

type Answer<T> = Result<T, Failed>;

/// One exchange; its halves are closed when nobody has them any more.
struct Exchange {
    ports: Ports,
    x: X,
}

// SAFETY: used only on the thread that polls the task (engine.h); nothing moves it to another.
unsafe impl Send for Exchange {}
// SAFETY: as above.
unsafe impl Sync for Exchange {}

impl Exchange {
    fn raw(&self) -> &RawHttp {
        &self.ports.raw().http
    }

    fn wake(&self) -> *mut RawWake {
        self.ports.wake.raw()
    }

    fn close(&self, half: u32) {
        let raw = self.raw();
        if let Some(close) = raw.close {
            // SAFETY: each half says it once, when it is dropped.
            unsafe { close(raw.ctx, self.x, half) }
        }
    }
}

/// What the guest writes.
pub struct OutHalf(Arc<Exchange>);
/// What the guest reads.
pub struct InHalf(Arc<Exchange>);

impl Drop for OutHalf {
    fn drop(&mut self) {
        self.0.close(OUT);
    }
}

impl Drop for InHalf {
    fn drop(&mut self) {
        self.0.close(IN);
    }
}

/// Why there is no exchange.
pub enum NotSent {
    /// No port: nothing is granted.
    Void,
    TooMany,
    NoMemory,
}

/// Fields as the port wants them; borrowed from `list`.
fn raw_fields(list: &[(String, Vec<u8>)]) -> Vec<RawField> {
    let field = |(name, value): &(String, Vec<u8>)| RawField {
        name: Str::new(name),
        value: Str {
            ptr: value.as_ptr().cast(),
            len: value.len(),
        },
    };
    list.iter().map(field).collect()
}

fn raw_head(head: &Head, fields: &[RawField]) -> RawHead {
    RawHead {
        method: Str::new(&head.method),
        scheme: Str::new(&head.scheme),
        authority: Str::new(&head.authority),
        path: Str::new(&head.path),
        status: head.status,
        fields: fields.as_ptr(),
        fields_count: fields.len(),
    }
}

impl RawHead {
    const EMPTY: RawHead = RawHead {
        method: Str::EMPTY,
        scheme: Str::EMPTY,
        authority: Str::EMPTY,
        path: Str::EMPTY,
        status: 0,
        fields: ptr::null(),
        fields_count: 0,
    };

    /// A copy of all of it.
    ///
    /// # Safety
    /// The texts and fields are lent for the call.
    pub unsafe fn copy(&self) -> Head {
        let fields = match self.fields_count {
            0 => &[],
            // SAFETY: the caller's promise.
            n => unsafe { std::slice::from_raw_parts(self.fields, n) },
        };
        let pair = |f: &RawField| {
            // SAFETY: the caller's promise.
            (f.name.to_text(), unsafe { f.value.borrow() }.to_vec())
        };
        Head {
            method: self.method.to_text(),
            scheme: self.scheme.to_text(),
            authority: self.authority.to_text(),
            path: self.path.to_text(),
            status: self.status,
            fields: fields.iter().map(pair).collect(),
        }
    }
}

/// `st` as a result; `fault` was set when it is IO.
fn answer(st: u32, fault: Fault) -> Answer<()> {
    match st {
        OK => Ok(()),
        AGAIN => Err(Failed::Again),
        status::CLOSED => Err(Failed::Closed),
        _ => Err(Failed::Fault(fault)),
    }
}

impl Ports {
    /// Whether requests can be sent at all.
    pub fn has_http(&self) -> bool {
        self.raw().http.send.is_some()
    }

    /// Ask for a request to be sent.
    pub fn http_send(&self, head: &Head, options: Options) -> Result<(OutHalf, InHalf), NotSent> {
        let raw = &self.raw().http;
        let Some(send) = raw.send else {
            return Err(NotSent::Void);
        };
        let fields = raw_fields(&head.fields);
        let mut x = ptr::null_mut();
        // SAFETY: everything is borrowed for the call; the contract of `send` in http.h.
        match unsafe { send(raw.ctx, &raw_head(head, &fields), &options, &mut x) } {
            OK => Ok(self.http_halves(x)),
            status::LIMIT => Err(NotSent::TooMany),
            _ => Err(NotSent::NoMemory),
        }
    }

    /// The halves of an exchange that is this task's from here on.
    pub fn http_halves(&self, x: *mut RawExchange) -> (OutHalf, InHalf) {
        let exchange = Arc::new(Exchange {
            ports: self.clone(),
            x,
        });
        (OutHalf(exchange.clone()), InHalf(exchange))
    }
}

impl OutHalf {
    /// Answer the request that came in, with a head or a fault.
    pub fn respond(&self, head: Result<&Head, Fault>, has_body: bool) -> Answer<()> {
        let raw = self.0.raw();
        let Some(respond) = raw.respond else {
            return Err(Failed::Closed);
        };
        let fields = head.map_or(Vec::new(), |h| raw_fields(&h.fields));
        let st = match head {
            Ok(head) => {
                let head = raw_head(head, &fields);
                // SAFETY: everything is borrowed for the call; the contract of http.h.
                unsafe { respond(raw.ctx, self.0.x, &head, has_body, ptr::null()) }
            }
            // SAFETY: as above.
            Err(fault) => unsafe { respond(raw.ctx, self.0.x, ptr::null(), false, &fault) },
        };
        answer(st, Fault::default())
    }

    /// How much `write` takes now.
    pub fn room(&self) -> Answer<usize> {
        let raw = self.0.raw();
        let (mut n, mut fault) = (0, Fault::default());
        let st = match raw.room {
            // SAFETY: the contract of `room` in http.h.
            Some(room) => unsafe { room(raw.ctx, self.0.x, &mut n, &mut fault, self.0.wake()) },
            None => status::CLOSED,
        };
        answer(st, fault)?;
        match n {
            0 => Err(Failed::Again),
            n => Ok(n),
        }
    }

    /// Write all of `bytes`, which are within the room.
    pub fn write(&self, bytes: &[u8]) -> Answer<()> {
        let raw = self.0.raw();
        let st = match raw.write {
            // SAFETY: the bytes are borrowed for the call.
            Some(write) => unsafe { write(raw.ctx, self.0.x, bytes.as_ptr(), bytes.len()) },
            None => status::CLOSED,
        };
        answer(st, Fault::default())
    }

    /// Whether everything written has left.
    pub fn flush(&self) -> Answer<()> {
        let raw = self.0.raw();
        let mut fault = Fault::default();
        let st = match raw.flush {
            // SAFETY: the contract of `flush` in http.h.
            Some(flush) => unsafe { flush(raw.ctx, self.0.x, &mut fault, self.0.wake()) },
            None => status::CLOSED,
        };
        answer(st, fault)
    }

    /// The body is whole.
    pub fn finish(&self, trailers: &[(String, Vec<u8>)]) -> Answer<()> {
        let raw = self.0.raw();
        let fields = raw_fields(trailers);
        let st = match raw.finish {
            // SAFETY: the fields are borrowed for the call.
            Some(finish) => unsafe { finish(raw.ctx, self.0.x, fields.as_ptr(), fields.len()) },
            None => status::CLOSED,
        };
        answer(st, Fault::default())
    }
}

type HeadFn = unsafe extern "C" fn(Ctx, X, *mut RawHead, *mut Fault, *mut RawWake) -> u32;

impl InHalf {
    fn get_head(&self, get: Option<HeadFn>) -> Answer<Head> {
        let raw = self.0.raw();
        let (mut head, mut fault) = (RawHead::EMPTY, Fault::default());
        let st = match get {
            // SAFETY: the contracts of `head` and `trailers` in http.h.
            Some(get) => unsafe { get(raw.ctx, self.0.x, &mut head, &mut fault, self.0.wake()) },
            None => status::CLOSED,
        };
        answer(st, fault)?;
        assert!(
            head.fields_count <= FIELDS_MAX,
            "a head with too many fields"
        );
        // SAFETY: borrowed until the next call with the exchange, which is after the copy.
        Ok(unsafe { head.copy() })
    }

    /// The response's head.
    pub fn head(&self) -> Answer<Head> {
        self.get_head(self.0.raw().head)
    }

    /// The trailers of the body.
    pub fn trailers(&self) -> Answer<List> {
        Ok(self.get_head(self.0.raw().trailers)?.fields)
    }

    /// Up to `cap` bytes of the body.
    pub fn read(&self, cap: usize) -> Answer<Vec<u8>> {
        let raw = self.0.raw();
        let mut buf = Vec::with_capacity(cap);
        let (mut n, mut fault) = (0, Fault::default());
        let st = match raw.read {
            // SAFETY: `cap` bytes were reserved; the contract of `read` in http.h.
            Some(read) => unsafe {
                let p = buf.as_mut_ptr();
                read(raw.ctx, self.0.x, p, cap, &mut n, &mut fault, self.0.wake())
            },
            None => status::CLOSED,
        };
        answer(st, fault)?;
        assert!(n <= cap, "a body gave more than it was asked for");
        // SAFETY: the port has set the first `n` bytes.
        unsafe { buf.set_len(n) }
        Ok(buf)
    }
}

#[cfg(test)]
#[path = "../fake_http.rs"]
pub mod fake;
