//! Ports for tests: everything is in one `Fake`, which the tests look into.

use super::client::{REPLY_MAX, RawAsk, RawClient};
use super::http::fake::FakeHttp;
use super::sock::fake::FakeSock;
use super::*;
use std::collections::VecDeque;

/// What the client port answers an ask with, and when.
pub struct FakeReply {
    /// The number in `enum writ_ask_status`.
    pub answer: u32,
    pub text: Vec<u8>,
}

/// An ask as it came.
#[derive(Debug, PartialEq)]
pub struct SeenAsk {
    pub kind: AskKind,
    pub more: bool,
    pub name: String,
    pub text: String,
}

/// What the port functions act on.
pub struct Fake {
    /// Chunks of stdin; none: not yet.  Empty: the end.
    pub stdin: VecDeque<Option<Vec<u8>>>,
    pub out: Vec<u8>,
    pub room: Result<usize, u32>,
    pub mono: u64,
    pub waits: Vec<u64>,
    pub wait_status: u32,
    pub refused: Vec<String>,
    /// The one file of the tree.
    pub file: Vec<u8>,
    /// Status of the next requests.
    pub status: u32,
    /// Requests stay open until `complete`.
    pub late: bool,
    /// Most bytes that one write takes.
    pub write_max: usize,
    pub started: Vec<FsOp>,
    pub forgotten: u32,
    /// What the client was told.
    pub told: Vec<String>,
    pub asks: Vec<SeenAsk>,
    /// What the next asks are answered with, in order.
    pub replies: VecDeque<FakeReply>,
    pub sock: FakeSock,
    pub http: FakeHttp,
    queue: Vec<*mut RawFsCall>,
    asks_queue: Vec<*mut RawAsk>,
}

impl Fake {
    pub fn new() -> Box<Fake> {
        Box::new(Fake {
            stdin: VecDeque::new(),
            out: Vec::new(),
            room: Ok(IO_MAX),
            mono: 1000,
            waits: Vec::new(),
            wait_status: OK,
            refused: Vec::new(),
            file: Vec::new(),
            status: OK,
            late: false,
            write_max: usize::MAX,
            started: Vec::new(),
            forgotten: 0,
            told: Vec::new(),
            asks: Vec::new(),
            replies: VecDeque::new(),
            sock: FakeSock::default(),
            http: FakeHttp::default(),
            queue: Vec::new(),
            asks_queue: Vec::new(),
        })
    }

    /// A table of ports over `self`; both must outlive the `Ports` made from it.
    pub fn table(&mut self) -> Box<RawPorts> {
        let ctx = ptr::from_mut(self).cast();
        let mut raw = Box::new(VOID);
        raw.stdio = RawStdio {
            ctx,
            read,
            room,
            write,
        };
        raw.clock.ctx = ctx;
        raw.clock.mono_now = mono_now;
        raw.clock.wait = wait;
        raw.random = RawRandom { ctx, fill };
        raw.refuse = RawRefuse { ctx, refused };
        raw.tree = RawTree {
            ctx,
            preopen,
            start,
        };
        raw.forget = forget;
        raw.forget_ctx = ctx;
        raw.client = RawClient {
            ctx,
            progress,
            log: client_log,
            ask,
        };
        raw.sock = super::sock::fake::port(ctx);
        raw
    }

    /// Let requests be sent.
    pub fn open_http(&mut self, raw: &mut RawPorts) {
        raw.http = super::http::fake::port(ptr::from_mut(self).cast());
    }

    pub fn count(&self, what: FsOp) -> usize {
        self.started.iter().filter(|op| **op == what).count()
    }

    /// Finish the requests in flight.
    pub fn complete(&mut self) {
        for call in std::mem::take(&mut self.queue) {
            // SAFETY: a call in flight stays where it is until `done`.
            unsafe {
                (*call).op.status = self.run(&mut *call);
                let done = (*call).op.done.expect("op.done is set");
                done(&mut (*call).op);
            }
        }
    }

    /// Answer the asks in flight, the last one first.
    pub fn answer(&mut self) {
        let queue = std::mem::take(&mut self.asks_queue);
        for (ask, reply) in queue.into_iter().zip(self.replies.drain(..)).rev() {
            // SAFETY: an ask in flight stays where it is until `done`.
            unsafe {
                fill_reply(&mut *ask, &reply);
                let done = (*ask).op.done.expect("op.done is set");
                done(&mut (*ask).op);
            }
        }
    }

    fn run(&mut self, call: &mut RawFsCall) -> u32 {
        if self.status != OK {
            return self.status;
        }
        match call.what {
            FsOp::Open => {
                call.out_handle = 7;
                call.out_type = 6;
                call.out_fd_flags = call.fd_flags;
            }
            FsOp::Read => {
                let at = self.file.len().min(call.offset as usize);
                let n = call.len.min(self.file.len() - at);
                // SAFETY: the caller lends `len` bytes.
                unsafe { ptr::copy_nonoverlapping(self.file[at..].as_ptr(), call.buf, n) };
                call.out_count = n;
            }
            FsOp::Write | FsOp::Append => {
                let n = call.len.min(self.write_max);
                let at = match call.what {
                    FsOp::Write => call.offset as usize,
                    _ => self.file.len(),
                };
                if self.file.len() < at + n {
                    self.file.resize(at + n, 0);
                }
                // SAFETY: the caller lends `len` bytes.
                let bytes = unsafe { std::slice::from_raw_parts(call.buf, n) };
                self.file[at..at + n].copy_from_slice(bytes);
                call.out_count = n;
            }
            _ => {}
        }
        OK
    }
}

/// The fake behind a port's context.
pub(super) fn fake<'a>(ctx: *mut c_void) -> &'a mut Fake {
    // SAFETY: `table` put it there; tests are single-threaded and keep it alive.
    unsafe { &mut *ctx.cast::<Fake>() }
}

unsafe extern "C" fn read(
    ctx: *mut c_void,
    p: *mut u8,
    cap: usize,
    n: *mut usize,
    _: *mut RawWake,
) -> u32 {
    let chunk = match fake(ctx).stdin.pop_front() {
        None => return status::CLOSED,
        Some(None) => return AGAIN,
        Some(Some(chunk)) => chunk,
    };
    assert!(chunk.len() <= cap);
    // SAFETY: the caller lends `cap` bytes and one count.
    unsafe {
        ptr::copy_nonoverlapping(chunk.as_ptr(), p, chunk.len());
        *n = chunk.len();
    }
    OK
}

unsafe extern "C" fn room(ctx: *mut c_void, _: u32, n: *mut usize, _: *mut RawWake) -> u32 {
    match fake(ctx).room {
        Ok(0) => AGAIN,
        Ok(room) => {
            // SAFETY: the caller lends one count.
            unsafe { *n = room };
            OK
        }
        Err(st) => st,
    }
}

unsafe extern "C" fn write(ctx: *mut c_void, _: u32, p: *const u8, n: usize) -> u32 {
    // SAFETY: the caller lends `n` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(p, n) };
    fake(ctx).out.extend_from_slice(bytes);
    OK
}

unsafe extern "C" fn mono_now(ctx: *mut c_void) -> u64 {
    fake(ctx).mono
}

unsafe extern "C" fn wait(ctx: *mut c_void, deadline: u64, _: *mut RawWake) -> u32 {
    let fake = fake(ctx);
    fake.waits.push(deadline);
    if fake.wait_status == OK {
        fake.mono = deadline;
    }
    fake.wait_status
}

unsafe extern "C" fn fill(_: *mut c_void, _: bool, p: *mut u8, n: usize) -> u32 {
    // SAFETY: the caller lends `n` bytes.
    unsafe { ptr::write_bytes(p, 42, n) };
    OK
}

unsafe extern "C" fn refused(ctx: *mut c_void, kind: *const c_char, op: Str, target: Str) {
    // SAFETY: a C string, borrowed for the call.
    let kind = unsafe { CStr::from_ptr(kind) }.to_string_lossy();
    let line = format!("{kind} {} {}", op.to_text(), target.to_text());
    fake(ctx).refused.push(line);
}

unsafe extern "C" fn preopen(_: *mut c_void, i: usize, name: *mut Str, handle: *mut u64) -> u32 {
    if i > 1 {
        return status::NOENT;
    }
    // SAFETY: the caller lends both.
    unsafe {
        *name = Str::new(["/", "/src"][i]);
        *handle = 1 + i as u64;
    }
    OK
}

unsafe extern "C" fn start(ctx: *mut c_void, call: *mut RawFsCall) -> u32 {
    let fake = fake(ctx);
    // SAFETY: the call is the caller's until it has finished.
    let call = unsafe { &mut *call };
    fake.started.push(call.what);
    if fake.late && call.what != FsOp::Close {
        fake.queue.push(call);
        return PENDING;
    }
    fake.run(call)
}

unsafe extern "C" fn forget(ctx: *mut c_void, _: *mut RawWake) {
    fake(ctx).forgotten += 1;
}

/// As `writ_buf_add` does.
fn fill_reply(ask: &mut RawAsk, reply: &FakeReply) {
    unsafe extern "C" {
        fn malloc(n: usize) -> *mut c_void;
    }
    ask.answer = reply.answer;
    let n = reply.text.len();
    if n > ask.reply.max {
        ask.reply.failed = status::LIMIT;
        return;
    }
    if n > 0 {
        // SAFETY: fresh memory of `n` bytes.
        ask.reply.ptr = unsafe {
            let p = malloc(n).cast::<u8>();
            ptr::copy_nonoverlapping(reply.text.as_ptr(), p, n);
            p
        };
    }
    ask.reply.len = n;
    ask.reply.cap = n;
}

unsafe extern "C" fn progress(ctx: *mut c_void, done: f64, total: *const f64, message: Str) {
    // SAFETY: null, or borrowed for the call.
    let total = unsafe { total.as_ref() };
    let line = format!("progress {done} {total:?} {}", message.to_text());
    fake(ctx).told.push(line);
}

unsafe extern "C" fn client_log(ctx: *mut c_void, level: u32, logger: Str, data: Str) {
    let line = format!("log {level} {} {}", logger.to_text(), data.to_text());
    fake(ctx).told.push(line);
}

unsafe extern "C" fn ask(ctx: *mut c_void, ask: *mut RawAsk) -> u32 {
    let fake = fake(ctx);
    // SAFETY: the ask is the caller's until it has finished.
    let ask = unsafe { &mut *ask };
    assert_eq!(ask.reply.max, REPLY_MAX);
    fake.asks.push(SeenAsk {
        kind: ask.kind,
        more: ask.more,
        name: ask.name.to_text(),
        text: ask.text.to_text(),
    });
    if fake.status != OK {
        return fake.status;
    }
    if fake.late {
        fake.asks_queue.push(ask);
        return PENDING;
    }
    let reply = fake.replies.pop_front().expect("a reply for each ask");
    fill_reply(ask, &reply);
    OK
}

mod void {
    //! Ports with nothing there and nothing granted, for tests to fill in.
    use super::super::*;
    use super::{RawAsk, RawClient};

    unsafe extern "C" fn read(
        _: *mut c_void,
        _: *mut u8,
        _: usize,
        _: *mut usize,
        _: *mut RawWake,
    ) -> u32 {
        status::CLOSED
    }
    unsafe extern "C" fn room(_: *mut c_void, _: u32, _: *mut usize, _: *mut RawWake) -> u32 {
        status::CLOSED
    }
    unsafe extern "C" fn write(_: *mut c_void, _: u32, _: *const u8, _: usize) -> u32 {
        status::CLOSED
    }
    unsafe extern "C" fn mono(_: *mut c_void) -> u64 {
        1_000_000_000
    }
    unsafe extern "C" fn wall(_: *mut c_void, _: *mut Time) {}
    unsafe extern "C" fn wait(_: *mut c_void, _: u64, _: *mut RawWake) -> u32 {
        status::LIMIT
    }
    unsafe extern "C" fn fill(_: *mut c_void, _: bool, _: *mut u8, _: usize) -> u32 {
        status::DENIED
    }
    unsafe extern "C" fn pair(_: *mut c_void, _: usize, _: *mut Str, _: *mut Str) -> u32 {
        status::NOENT
    }
    unsafe extern "C" fn argument(_: *mut c_void, _: usize, _: *mut Str) -> u32 {
        status::NOENT
    }
    unsafe extern "C" fn log(_: *mut c_void, _: u32, _: Str, _: Str) {}
    unsafe extern "C" fn refused(_: *mut c_void, _: *const c_char, _: Str, _: Str) {}
    unsafe extern "C" fn preopen(_: *mut c_void, _: usize, _: *mut Str, _: *mut u64) -> u32 {
        status::NOENT
    }
    unsafe extern "C" fn start(_: *mut c_void, _: *mut RawFsCall) -> u32 {
        status::IO
    }
    unsafe extern "C" fn forget(_: *mut c_void, _: *mut RawWake) {}
    unsafe extern "C" fn progress(_: *mut c_void, _: f64, _: *const f64, _: Str) {}
    unsafe extern "C" fn ask(_: *mut c_void, _: *mut RawAsk) -> u32 {
        status::IO
    }

    pub const PORTS: RawPorts = {
        let ctx = ptr::null_mut();
        RawPorts {
            stdio: RawStdio {
                ctx,
                read,
                room,
                write,
            },
            clock: RawClock {
                ctx,
                mono_now: mono,
                mono_resolution: mono,
                wall_now: wall,
                wall_resolution: wall,
                wait,
            },
            random: RawRandom { ctx, fill },
            env: RawEnv {
                ctx,
                variable: pair,
                argument,
                config: pair,
            },
            log: RawLog { ctx, log },
            refuse: RawRefuse { ctx, refused },
            tree: RawTree {
                ctx,
                preopen,
                start,
            },
            forget,
            forget_ctx: ctx,
            http: http::VOID,
            client: RawClient {
                ctx,
                progress,
                log,
                ask,
            },
            sock: super::super::sock::fake::port(ctx),
        }
    };
}

const VOID: RawPorts = void::PORTS;
