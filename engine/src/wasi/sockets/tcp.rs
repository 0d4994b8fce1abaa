//! wasi:sockets/tcp: the states of a TCP socket.

use super::{Answer, Net, Sock, Use, code_of, lift, lower};
use crate::bindings::wasi::sockets::{tcp, tcp_create_socket};
use crate::poll::Pollable;
use crate::ports::{HALF_IN, HALF_OUT, SockAddress, SockCall, SockOp, SockOption};
use crate::state::State;
use crate::stream::{InStream, OutStream};
use std::sync::Arc;
use tcp::{ErrorCode, IpAddressFamily, IpSocketAddress, ShutdownType};
use wasmtime::Result;
use wasmtime::component::Resource;

type This = Resource<TcpSocket>;

const SECOND: u64 = 1_000_000_000;
/// What Linux takes of the keep-alive times and counts.
const KEEP_S_MAX: u64 = 32767;
const KEEP_COUNT_MAX: u32 = 127;
/// Buffers in the kernel (`WRIT_SOCK_BUFFER_MAX`).
const BUFFER_MIN: u64 = 4096;
const BUFFER_MAX: u64 = 1024 * 1024;
/// `WRIT_SOCK_BACKLOG_MAX`.
const BACKLOG_MAX: u64 = 128;

pub fn buffer_size(value: u64) -> u64 {
    value.clamp(BUFFER_MIN, BUFFER_MAX)
}

enum Stage {
    Unbound,
    Binding(Arc<SockCall>),
    Bound,
    ToListen(Arc<SockCall>),
    /// With the request for the next client, once somebody has asked.
    Listening(Option<Arc<SockCall>>),
    Connecting(Arc<SockCall>),
    Connected,
    Closed,
}

/// As they were set; a client that is accepted inherits them.
#[derive(Clone)]
struct Options {
    keep_alive: bool,
    keep_idle: u64,
    keep_interval: u64,
    keep_count: u32,
    hop_limit: u8,
    receive_buffer: u64,
    send_buffer: u64,
}

pub struct TcpSocket {
    sock: Arc<Sock>,
    family: IpAddressFamily,
    stage: Stage,
    local: Option<SockAddress>,
    remote: Option<SockAddress>,
    options: Options,
}

impl TcpSocket {
    fn new(sock: Arc<Sock>, family: IpAddressFamily) -> TcpSocket {
        TcpSocket {
            sock,
            family,
            stage: Stage::Unbound,
            local: None,
            remote: None,
            options: Options {
                keep_alive: false,
                keep_idle: 7200 * SECOND,
                keep_interval: 75 * SECOND,
                keep_count: 9,
                hop_limit: 64,
                receive_buffer: 128 * 1024,
                send_buffer: 128 * 1024,
            },
        }
    }

    /// The client that an accept came to.
    fn accepted(&self, sock: Arc<Sock>, local: SockAddress, remote: SockAddress) -> TcpSocket {
        TcpSocket {
            sock,
            family: self.family,
            stage: Stage::Connected,
            local: Some(local),
            remote: Some(remote),
            options: self.options.clone(),
        }
    }

    /// Whether an operation that was started can be finished, or an accept would tell something.
    pub fn ready(&mut self) -> bool {
        match &mut self.stage {
            Stage::Binding(call) | Stage::ToListen(call) | Stage::Connecting(call) => {
                call.is_finished()
            }
            Stage::Listening(next) => match next {
                Some(call) => call.is_finished(),
                None => match self.sock.start(SockOp::Accept, None) {
                    Ok(call) => next.insert(call).is_finished(),
                    Err(_) => true,
                },
            },
            _ => true,
        }
    }

    fn in_progress(&self) -> bool {
        matches!(
            self.stage,
            Stage::Binding(_) | Stage::ToListen(_) | Stage::Connecting(_)
        )
    }

    fn start_bind(&mut self, address: &IpSocketAddress) -> Answer<()> {
        if self.in_progress() {
            return Err(ErrorCode::ConcurrencyConflict);
        }
        if !matches!(self.stage, Stage::Unbound) {
            return Err(ErrorCode::InvalidState);
        }
        let address = lower(self.family, address, Use::Local)?;
        self.stage = Stage::Binding(self.sock.start(SockOp::Bind, Some(address))?);
        Ok(())
    }

    fn finish_bind(&mut self) -> Answer<()> {
        let Stage::Binding(call) = &self.stage else {
            return Err(ErrorCode::NotInProgress);
        };
        if !call.is_finished() {
            return Err(ErrorCode::WouldBlock);
        }
        match call.result() {
            Ok(done) => {
                self.stage = Stage::Bound;
                self.local = Some(done.local);
                Ok(())
            }
            Err(e) => {
                self.stage = Stage::Unbound;
                Err(code_of(e))
            }
        }
    }

    fn start_connect(&mut self, address: &IpSocketAddress) -> Answer<()> {
        if self.in_progress() {
            return Err(ErrorCode::ConcurrencyConflict);
        }
        if !matches!(self.stage, Stage::Unbound | Stage::Bound) {
            return Err(ErrorCode::InvalidState);
        }
        let address = lower(self.family, address, Use::Remote)?;
        self.stage = Stage::Connecting(self.sock.start(SockOp::Connect, Some(address))?);
        Ok(())
    }

    fn finish_connect(&mut self) -> Answer<()> {
        let Stage::Connecting(call) = &self.stage else {
            return Err(ErrorCode::NotInProgress);
        };
        if !call.is_finished() {
            return Err(ErrorCode::WouldBlock);
        }
        match call.result() {
            Ok(done) => {
                self.stage = Stage::Connected;
                self.local = Some(done.local);
                self.remote = Some(done.remote);
                Ok(())
            }
            Err(e) => {
                self.stage = Stage::Closed;
                Err(code_of(e))
            }
        }
    }

    fn start_listen(&mut self) -> Answer<()> {
        if self.in_progress() {
            return Err(ErrorCode::ConcurrencyConflict);
        }
        if !matches!(self.stage, Stage::Bound) {
            return Err(ErrorCode::InvalidState);
        }
        self.stage = Stage::ToListen(self.sock.start(SockOp::Listen, None)?);
        Ok(())
    }

    fn finish_listen(&mut self) -> Answer<()> {
        let Stage::ToListen(call) = &self.stage else {
            return Err(ErrorCode::NotInProgress);
        };
        if !call.is_finished() {
            return Err(ErrorCode::WouldBlock);
        }
        match call.result() {
            Ok(_) => {
                self.stage = Stage::Listening(None);
                Ok(())
            }
            Err(e) => {
                self.stage = Stage::Bound;
                Err(code_of(e))
            }
        }
    }

    fn accept(&mut self) -> Answer<TcpSocket> {
        if !matches!(self.stage, Stage::Listening(_)) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.ready() {
            return Err(ErrorCode::WouldBlock);
        }
        let Stage::Listening(next) = &mut self.stage else {
            return Err(ErrorCode::InvalidState);
        };
        let call = next.take().ok_or(ErrorCode::AccessDenied)?;
        let done = call.result().map_err(code_of)?;
        let sock = Sock::new(&self.sock.ports, done.sock);
        Ok(self.accepted(sock, done.local, done.remote))
    }

    fn set(&self, option: SockOption, value: u64) {
        self.sock.ports.sock_set(self.sock.id, option, value);
    }

    fn shutdown(&self, how: ShutdownType) -> Answer<()> {
        if !matches!(self.stage, Stage::Connected) {
            return Err(ErrorCode::InvalidState);
        }
        self.sock.shut(match how {
            ShutdownType::Receive => HALF_IN,
            ShutdownType::Send => HALF_OUT,
            ShutdownType::Both => HALF_IN | HALF_OUT,
        });
        Ok(())
    }
}

impl State {
    fn tcp(&mut self, this: &This) -> Result<&mut TcpSocket> {
        Ok(self.table.get_mut(this)?)
    }

    /// The streams of a connected socket.
    fn tcp_streams(&mut self, this: &This) -> Result<(Resource<InStream>, Resource<OutStream>)> {
        let sock = self.tcp(this)?.sock.clone();
        let input = self.push(InStream::sock(sock.clone()))?;
        let output = self.push(OutStream::sock(sock))?;
        Ok((input, output))
    }

    /// Set something that is at least 1.
    fn tcp_set(
        &mut self,
        this: This,
        value: u64,
        set: impl FnOnce(&mut Options) -> (SockOption, u64),
    ) -> Result<Answer<()>> {
        let socket = self.tcp(&this)?;
        if value == 0 {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        let (option, value) = set(&mut socket.options);
        socket.set(option, value);
        Ok(Ok(()))
    }
}

impl tcp_create_socket::Host for State {
    fn create_tcp_socket(&mut self, f: IpAddressFamily) -> Result<Answer<This>> {
        match self.new_socket("create-tcp-socket", false, f)? {
            Ok(sock) => Ok(Ok(self.push(TcpSocket::new(sock, f))?)),
            Err(code) => Ok(Err(code)),
        }
    }
}

impl tcp::Host for State {}

impl tcp::HostTcpSocket for State {
    fn start_bind(&mut self, this: This, net: Net, a: IpSocketAddress) -> Result<Answer<()>> {
        self.table.get(&net)?;
        Ok(self.tcp(&this)?.start_bind(&a))
    }

    fn finish_bind(&mut self, this: This) -> Result<Answer<()>> {
        Ok(self.tcp(&this)?.finish_bind())
    }

    fn start_connect(&mut self, this: This, net: Net, a: IpSocketAddress) -> Result<Answer<()>> {
        self.table.get(&net)?;
        Ok(self.tcp(&this)?.start_connect(&a))
    }

    fn finish_connect(
        &mut self,
        this: This,
    ) -> Result<Answer<(Resource<InStream>, Resource<OutStream>)>> {
        match self.tcp(&this)?.finish_connect() {
            Ok(()) => Ok(Ok(self.tcp_streams(&this)?)),
            Err(code) => Ok(Err(code)),
        }
    }

    fn start_listen(&mut self, this: This) -> Result<Answer<()>> {
        Ok(self.tcp(&this)?.start_listen())
    }

    fn finish_listen(&mut self, this: This) -> Result<Answer<()>> {
        Ok(self.tcp(&this)?.finish_listen())
    }

    fn accept(
        &mut self,
        this: This,
    ) -> Result<Answer<(This, Resource<InStream>, Resource<OutStream>)>> {
        match self.tcp(&this)?.accept() {
            Ok(client) => {
                let client = self.push(client)?;
                let (input, output) = self.tcp_streams(&client)?;
                Ok(Ok((client, input, output)))
            }
            Err(code) => Ok(Err(code)),
        }
    }

    fn local_address(&mut self, this: This) -> Result<Answer<IpSocketAddress>> {
        let local = &self.tcp(&this)?.local;
        Ok(local.as_ref().map(lift).ok_or(ErrorCode::InvalidState))
    }

    fn remote_address(&mut self, this: This) -> Result<Answer<IpSocketAddress>> {
        let remote = &self.tcp(&this)?.remote;
        Ok(remote.as_ref().map(lift).ok_or(ErrorCode::InvalidState))
    }

    fn is_listening(&mut self, this: This) -> Result<bool> {
        Ok(matches!(self.tcp(&this)?.stage, Stage::Listening(_)))
    }

    fn address_family(&mut self, this: This) -> Result<IpAddressFamily> {
        Ok(self.tcp(&this)?.family)
    }

    fn set_listen_backlog_size(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        let socket = self.tcp(&this)?;
        if value == 0 {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        if matches!(
            socket.stage,
            Stage::Connecting(_) | Stage::Connected | Stage::Closed
        ) {
            return Ok(Err(ErrorCode::InvalidState));
        }
        socket.set(SockOption::Backlog, value.min(BACKLOG_MAX));
        Ok(Ok(()))
    }

    fn keep_alive_enabled(&mut self, this: This) -> Result<Answer<bool>> {
        Ok(Ok(self.tcp(&this)?.options.keep_alive))
    }

    fn set_keep_alive_enabled(&mut self, this: This, value: bool) -> Result<Answer<()>> {
        let socket = self.tcp(&this)?;
        socket.options.keep_alive = value;
        socket.set(SockOption::KeepAlive, value.into());
        Ok(Ok(()))
    }

    fn keep_alive_idle_time(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.tcp(&this)?.options.keep_idle))
    }

    fn set_keep_alive_idle_time(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        self.tcp_set(this, value, |options| {
            let s = value.div_ceil(SECOND).clamp(1, KEEP_S_MAX);
            options.keep_idle = s * SECOND;
            (SockOption::KeepIdle, s)
        })
    }

    fn keep_alive_interval(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.tcp(&this)?.options.keep_interval))
    }

    fn set_keep_alive_interval(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        self.tcp_set(this, value, |options| {
            let s = value.div_ceil(SECOND).clamp(1, KEEP_S_MAX);
            options.keep_interval = s * SECOND;
            (SockOption::KeepInterval, s)
        })
    }

    fn keep_alive_count(&mut self, this: This) -> Result<Answer<u32>> {
        Ok(Ok(self.tcp(&this)?.options.keep_count))
    }

    fn set_keep_alive_count(&mut self, this: This, value: u32) -> Result<Answer<()>> {
        self.tcp_set(this, value.into(), |options| {
            options.keep_count = value.min(KEEP_COUNT_MAX);
            (SockOption::KeepCount, options.keep_count.into())
        })
    }

    fn hop_limit(&mut self, this: This) -> Result<Answer<u8>> {
        Ok(Ok(self.tcp(&this)?.options.hop_limit))
    }

    fn set_hop_limit(&mut self, this: This, value: u8) -> Result<Answer<()>> {
        self.tcp_set(this, value.into(), |options| {
            options.hop_limit = value;
            (SockOption::HopLimit, value.into())
        })
    }

    fn receive_buffer_size(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.tcp(&this)?.options.receive_buffer))
    }

    fn set_receive_buffer_size(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        self.tcp_set(this, value, |options| {
            options.receive_buffer = buffer_size(value);
            (SockOption::ReceiveBuffer, options.receive_buffer)
        })
    }

    fn send_buffer_size(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.tcp(&this)?.options.send_buffer))
    }

    fn set_send_buffer_size(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        self.tcp_set(this, value, |options| {
            options.send_buffer = buffer_size(value);
            (SockOption::SendBuffer, options.send_buffer)
        })
    }

    fn subscribe(&mut self, this: This) -> Result<Resource<Pollable>> {
        self.tcp(&this)?;
        self.push_child(Pollable::Tcp(this.rep()), &this)
    }

    fn shutdown(&mut self, this: This, how: ShutdownType) -> Result<Answer<()>> {
        Ok(self.tcp(&this)?.shutdown(how))
    }

    fn drop(&mut self, this: This) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
