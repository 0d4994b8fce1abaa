//! The sockets port (`src/port/sock.h`).

use super::{AGAIN, OK, PENDING, Ports, RawOp, RawWake, Str, WakeCell, c_void, status};
use std::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Addresses of one name (`WRIT_NET_ADDRESSES_MAX`).
pub const ADDRESSES_MAX: usize = 32;
/// Bytes of one datagram (`WRIT_SOCK_GRAM_MAX`).
pub const GRAM_MAX: usize = 65507;

/// `enum writ_sock_error`, which is `wasi:sockets/network.error-code` in its order.
pub mod error {
    pub const UNKNOWN: u32 = 0;
    pub const COUNT: u32 = 21;
}

/// `enum writ_sock_op`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockOp {
    Bind,
    Connect,
    Listen,
    Accept,
    Peer,
    Destine,
    Resolve,
}

/// `enum writ_sock_option`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockOption {
    KeepAlive,
    KeepIdle,
    KeepInterval,
    KeepCount,
    HopLimit,
    ReceiveBuffer,
    SendBuffer,
    Backlog,
}

/// Halves of a connection.
pub const HALF_OUT: u32 = 1;
pub const HALF_IN: u32 = 2;

/// `struct writ_sock_address`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockAddress {
    pub ip: [u8; 16],
    pub port: u16,
}

/// `struct writ_sock_call`.
#[repr(C)]
pub(super) struct RawSockCall {
    pub(super) op: RawOp,
    pub(super) what: SockOp,
    pub(super) sock: u64,
    pub(super) has_address: bool,
    pub(super) address: SockAddress,
    pub(super) name: Str,
    pub(super) error: u32,
    pub(super) out_sock: u64,
    pub(super) local: SockAddress,
    pub(super) remote: SockAddress,
    pub(super) addresses: [[u8; 16]; ADDRESSES_MAX],
    pub(super) count: usize,
}

type BytesFn = unsafe extern "C" fn(
    *mut c_void,
    u64,
    *mut u8,
    usize,
    *mut usize,
    *mut u32,
    *mut RawWake,
) -> u32;
type ReceiveFn = unsafe extern "C" fn(
    *mut c_void,
    u64,
    *mut SockAddress,
    *mut u8,
    usize,
    *mut usize,
    *mut u32,
    *mut RawWake,
) -> u32;

/// `struct writ_sock_port`.
#[repr(C)]
pub(super) struct RawSock {
    pub(super) ctx: *mut c_void,
    pub(super) create: unsafe extern "C" fn(*mut c_void, bool, bool, *mut u64) -> u32,
    pub(super) start: unsafe extern "C" fn(*mut c_void, *mut RawSockCall) -> u32,
    pub(super) set: unsafe extern "C" fn(*mut c_void, u64, SockOption, u64),
    pub(super) read: BytesFn,
    pub(super) room:
        unsafe extern "C" fn(*mut c_void, u64, *mut usize, *mut u32, *mut RawWake) -> u32,
    pub(super) write: unsafe extern "C" fn(*mut c_void, u64, *const u8, usize) -> u32,
    pub(super) flush: unsafe extern "C" fn(*mut c_void, u64, *mut u32, *mut RawWake) -> u32,
    pub(super) shutdown: unsafe extern "C" fn(*mut c_void, u64, u32),
    pub(super) receive: ReceiveFn,
    pub(super) send_room: unsafe extern "C" fn(*mut c_void, u64, *mut usize, *mut RawWake) -> u32,
    pub(super) send:
        unsafe extern "C" fn(*mut c_void, u64, *const SockAddress, *const u8, usize) -> u32,
    pub(super) close: unsafe extern "C" fn(*mut c_void, u64),
}

/// What a finished request came to.  `Err`: a number of `enum writ_sock_error`.
pub struct SockDone {
    pub sock: u64,
    pub local: SockAddress,
    pub remote: SockAddress,
    pub addresses: Vec<[u8; 16]>,
}

/// How an operation of a stream did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SockFault {
    Again,
    Closed,
    /// A number of `enum writ_sock_error`.
    Failed(u32),
}

/// One request.  The C side may hold one strong count of it, until it calls `done`.
#[repr(C)]
pub struct SockCall {
    raw: UnsafeCell<RawSockCall>,
    finished: AtomicBool,
    wake: Arc<WakeCell>,
}

// SAFETY: only the polling thread touches a call (op.h); `finished` orders the two sides.
unsafe impl Send for SockCall {}
// SAFETY: as above.
unsafe impl Sync for SockCall {}

impl SockCall {
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Acquire)
    }

    /// The result; only after the request has finished.
    pub fn result(&self) -> Result<SockDone, u32> {
        assert!(self.is_finished(), "a request in flight has no result");
        // SAFETY: finished: the C side has let go of it, and nothing changes it any more.
        let raw = unsafe { &*self.raw.get() };
        match raw.op.status {
            OK => {}
            status::IO if raw.error < error::COUNT => return Err(raw.error),
            _ => return Err(error::UNKNOWN),
        }
        assert!(
            raw.count <= ADDRESSES_MAX,
            "more addresses than there is room for"
        );
        Ok(SockDone {
            sock: raw.out_sock,
            local: raw.local,
            remote: raw.remote,
            addresses: raw.addresses[..raw.count].to_vec(),
        })
    }
}

/// `op.done`: takes over the strong count that `sock_start` left with the C side.
unsafe extern "C" fn on_done(op: *mut RawOp) {
    // SAFETY: `op` is the first field of the first field of a SockCall leaked by `sock_start`.
    let call = unsafe { Arc::from_raw(op.cast::<SockCall>().cast_const()) };
    call.finished.store(true, Ordering::Release);
    call.wake.fire();
}

fn fault(st: u32, error: u32) -> SockFault {
    match st {
        AGAIN => SockFault::Again,
        status::CLOSED => SockFault::Closed,
        _ if error < error::COUNT => SockFault::Failed(error),
        _ => SockFault::Failed(error::UNKNOWN),
    }
}

impl Ports {
    /// A new socket; `Err`: a status.
    pub fn sock_create(&self, udp: bool, v6: bool) -> Result<u64, u32> {
        let port = &self.raw().sock;
        let mut sock = 0;
        // SAFETY: the contract of sock.h.
        match unsafe { (port.create)(port.ctx, udp, v6, &mut sock) } {
            OK => Ok(sock),
            st => Err(st),
        }
    }

    /// Start a request.  `Err`: nothing of sockets is granted.
    pub fn sock_start(
        &self,
        what: SockOp,
        sock: u64,
        address: Option<SockAddress>,
        name: &str,
    ) -> Result<Arc<SockCall>, ()> {
        let call = Arc::new(SockCall {
            raw: UnsafeCell::new(RawSockCall {
                op: RawOp {
                    done: Some(on_done),
                    status: OK,
                },
                what,
                sock,
                has_address: address.is_some(),
                address: address.unwrap_or_default(),
                name: Str::new(name),
                error: error::UNKNOWN,
                out_sock: 0,
                local: SockAddress::default(),
                remote: SockAddress::default(),
                addresses: [[0; 16]; ADDRESSES_MAX],
                count: 0,
            }),
            finished: AtomicBool::new(false),
            wake: self.wake.clone(),
        });
        let port = &self.raw().sock;
        let leaked = Arc::into_raw(call.clone());
        // SAFETY: the call stays where it is until it has finished: the leaked count holds it.
        let st = unsafe { (port.start)(port.ctx, call.raw.get()) };
        if st == PENDING {
            return Ok(call);
        }
        // SAFETY: finished at once, `done` will not be called: the count comes back here.
        drop(unsafe { Arc::from_raw(leaked) });
        if st == status::DENIED {
            return Err(());
        }
        // SAFETY: finished: nothing else refers to the cell.
        unsafe { (*call.raw.get()).op.status = st };
        call.finished.store(true, Ordering::Relaxed);
        Ok(call)
    }

    pub fn sock_set(&self, sock: u64, option: SockOption, value: u64) {
        let port = &self.raw().sock;
        // SAFETY: the contract of sock.h.
        unsafe { (port.set)(port.ctx, sock, option, value) }
    }

    pub fn sock_read(&self, sock: u64, cap: usize) -> Result<Vec<u8>, SockFault> {
        let port = &self.raw().sock;
        let mut buf = Vec::with_capacity(cap);
        let (mut n, mut error, wake) = (0, error::UNKNOWN, self.wake.raw());
        let to = buf.as_mut_ptr();
        // SAFETY: `cap` bytes were reserved; the contract of sock.h.
        let st = unsafe { (port.read)(port.ctx, sock, to, cap, &mut n, &mut error, wake) };
        if st != OK {
            return Err(fault(st, error));
        }
        assert!(n <= cap, "a socket gave more than it was asked for");
        // SAFETY: the port has set the first `n` bytes.
        unsafe { buf.set_len(n) }
        Ok(buf)
    }

    pub fn sock_room(&self, sock: u64) -> Result<usize, SockFault> {
        let port = &self.raw().sock;
        let (mut n, mut error) = (0, error::UNKNOWN);
        // SAFETY: the contract of sock.h.
        match unsafe { (port.room)(port.ctx, sock, &mut n, &mut error, self.wake.raw()) } {
            OK if n > 0 => Ok(n),
            OK => Err(SockFault::Again),
            st => Err(fault(st, error)),
        }
    }

    pub fn sock_write(&self, sock: u64, bytes: &[u8]) -> Result<(), SockFault> {
        let port = &self.raw().sock;
        // SAFETY: the bytes are borrowed for the call; the contract of sock.h.
        match unsafe { (port.write)(port.ctx, sock, bytes.as_ptr(), bytes.len()) } {
            OK => Ok(()),
            st => Err(fault(st, error::UNKNOWN)),
        }
    }

    pub fn sock_flush(&self, sock: u64) -> Result<(), SockFault> {
        let port = &self.raw().sock;
        let mut error = error::UNKNOWN;
        // SAFETY: the contract of sock.h.
        match unsafe { (port.flush)(port.ctx, sock, &mut error, self.wake.raw()) } {
            OK => Ok(()),
            st => Err(fault(st, error)),
        }
    }

    pub fn sock_shutdown(&self, sock: u64, halves: u32) {
        let port = &self.raw().sock;
        // SAFETY: the contract of sock.h.
        unsafe { (port.shutdown)(port.ctx, sock, halves) }
    }

    pub fn sock_receive(&self, sock: u64) -> Result<(SockAddress, Vec<u8>), SockFault> {
        let port = &self.raw().sock;
        let mut buf = Vec::with_capacity(GRAM_MAX);
        let mut from = SockAddress::default();
        let (mut n, mut error, wake) = (0, error::UNKNOWN, self.wake.raw());
        let to = buf.as_mut_ptr();
        // SAFETY: so many bytes were reserved; the contract of sock.h.
        let st = unsafe {
            let (n, error) = (&mut n, &mut error);
            (port.receive)(port.ctx, sock, &mut from, to, GRAM_MAX, n, error, wake)
        };
        if st != OK {
            return Err(fault(st, error));
        }
        assert!(n <= GRAM_MAX, "a datagram beyond its bound");
        // SAFETY: the port has set the first `n` bytes.
        unsafe { buf.set_len(n) }
        buf.shrink_to_fit();
        Ok((from, buf))
    }

    pub fn sock_send_room(&self, sock: u64) -> Result<usize, SockFault> {
        let port = &self.raw().sock;
        let mut n = 0;
        // SAFETY: the contract of sock.h.
        match unsafe { (port.send_room)(port.ctx, sock, &mut n, self.wake.raw()) } {
            OK if n > 0 => Ok(n),
            OK => Err(SockFault::Again),
            st => Err(fault(st, error::UNKNOWN)),
        }
    }

    pub fn sock_send(&self, sock: u64, to: &SockAddress, bytes: &[u8]) -> Result<(), SockFault> {
        let port = &self.raw().sock;
        // SAFETY: both are borrowed for the call; the contract of sock.h.
        match unsafe { (port.send)(port.ctx, sock, to, bytes.as_ptr(), bytes.len()) } {
            OK => Ok(()),
            st => Err(fault(st, error::UNKNOWN)),
        }
    }

    pub fn sock_close(&self, sock: u64) {
        let port = &self.raw().sock;
        // SAFETY: the contract of sock.h.
        unsafe { (port.close)(port.ctx, sock) }
    }
}

#[cfg(test)]
#[path = "../fake_sock.rs"]
pub mod fake;
