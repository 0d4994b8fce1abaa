//! The HTTP port for tests: exchanges that the tests fill and look into.

use super::{
    AGAIN, Ctx, Fault, List, OK, Options, RawExchange, RawField, RawHead, RawHttp, RawWake,
};
use super::{X, raw_fields, status};
use crate::ports::fake::Fake;
use std::collections::VecDeque;
use std::ptr;

/// One exchange, as its peer sees it.
#[derive(Default)]
pub struct FakeExchange {
    pub method: String,
    pub authority: String,
    pub path: String,
    pub fields: List,
    pub has_body: bool,
    /// The response's head, once it is there.
    pub head: Option<Result<(u32, List), Fault>>,
    /// What was answered to a request that came in.
    pub answered: Option<Result<(u32, bool), u32>>,
    /// Bytes that `write` takes before it must wait.
    pub room: usize,
    /// Nobody takes them any more.
    pub gone: bool,
    pub written: Vec<u8>,
    pub finished: Option<usize>,
    /// Chunks of the peer's body; none: not yet.  Behind the last: its end.
    pub body: VecDeque<Option<Vec<u8>>>,
    pub body_fault: Option<Fault>,
    pub trailers: Option<List>,
    /// How often each half was closed.
    pub closed_out: u32,
    pub closed_in: u32,
    lent: Vec<RawField>,
}

/// What the port functions act on; exchanges stay where they are.
#[derive(Default)]
pub struct FakeHttp {
    pub full: bool,
    /// What the next ones begin with.
    pub room: usize,
    #[expect(clippy::vec_box, reason = "their addresses are given out")]
    pub all: Vec<Box<FakeExchange>>,
}

impl FakeHttp {
    pub fn last(&mut self) -> &mut FakeExchange {
        self.all.last_mut().expect("no exchange")
    }

    /// An exchange of a request that came in.
    pub fn incoming(&mut self) -> *mut RawExchange {
        self.all.push(Box::new(FakeExchange {
            room: self.room,
            ..FakeExchange::default()
        }));
        ptr::from_mut(self.last()).cast()
    }
}

pub fn port(ctx: Ctx) -> RawHttp {
    RawHttp {
        ctx,
        send: Some(send),
        head: Some(head),
        respond: Some(respond),
        room: Some(room),
        write: Some(write),
        flush: Some(flush),
        finish: Some(finish),
        read: Some(read),
        trailers: Some(trailers),
        close: Some(close),
    }
}

fn of<'a>(x: X) -> &'a mut FakeExchange {
    // SAFETY: made by `send` or `incoming`, and kept as long as the fake.
    unsafe { &mut *x.cast::<FakeExchange>() }
}

unsafe extern "C" fn send(
    ctx: Ctx,
    head: *const RawHead,
    options: *const Options,
    out: *mut X,
) -> u32 {
    // SAFETY: ctx is the fake.
    let fake = unsafe { &mut (*ctx.cast::<Fake>()).http };
    if fake.full {
        return status::LIMIT;
    }
    let x = fake.incoming();
    // SAFETY: everything is lent for the call.
    let (head, options) = unsafe { ((*head).copy(), *options) };
    let made = of(x);
    made.method = head.method;
    made.authority = head.authority;
    made.path = head.path;
    made.fields = head.fields;
    made.has_body = options.has_body;
    // SAFETY: out is the caller's.
    unsafe { *out = x };
    OK
}

unsafe extern "C" fn head(
    _: Ctx,
    x: X,
    out: *mut RawHead,
    fault: *mut Fault,
    _: *mut RawWake,
) -> u32 {
    let x = of(x);
    match &x.head {
        None => AGAIN,
        Some(Err(e)) => {
            // SAFETY: fault is the caller's.
            unsafe { *fault = *e };
            status::IO
        }
        Some(Ok((code, fields))) => {
            x.lent = raw_fields(fields);
            // SAFETY: out is the caller's.
            unsafe {
                *out = RawHead::EMPTY;
                (*out).status = *code;
                (*out).fields = x.lent.as_ptr();
                (*out).fields_count = x.lent.len();
            }
            OK
        }
    }
}

unsafe extern "C" fn respond(
    _: Ctx,
    x: X,
    head: *const RawHead,
    has_body: bool,
    fault: *const Fault,
) -> u32 {
    // SAFETY: lent for the call, one of them null.
    of(x).answered = Some(match unsafe { head.as_ref() } {
        Some(head) => Ok((head.status, has_body)),
        // SAFETY: as above.
        None => Err(unsafe { (*fault).code }),
    });
    OK
}

unsafe extern "C" fn room(_: Ctx, x: X, n: *mut usize, _: *mut Fault, _: *mut RawWake) -> u32 {
    if of(x).gone {
        return status::CLOSED;
    }
    if of(x).room == 0 {
        return AGAIN;
    }
    // SAFETY: n is the caller's.
    unsafe { *n = of(x).room };
    OK
}

unsafe extern "C" fn write(_: Ctx, x: X, p: *const u8, n: usize) -> u32 {
    let x = of(x);
    assert!(n <= x.room, "written beyond the room");
    x.room -= n;
    // SAFETY: lent for the call.
    x.written
        .extend_from_slice(unsafe { std::slice::from_raw_parts(p, n) });
    OK
}

unsafe extern "C" fn flush(_: Ctx, _: X, _: *mut Fault, _: *mut RawWake) -> u32 {
    OK
}

unsafe extern "C" fn finish(_: Ctx, x: X, _: *const RawField, count: usize) -> u32 {
    assert!(of(x).finished.is_none(), "finished twice");
    of(x).finished = Some(count);
    OK
}

unsafe extern "C" fn read(
    _: Ctx,
    x: X,
    p: *mut u8,
    cap: usize,
    n: *mut usize,
    fault: *mut Fault,
    _: *mut RawWake,
) -> u32 {
    let x = of(x);
    match x.body.pop_front() {
        Some(None) => AGAIN,
        Some(Some(mut chunk)) => {
            let rest = chunk.split_off(chunk.len().min(cap));
            if !rest.is_empty() {
                x.body.push_front(Some(rest));
            }
            // SAFETY: cap bytes are the caller's.
            unsafe {
                ptr::copy_nonoverlapping(chunk.as_ptr(), p, chunk.len());
                *n = chunk.len();
            }
            OK
        }
        None => match x.body_fault {
            Some(e) => {
                // SAFETY: fault is the caller's.
                unsafe { *fault = e };
                status::IO
            }
            None => status::CLOSED,
        },
    }
}

unsafe extern "C" fn trailers(
    _: Ctx,
    x: X,
    out: *mut RawHead,
    _: *mut Fault,
    _: *mut RawWake,
) -> u32 {
    let x = of(x);
    let Some(list) = &x.trailers else {
        return AGAIN;
    };
    x.lent = raw_fields(list);
    // SAFETY: out is the caller's.
    unsafe {
        *out = RawHead::EMPTY;
        (*out).fields = x.lent.as_ptr();
        (*out).fields_count = x.lent.len();
    }
    OK
}

unsafe extern "C" fn close(_: Ctx, x: X, halves: u32) {
    let x = of(x);
    x.closed_out += halves & 1;
    x.closed_in += halves >> 1 & 1;
}
