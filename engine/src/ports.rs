//! The C side of `src/port/{op,tree,client,ports}.h` and safe calls on it.
//!
//! Layouts here mirror the headers field by field.  A `Ports` is used on the one thread that polls
//! its task; the C side keeps the ports alive until the task is freed.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, c_char, c_void},
    future::poll_fn,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicPtr, Ordering},
    },
    task::{Poll, Wake},
};

mod client;
pub mod http;
pub(crate) mod sock;

pub use client::{ASK_NAME_MAX, ASK_TEXT_MAX, ASKS_MAX, Answer, Ask, AskKind};
pub use sock::{GRAM_MAX, HALF_IN, HALF_OUT, SockAddress, SockCall, SockFault, SockOp, SockOption};

/// `enum writ_status` (include/writ/error.h); the values are stable.
pub mod status {
    pub const OK: u32 = 0;
    pub const AGAIN: u32 = 1;
    pub const PENDING: u32 = 2;
    pub const DENIED: u32 = 3;
    pub const NOENT: u32 = 4;
    pub const EXIST: u32 = 5;
    pub const LIMIT: u32 = 6;
    pub const INVALID: u32 = 7;
    pub const UNSUPPORTED: u32 = 8;
    pub const IO: u32 = 9;
    pub const NOMEM: u32 = 10;
    pub const CLOSED: u32 = 11;
    pub const CANCELLED: u32 = 12;
    pub const NOTDIR: u32 = 14;
    pub const ISDIR: u32 = 15;
    pub const NOTEMPTY: u32 = 16;
    pub const LOOP: u32 = 17;
    pub const NAMETOOLONG: u32 = 18;
    pub const BADF: u32 = 19;
    pub const XDEV: u32 = 20;
    pub const NOSPC: u32 = 21;
    pub const ROFS: u32 = 22;
    pub const BUSY: u32 = 23;
    pub const NOTSYMLINK: u32 = 24;
    pub const OVERFLOW: u32 = 25;
    pub const NOTPERM: u32 = 28;
}
use status::{AGAIN, OK, PENDING};

/// Bytes of one read or write (`WRIT_FS_IO_MAX`) and of one listing reply.
pub const IO_MAX: usize = 64 * 1024;
/// Bytes of one random request (`WRIT_RANDOM_MAX`).
pub const RANDOM_MAX: u64 = 1024 * 1024;
/// Bytes of a refusal's target.
const TARGET_MAX: usize = 4096;
/// Items of one environment, argument or preopen list; far above what a writ allows.
const ITEMS_MAX: usize = 1 << 16;

/// `struct writ_str`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    ptr: *const c_char,
    len: usize,
}

impl Str {
    const EMPTY: Str = Str {
        ptr: ptr::null(),
        len: 0,
    };

    pub fn new(s: &str) -> Str {
        Str {
            ptr: s.as_ptr().cast(),
            len: s.len(),
        }
    }

    /// # Safety
    /// The bytes are lent for `'a`.
    pub unsafe fn borrow<'a>(self) -> &'a [u8] {
        if self.len == 0 || self.ptr.is_null() {
            return &[];
        }
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts(self.ptr.cast::<u8>(), self.len) }
    }

    /// A copy; bytes that are not UTF-8 are replaced.
    fn to_text(self) -> String {
        // SAFETY: the port lends `len` bytes for its own life.
        let bytes = unsafe { self.borrow() };
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// `struct writ_wake`.
#[repr(C)]
pub struct RawWake {
    fire: unsafe extern "C" fn(*mut RawWake),
}

/// `struct writ_op`.
#[repr(C)]
struct RawOp {
    done: Option<unsafe extern "C" fn(*mut RawOp)>,
    status: u32,
}

/// `struct writ_time`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Time {
    pub s: i64,
    pub ns: u32,
}

/// `struct writ_stat`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Stat {
    pub kind: u32,
    pub links: u64,
    pub size: u64,
    pub atime: Time,
    pub mtime: Time,
    pub ctime: Time,
    pub hash_hi: u64,
    pub hash_lo: u64,
}

/// `enum writ_fs_op`.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FsOp {
    Open,
    Stat,
    StatAt,
    Read,
    Write,
    Append,
    SetSize,
    SetTimes,
    SetTimesAt,
    Sync,
    SyncData,
    List,
    Mkdir,
    Rmdir,
    Unlink,
    Rename,
    Link,
    Symlink,
    Readlink,
    Close,
}

/// `struct writ_fs_call`.
#[repr(C)]
struct RawFsCall {
    op: RawOp,
    what: FsOp,
    handle: u64,
    handle2: u64,
    path: Str,
    path2: Str,
    path_flags: u32,
    open_flags: u32,
    fd_flags: u32,
    offset: u64,
    size: u64,
    cookie: u64,
    atime_how: u32,
    mtime_how: u32,
    atime: Time,
    mtime: Time,
    buf: *mut u8,
    len: usize,
    out_handle: u64,
    out_type: u32,
    out_fd_flags: u32,
    out_count: usize,
    out_cookie: u64,
    out_stat: Stat,
}

#[repr(C)]
struct RawStdio {
    ctx: *mut c_void,
    read: unsafe extern "C" fn(*mut c_void, *mut u8, usize, *mut usize, *mut RawWake) -> u32,
    room: unsafe extern "C" fn(*mut c_void, u32, *mut usize, *mut RawWake) -> u32,
    write: unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> u32,
}

#[repr(C)]
struct RawClock {
    ctx: *mut c_void,
    mono_now: unsafe extern "C" fn(*mut c_void) -> u64,
    mono_resolution: unsafe extern "C" fn(*mut c_void) -> u64,
    wall_now: unsafe extern "C" fn(*mut c_void, *mut Time),
    wall_resolution: unsafe extern "C" fn(*mut c_void, *mut Time),
    wait: unsafe extern "C" fn(*mut c_void, u64, *mut RawWake) -> u32,
}

#[repr(C)]
struct RawRandom {
    ctx: *mut c_void,
    fill: unsafe extern "C" fn(*mut c_void, bool, *mut u8, usize) -> u32,
}

type PairFn = unsafe extern "C" fn(*mut c_void, usize, *mut Str, *mut Str) -> u32;

#[repr(C)]
struct RawEnv {
    ctx: *mut c_void,
    variable: PairFn,
    argument: unsafe extern "C" fn(*mut c_void, usize, *mut Str) -> u32,
    config: PairFn,
}

#[repr(C)]
struct RawLog {
    ctx: *mut c_void,
    log: unsafe extern "C" fn(*mut c_void, u32, Str, Str),
}

#[repr(C)]
struct RawRefuse {
    ctx: *mut c_void,
    refused: unsafe extern "C" fn(*mut c_void, *const c_char, Str, Str),
}

#[repr(C)]
struct RawTree {
    ctx: *mut c_void,
    preopen: unsafe extern "C" fn(*mut c_void, usize, *mut Str, *mut u64) -> u32,
    start: unsafe extern "C" fn(*mut c_void, *mut RawFsCall) -> u32,
}

/// `struct writ_ports`.
#[repr(C)]
pub struct RawPorts {
    stdio: RawStdio,
    clock: RawClock,
    random: RawRandom,
    env: RawEnv,
    log: RawLog,
    refuse: RawRefuse,
    tree: RawTree,
    forget: unsafe extern "C" fn(*mut c_void, *mut RawWake),
    forget_ctx: *mut c_void,
    client: client::RawClient,
    sock: sock::RawSock,
    http: http::RawHttp,
}

/// The C wake of one task.  Operations in flight share it and outlive the task; it is empty then.
pub struct WakeCell(AtomicPtr<RawWake>);

impl WakeCell {
    pub fn new(wake: *mut RawWake) -> Arc<WakeCell> {
        Arc::new(WakeCell(AtomicPtr::new(wake)))
    }

    fn raw(&self) -> *mut RawWake {
        self.0.load(Ordering::Relaxed)
    }

    fn fire(&self) {
        let wake = self.raw();
        if !wake.is_null() {
            // SAFETY: the C side keeps the wake until the task is freed, which empties the cell.
            unsafe { ((*wake).fire)(wake) }
        }
    }
}

impl Wake for WakeCell {
    fn wake(self: Arc<Self>) {
        self.fire();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.fire();
    }
}

/// The ports of one task.
#[derive(Clone)]
pub struct Ports {
    raw: *const RawPorts,
    wake: Arc<WakeCell>,
}

// SAFETY: used only on the thread that polls the task (engine.h); nothing moves it to another.
unsafe impl Send for Ports {}
// SAFETY: as above.
unsafe impl Sync for Ports {}

/// What a tree request is about; fields that it does not need stay at their defaults.
pub struct FsReq<'a> {
    pub what: FsOp,
    pub handle: u64,
    pub handle2: u64,
    pub path: &'a str,
    pub path2: &'a str,
    pub path_flags: u32,
    pub open_flags: u32,
    pub fd_flags: u32,
    pub offset: u64,
    pub size: u64,
    pub cookie: u64,
    /// How (`enum writ_time_how`) and to what the times are set.
    pub atime: (u32, Time),
    pub mtime: (u32, Time),
    /// Bytes to write, or an empty buffer whose capacity takes the answer.
    pub buf: Vec<u8>,
    /// Length of the read, listing or link buffer; for writes the length of `buf` counts.
    pub room: usize,
}

impl FsReq<'_> {
    pub fn new(what: FsOp, handle: u64) -> Self {
        FsReq {
            what,
            handle,
            handle2: 0,
            path: "",
            path2: "",
            path_flags: 0,
            open_flags: 0,
            fd_flags: 0,
            offset: 0,
            size: 0,
            cookie: 0,
            atime: (0, Time::default()),
            mtime: (0, Time::default()),
            buf: Vec::new(),
            room: 0,
        }
    }
}

/// A finished tree request.  `buf` holds what was read, or what was to be written.
pub struct FsDone {
    pub status: u32,
    pub handle: u64,
    pub kind: u32,
    pub fd_flags: u32,
    pub count: usize,
    pub cookie: u64,
    pub stat: Stat,
    pub buf: Vec<u8>,
}

/// A tree request with its buffer.  The C side may hold one strong count of it, until it calls
/// `done`; so the buffer lives as long as the request, whoever has lost interest.
#[repr(C)]
pub struct Call {
    raw: UnsafeCell<RawFsCall>,
    buf: UnsafeCell<Vec<u8>>,
    finished: AtomicBool,
    wake: Arc<WakeCell>,
}

// SAFETY: only the polling thread touches a call (op.h); `finished` orders the two sides.
unsafe impl Send for Call {}
// SAFETY: as above.
unsafe impl Sync for Call {}

pub enum Started {
    Now(FsDone),
    Later(Arc<Call>),
}

impl Call {
    fn new(req: FsReq, wake: Arc<WakeCell>) -> Arc<Call> {
        let mut buf = req.buf;
        let reads = matches!(req.what, FsOp::Read | FsOp::List | FsOp::Readlink);
        let len = if reads {
            buf.clear();
            buf.reserve_exact(req.room);
            req.room
        } else {
            buf.len()
        };
        let raw = RawFsCall {
            op: RawOp {
                done: Some(on_done),
                status: OK,
            },
            what: req.what,
            handle: req.handle,
            handle2: req.handle2,
            path: Str::new(req.path),
            path2: Str::new(req.path2),
            path_flags: req.path_flags,
            open_flags: req.open_flags,
            fd_flags: req.fd_flags,
            offset: req.offset,
            size: req.size,
            cookie: req.cookie,
            atime_how: req.atime.0,
            mtime_how: req.mtime.0,
            atime: req.atime.1,
            mtime: req.mtime.1,
            buf: buf.as_mut_ptr(),
            len,
            out_handle: 0,
            out_type: 0,
            out_fd_flags: 0,
            out_count: 0,
            out_cookie: 0,
            out_stat: Stat::default(),
        };
        Arc::new(Call {
            raw: UnsafeCell::new(raw),
            buf: UnsafeCell::new(buf),
            finished: AtomicBool::new(false),
            wake,
        })
    }

    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The result, once; only after the request has finished.
    pub fn take(&self) -> FsDone {
        assert!(self.is_finished(), "a request in flight has no result");
        // SAFETY: finished: the C side has let go of it, and nothing else refers to the cells.
        let (raw, mut buf) = unsafe { (&*self.raw.get(), std::mem::take(&mut *self.buf.get())) };
        let mut count = 0;
        if raw.op.status == OK {
            count = raw.out_count;
            if matches!(raw.what, FsOp::Read | FsOp::List | FsOp::Readlink) {
                assert!(count <= raw.len, "a port filled more than it was given");
                // SAFETY: `len` bytes were reserved and the port has set the first `count`.
                unsafe { buf.set_len(count) }
            } else if matches!(raw.what, FsOp::Write | FsOp::Append) {
                assert!(count <= raw.len, "a port wrote more than it was given");
            }
        }
        FsDone {
            status: raw.op.status,
            handle: raw.out_handle,
            kind: raw.out_type,
            fd_flags: raw.out_fd_flags,
            count,
            cookie: raw.out_cookie,
            stat: raw.out_stat,
            buf,
        }
    }
}

/// `op.done`: takes over the strong count that `start` left with the C side.
unsafe extern "C" fn on_done(op: *mut RawOp) {
    // SAFETY: `op` is the first field of the first field of a Call leaked by `fs_start`.
    let call = unsafe { Arc::from_raw(op.cast::<Call>().cast_const()) };
    call.finished.store(true, Ordering::Release);
    call.wake.fire();
}

impl Ports {
    pub fn new(raw: *const RawPorts, wake: Arc<WakeCell>) -> Ports {
        Ports { raw, wake }
    }

    fn raw(&self) -> &RawPorts {
        // SAFETY: borrowed from the C side until the task is freed (engine.h).
        unsafe { &*self.raw }
    }

    /// No port may fire the wake from here on.
    pub fn forget(&self) {
        let raw = self.raw();
        // SAFETY: the contract of `forget` in ports.h.
        unsafe { (raw.forget)(raw.forget_ctx, self.wake.raw()) }
        self.wake.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Start a tree request.
    pub fn fs_start(&self, req: FsReq) -> Started {
        let call = Call::new(req, self.wake.clone());
        let tree = &self.raw().tree;
        let leaked = Arc::into_raw(call.clone());
        // SAFETY: the call stays where it is until it has finished: the leaked count holds it.
        let st = unsafe { (tree.start)(tree.ctx, call.raw.get()) };
        if st == PENDING {
            return Started::Later(call);
        }
        // SAFETY: finished at once, `done` will not be called: the count comes back here.
        drop(unsafe { Arc::from_raw(leaked) });
        // SAFETY: finished: nothing else refers to the cell.
        unsafe { (*call.raw.get()).op.status = st };
        call.finished.store(true, Ordering::Relaxed);
        Started::Now(call.take())
    }

    /// Start a tree request and wait for it.
    pub async fn fs(&self, req: FsReq<'_>) -> FsDone {
        match self.fs_start(req) {
            Started::Now(done) => done,
            Started::Later(call) => {
                poll_fn(|_| match call.is_finished() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
                call.take()
            }
        }
    }

    pub fn preopens(&self) -> Vec<(String, u64)> {
        let tree = &self.raw().tree;
        let mut list = Vec::new();
        while list.len() < ITEMS_MAX {
            let (mut name, mut handle) = (Str::EMPTY, 0);
            // SAFETY: the contract of `preopen` in tree.h.
            let st = unsafe { (tree.preopen)(tree.ctx, list.len(), &mut name, &mut handle) };
            if st != OK {
                break;
            }
            list.push((name.to_text(), handle));
        }
        list
    }

    /// Up to `cap` bytes of stdin.  `Err`: the status, `AGAIN` among them.
    pub fn stdin_read(&self, cap: usize) -> Result<Vec<u8>, u32> {
        let stdio = &self.raw().stdio;
        let mut buf = Vec::with_capacity(cap);
        let mut n = 0;
        // SAFETY: `cap` bytes were reserved; the contract of `read` in ports.h.
        let st = unsafe { (stdio.read)(stdio.ctx, buf.as_mut_ptr(), cap, &mut n, self.wake.raw()) };
        if st != OK {
            return Err(st);
        }
        assert!(n <= cap, "stdin gave more than it was asked for");
        // SAFETY: the port has set the first `n` bytes.
        unsafe { buf.set_len(n) }
        Ok(buf)
    }

    /// How much `stdio_write` takes now.
    pub fn stdio_room(&self, which: u32) -> Result<usize, u32> {
        let stdio = &self.raw().stdio;
        let mut n = 0;
        // SAFETY: the contract of `room` in ports.h.
        match unsafe { (stdio.room)(stdio.ctx, which, &mut n, self.wake.raw()) } {
            OK if n > 0 => Ok(n),
            OK => Err(AGAIN),
            st => Err(st),
        }
    }

    pub fn stdio_write(&self, which: u32, bytes: &[u8]) -> u32 {
        let stdio = &self.raw().stdio;
        // SAFETY: the bytes are borrowed for the call; the contract of `write` in ports.h.
        unsafe { (stdio.write)(stdio.ctx, which, bytes.as_ptr(), bytes.len()) }
    }

    pub fn mono_now(&self) -> u64 {
        let clock = &self.raw().clock;
        // SAFETY: the contract of ports.h.
        unsafe { (clock.mono_now)(clock.ctx) }
    }

    pub fn mono_resolution(&self) -> u64 {
        let clock = &self.raw().clock;
        // SAFETY: the contract of ports.h.
        unsafe { (clock.mono_resolution)(clock.ctx) }
    }

    pub fn wall_now(&self) -> Time {
        let clock = &self.raw().clock;
        let mut t = Time::default();
        // SAFETY: the contract of ports.h.
        unsafe { (clock.wall_now)(clock.ctx, &mut t) };
        t
    }

    pub fn wall_resolution(&self) -> Time {
        let clock = &self.raw().clock;
        let mut t = Time::default();
        // SAFETY: the contract of ports.h.
        unsafe { (clock.wall_resolution)(clock.ctx, &mut t) };
        t
    }

    pub fn clock_wait(&self, deadline: u64) -> u32 {
        let clock = &self.raw().clock;
        // SAFETY: the contract of `wait` in ports.h.
        unsafe { (clock.wait)(clock.ctx, deadline, self.wake.raw()) }
    }

    pub fn random(&self, insecure: bool, bytes: &mut [u8]) -> u32 {
        let random = &self.raw().random;
        // SAFETY: the bytes are lent for the call; the contract of `fill` in ports.h.
        unsafe { (random.fill)(random.ctx, insecure, bytes.as_mut_ptr(), bytes.len()) }
    }

    fn pairs(&self, get: PairFn) -> Vec<(String, String)> {
        let ctx = self.raw().env.ctx;
        let mut list = Vec::new();
        while list.len() < ITEMS_MAX {
            let (mut key, mut value) = (Str::EMPTY, Str::EMPTY);
            // SAFETY: the contract of `variable` and `config` in ports.h.
            if unsafe { get(ctx, list.len(), &mut key, &mut value) } != OK {
                break;
            }
            list.push((key.to_text(), value.to_text()));
        }
        list
    }

    pub fn variables(&self) -> Vec<(String, String)> {
        self.pairs(self.raw().env.variable)
    }

    pub fn config(&self) -> Vec<(String, String)> {
        self.pairs(self.raw().env.config)
    }

    pub fn arguments(&self) -> Vec<String> {
        let env = &self.raw().env;
        let mut list = Vec::new();
        while list.len() < ITEMS_MAX {
            let mut arg = Str::EMPTY;
            // SAFETY: the contract of `argument` in ports.h.
            if unsafe { (env.argument)(env.ctx, list.len(), &mut arg) } != OK {
                break;
            }
            list.push(arg.to_text());
        }
        list
    }

    pub fn log(&self, level: u32, context: &str, message: &str) {
        let log = &self.raw().log;
        // SAFETY: both texts are borrowed for the call.
        unsafe { (log.log)(log.ctx, level, Str::new(context), Str::new(message)) }
    }

    /// Report what a void interface refused.
    pub fn refused(&self, kind: &CStr, op: &str, target: &str) {
        let refuse = &self.raw().refuse;
        let target = &target[..target.floor_char_boundary(TARGET_MAX)];
        // SAFETY: all three are borrowed for the call.
        unsafe { (refuse.refused)(refuse.ctx, kind.as_ptr(), Str::new(op), Str::new(target)) }
    }
}

#[cfg(test)]
#[path = "fake.rs"]
pub mod fake;
