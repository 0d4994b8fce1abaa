//! The sockets port for tests: part of the one `Fake`.

use super::super::fake::fake;
use super::*;
use std::{collections::VecDeque, ptr};

/// A request as it came.
#[derive(Debug, PartialEq)]
pub struct SeenSock {
    pub what: SockOp,
    pub sock: u64,
    pub address: Option<SockAddress>,
    pub name: String,
}

/// What a request comes to.
#[derive(Clone, Default)]
pub struct SockReply {
    /// A number of `enum writ_sock_error`.
    pub error: Option<u32>,
    pub sock: u64,
    pub local: SockAddress,
    pub remote: SockAddress,
    pub addresses: Vec<[u8; 16]>,
}

#[derive(Default)]
pub struct FakeSock {
    /// Something of sockets is granted.
    pub granted: bool,
    pub full: bool,
    /// Requests stay open until `finish`.
    pub late: bool,
    pub created: Vec<(bool, bool)>,
    pub seen: Vec<SeenSock>,
    pub replies: VecDeque<SockReply>,
    pub set: Vec<(SockOption, u64)>,
    pub shut: Vec<u32>,
    pub closed: Vec<u64>,
    /// What reads give; none: not yet.
    pub input: VecDeque<Result<Vec<u8>, SockFault>>,
    pub room: Option<SockFault>,
    pub flushed: Option<SockFault>,
    pub output: Vec<u8>,
    pub grams_in: VecDeque<Result<(SockAddress, Vec<u8>), SockFault>>,
    pub gram_room: usize,
    pub grams_out: Vec<(SockAddress, Vec<u8>)>,
    queue: Vec<*mut RawSockCall>,
}

impl FakeSock {
    /// Finish the requests in flight.
    pub fn finish(&mut self) {
        for call in std::mem::take(&mut self.queue) {
            // SAFETY: a call in flight stays where it is until `done`.
            unsafe {
                (*call).op.status = self.run(&mut *call);
                let done = (*call).op.done.expect("op.done is set");
                done(&mut (*call).op);
            }
        }
    }

    fn run(&mut self, call: &mut RawSockCall) -> u32 {
        let reply = self.replies.pop_front().unwrap_or_default();
        if let Some(error) = reply.error {
            call.error = error;
            return status::IO;
        }
        call.out_sock = reply.sock;
        call.local = reply.local;
        call.remote = reply.remote;
        call.count = reply.addresses.len();
        call.addresses[..call.count].copy_from_slice(&reply.addresses);
        OK
    }
}

/// The status of a fault; its error goes to `error`.
///
/// # Safety
/// `error` is null or lent.
unsafe fn status_of(fault: SockFault, to: *mut u32) -> u32 {
    match fault {
        SockFault::Again => AGAIN,
        SockFault::Closed => status::CLOSED,
        SockFault::Failed(e) => {
            // SAFETY: the caller's promise.
            if let Some(to) = unsafe { to.as_mut() } {
                *to = e;
            }
            status::IO
        }
    }
}

unsafe extern "C" fn create(ctx: *mut c_void, udp: bool, v6: bool, sock: *mut u64) -> u32 {
    if ctx.is_null() || !fake(ctx).sock.granted {
        return status::DENIED;
    }
    let fake = &mut fake(ctx).sock;
    if fake.full {
        return status::LIMIT;
    }
    fake.created.push((udp, v6));
    // SAFETY: lent.
    unsafe { *sock = fake.created.len() as u64 };
    OK
}

unsafe extern "C" fn start(ctx: *mut c_void, call: *mut RawSockCall) -> u32 {
    if ctx.is_null() || !fake(ctx).sock.granted {
        return status::DENIED;
    }
    let fake = &mut fake(ctx).sock;
    // SAFETY: the call is the caller's until it has finished.
    let call = unsafe { &mut *call };
    fake.seen.push(SeenSock {
        what: call.what,
        sock: call.sock,
        address: call.has_address.then_some(call.address),
        name: call.name.to_text(),
    });
    if fake.late {
        fake.queue.push(call);
        return PENDING;
    }
    fake.run(call)
}

unsafe extern "C" fn set(ctx: *mut c_void, _: u64, option: SockOption, value: u64) {
    fake(ctx).sock.set.push((option, value));
}

unsafe extern "C" fn read(
    ctx: *mut c_void,
    _: u64,
    p: *mut u8,
    cap: usize,
    n: *mut usize,
    error: *mut u32,
    _: *mut RawWake,
) -> u32 {
    let input = &mut fake(ctx).sock.input;
    match input.pop_front() {
        None => AGAIN,
        Some(Ok(mut bytes)) => {
            if bytes.len() > cap {
                input.push_front(Ok(bytes.split_off(cap)));
            }
            // SAFETY: the caller lends `cap` bytes and one count.
            unsafe {
                ptr::copy_nonoverlapping(bytes.as_ptr(), p, bytes.len());
                *n = bytes.len();
            }
            OK
        }
        // SAFETY: lent.
        Some(Err(fault)) => unsafe { status_of(fault, error) },
    }
}

unsafe extern "C" fn room(
    ctx: *mut c_void,
    _: u64,
    n: *mut usize,
    error: *mut u32,
    _: *mut RawWake,
) -> u32 {
    match fake(ctx).sock.room {
        // SAFETY: lent.
        Some(fault) => unsafe { status_of(fault, error) },
        None => {
            // SAFETY: lent.
            unsafe { *n = 4096 };
            OK
        }
    }
}

unsafe extern "C" fn write(ctx: *mut c_void, _: u64, p: *const u8, n: usize) -> u32 {
    // SAFETY: the caller lends `n` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(p, n) };
    fake(ctx).sock.output.extend_from_slice(bytes);
    OK
}

unsafe extern "C" fn flush(ctx: *mut c_void, _: u64, error: *mut u32, _: *mut RawWake) -> u32 {
    match fake(ctx).sock.flushed {
        // SAFETY: lent.
        Some(fault) => unsafe { status_of(fault, error) },
        None => OK,
    }
}

unsafe extern "C" fn shutdown(ctx: *mut c_void, _: u64, halves: u32) {
    fake(ctx).sock.shut.push(halves);
}

unsafe extern "C" fn receive(
    ctx: *mut c_void,
    _: u64,
    from: *mut SockAddress,
    p: *mut u8,
    cap: usize,
    n: *mut usize,
    error: *mut u32,
    _: *mut RawWake,
) -> u32 {
    match fake(ctx).sock.grams_in.pop_front() {
        None => AGAIN,
        Some(Ok((address, bytes))) => {
            assert!(bytes.len() <= cap);
            // SAFETY: the caller lends all three.
            unsafe {
                *from = address;
                ptr::copy_nonoverlapping(bytes.as_ptr(), p, bytes.len());
                *n = bytes.len();
            }
            OK
        }
        // SAFETY: lent.
        Some(Err(fault)) => unsafe { status_of(fault, error) },
    }
}

unsafe extern "C" fn send_room(ctx: *mut c_void, _: u64, n: *mut usize, _: *mut RawWake) -> u32 {
    // SAFETY: lent.
    unsafe { *n = fake(ctx).sock.gram_room };
    OK
}

unsafe extern "C" fn send(
    ctx: *mut c_void,
    _: u64,
    to: *const SockAddress,
    p: *const u8,
    n: usize,
) -> u32 {
    // SAFETY: the caller lends both.
    let gram = unsafe { (*to, std::slice::from_raw_parts(p, n).to_vec()) };
    fake(ctx).sock.grams_out.push(gram);
    OK
}

unsafe extern "C" fn close(ctx: *mut c_void, sock: u64) {
    fake(ctx).sock.closed.push(sock);
}

pub(in crate::ports) const fn port(ctx: *mut c_void) -> RawSock {
    RawSock {
        ctx,
        create,
        start,
        set,
        read,
        room,
        write,
        flush,
        shutdown,
        receive,
        send_room,
        send,
        close,
    }
}
