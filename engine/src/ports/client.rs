//! The client port (`src/port/client.h`): what a tool tells and asks whoever called it.

use super::{PENDING, Ports, RawOp, Str, WakeCell, c_void, ptr, status};
use std::{
    cell::UnsafeCell,
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
};

/// Bytes of one ask (`WRIT_ASK_TEXT_MAX`), of its name (`WRIT_TOOL_NAME_MAX`).
pub const ASK_TEXT_MAX: usize = 64 * 1024;
pub const ASK_NAME_MAX: usize = 128;
/// Asks of one call in flight (`WRIT_ASKS_MAX`).
pub const ASKS_MAX: usize = 16;
/// Bytes of one reply (`WRIT_MCP_ASK_MAX`).
pub const REPLY_MAX: usize = 256 * 1024;

/// `enum writ_ask_kind`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskKind {
    Elicit,
    Sample,
    Roots,
    Spawn,
}

/// `enum writ_ask_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Ok,
    Err,
    Denied,
    Unsupported,
    Cancelled,
    Unknown,
    Arguments,
    Limit,
    Failed,
}

impl Answer {
    fn of(raw: u32) -> Answer {
        match raw {
            0 => Answer::Ok,
            1 => Answer::Err,
            2 => Answer::Denied,
            3 => Answer::Unsupported,
            4 => Answer::Cancelled,
            5 => Answer::Unknown,
            6 => Answer::Arguments,
            7 => Answer::Limit,
            _ => Answer::Failed,
        }
    }
}

/// `struct writ_buf`.
#[repr(C)]
pub(super) struct RawBuf {
    pub(super) ptr: *mut u8,
    pub(super) len: usize,
    pub(super) cap: usize,
    pub(super) max: usize,
    pub(super) failed: u32,
}

/// `struct writ_ask`.
#[repr(C)]
pub(super) struct RawAsk {
    pub(super) op: RawOp,
    pub(super) kind: AskKind,
    pub(super) more: bool,
    pub(super) name: Str,
    pub(super) text: Str,
    pub(super) answer: u32,
    pub(super) reply: RawBuf,
}

/// `struct writ_client_port`.
#[repr(C)]
pub(super) struct RawClient {
    pub(super) ctx: *mut c_void,
    pub(super) progress: unsafe extern "C" fn(*mut c_void, f64, *const f64, Str),
    pub(super) log: unsafe extern "C" fn(*mut c_void, u32, Str, Str),
    pub(super) ask: unsafe extern "C" fn(*mut c_void, *mut RawAsk) -> u32,
}

unsafe extern "C" {
    /// What `writ_mem_free` is: a reply's bytes come from C's allocator.
    fn free(p: *mut c_void);
}

/// One ask with its reply.  The C side may hold one strong count of it, until it calls `done`; so
/// both live as long as the request, whoever has lost interest.
#[repr(C)]
pub struct Ask {
    raw: UnsafeCell<RawAsk>,
    finished: AtomicBool,
    wake: Arc<WakeCell>,
}

// SAFETY: only the polling thread touches an ask (op.h); `finished` orders the two sides.
unsafe impl Send for Ask {}
// SAFETY: as above.
unsafe impl Sync for Ask {}

impl Drop for Ask {
    fn drop(&mut self) {
        // SAFETY: the last count is gone, the C side's among them; null or from its allocator.
        unsafe { free(self.raw.get_mut().reply.ptr.cast()) }
    }
}

impl Ask {
    fn new(kind: AskKind, more: bool, wake: Arc<WakeCell>) -> Arc<Ask> {
        let raw = RawAsk {
            op: RawOp {
                done: Some(on_done),
                status: status::OK,
            },
            kind,
            more,
            name: Str::EMPTY,
            text: Str::EMPTY,
            answer: u32::MAX,
            reply: RawBuf {
                ptr: ptr::null_mut(),
                len: 0,
                cap: 0,
                max: REPLY_MAX,
                failed: status::OK,
            },
        };
        Arc::new(Ask {
            raw: UnsafeCell::new(raw),
            finished: AtomicBool::new(false),
            wake,
        })
    }

    /// The answer and its text, once it is there.  Text that is not UTF-8 is a failure.
    pub async fn answer(&self) -> (Answer, String) {
        poll_fn(|_| match self.finished.load(Ordering::Acquire) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        // SAFETY: finished: the C side has let go of it, and nothing changes it any more.
        let raw = unsafe { &*self.raw.get() };
        if raw.op.status != status::OK {
            return (Answer::Failed, String::new());
        }
        if raw.reply.failed != status::OK {
            return (Answer::Limit, String::new());
        }
        assert!(raw.reply.len <= REPLY_MAX, "a reply beyond its bound");
        let reply = Str {
            ptr: raw.reply.ptr.cast(),
            len: raw.reply.len,
        };
        // SAFETY: the bytes are the ask's, which outlives the copy made here.
        match std::str::from_utf8(unsafe { reply.borrow() }) {
            Ok(text) => (Answer::of(raw.answer), text.to_string()),
            Err(_) => (Answer::Failed, String::new()),
        }
    }
}

/// `op.done`: takes over the strong count that `ask` left with the C side.
unsafe extern "C" fn on_done(op: *mut RawOp) {
    // SAFETY: `op` is the first field of the first field of an Ask leaked by `Ports::ask`.
    let ask = unsafe { Arc::from_raw(op.cast::<Ask>().cast_const()) };
    ask.finished.store(true, Ordering::Release);
    ask.wake.fire();
}

impl Ports {
    /// How far the call is.
    pub fn progress(&self, done: f64, total: Option<f64>, message: &str) {
        let client = &self.raw().client;
        let total = total.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the total and the message are borrowed for the call.
        unsafe { (client.progress)(client.ctx, done, total, Str::new(message)) }
    }

    /// A line for the client.
    pub fn client_log(&self, level: u32, logger: &str, data: &str) {
        let client = &self.raw().client;
        // SAFETY: both texts are borrowed for the call.
        unsafe { (client.log)(client.ctx, level, Str::new(logger), Str::new(data)) }
    }

    /// Start an ask; `more`: another one of the same round follows at once.
    pub fn ask(&self, kind: AskKind, name: &str, text: &str, more: bool) -> Arc<Ask> {
        let ask = Ask::new(kind, more, self.wake.clone());
        let client = &self.raw().client;
        let raw = ask.raw.get();
        // SAFETY: nothing else refers to the cell yet.
        unsafe {
            (*raw).name = Str::new(name);
            (*raw).text = Str::new(text);
        }
        let leaked = Arc::into_raw(ask.clone());
        // SAFETY: the ask stays where it is until it has finished: the leaked count holds it.
        let st = unsafe { (client.ask)(client.ctx, raw) };
        if st != PENDING {
            // SAFETY: finished at once, `done` will not be called: the count comes back here.
            drop(unsafe { Arc::from_raw(leaked) });
            // SAFETY: finished: nothing else refers to the cell.
            unsafe { (*raw).op.status = st };
            ask.finished.store(true, Ordering::Relaxed);
        }
        ask
    }
}
