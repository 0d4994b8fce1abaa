//! wasi:sockets/udp: a UDP socket and the streams of its datagrams.

use super::tcp::buffer_size;
use super::{Answer, Net, Sock, Use, code_of, lift, lower};
use crate::bindings::wasi::sockets::{udp, udp_create_socket};
use crate::poll::Pollable;
use crate::ports::{GRAM_MAX, SockAddress, SockCall, SockFault, SockOp, SockOption};
use crate::state::State;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use udp::{ErrorCode, IncomingDatagram, IpAddressFamily, IpSocketAddress, OutgoingDatagram};
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

type This = Resource<UdpSocket>;
type In = Resource<GramsIn>;
type Out = Resource<GramsOut>;

/// Datagrams of one `receive`, and that one `check-send` permits.
const RECEIVE_MAX: u64 = 16;
const SEND_MAX: usize = 16;
/// Destinations of one stream that need not be asked about again.
const ALLOWED_MAX: usize = 64;

enum Stage {
    Unbound,
    Binding(Arc<SockCall>),
    Bound,
}

pub struct UdpSocket {
    sock: Arc<Sock>,
    family: IpAddressFamily,
    stage: Stage,
    local: Option<SockAddress>,
    remote: Option<SockAddress>,
    hop_limit: u8,
    receive_buffer: u64,
    send_buffer: u64,
}

/// What both streams of a pair know.
struct Pair {
    sock: Arc<Sock>,
    number: u32,
    family: IpAddressFamily,
    remote: Option<SockAddress>,
}

impl Pair {
    /// Only the pair made last works.
    fn check(&self) -> Answer<()> {
        match self.sock.pair.load(Ordering::Relaxed) == self.number {
            true => Ok(()),
            false => Err(ErrorCode::InvalidState),
        }
    }
}

/// `incoming-datagram-stream`.
pub struct GramsIn {
    pair: Pair,
    /// What a readiness check fetched.
    ahead: Option<Answer<(SockAddress, Vec<u8>)>>,
}

/// `outgoing-datagram-stream`.
pub struct GramsOut {
    pair: Pair,
    permit: usize,
    /// Where datagrams may go, the last one first.
    allowed: VecDeque<SockAddress>,
}

/// The result of a request, once it is there.
async fn finished(call: Arc<SockCall>) -> Answer<Option<SockAddress>> {
    poll_fn(|_| match call.is_finished() {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    let done = call.result().map_err(code_of)?;
    Ok(Some(done.local))
}

impl UdpSocket {
    pub fn ready(&self) -> bool {
        match &self.stage {
            Stage::Binding(call) => call.is_finished(),
            _ => true,
        }
    }

    fn start_bind(&mut self, address: &IpSocketAddress) -> Answer<()> {
        match self.stage {
            Stage::Unbound => {}
            Stage::Binding(_) => return Err(ErrorCode::ConcurrencyConflict),
            Stage::Bound => return Err(ErrorCode::InvalidState),
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

    /// Take `remote` as the one peer, or none any more.
    async fn associate(&mut self, remote: Option<&IpSocketAddress>) -> Answer<Pair> {
        if !matches!(self.stage, Stage::Bound) {
            return Err(ErrorCode::InvalidState);
        }
        let remote = match remote {
            Some(a) => Some(lower(self.family, a, Use::Remote)?),
            None => None,
        };
        if remote.is_some() || self.remote.is_some() {
            let call = self.sock.start(SockOp::Peer, remote)?;
            self.local = finished(call).await?.or(self.local);
        }
        self.remote = remote;
        let number = self.sock.pair.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Pair {
            sock: self.sock.clone(),
            number,
            family: self.family,
            remote,
        })
    }
}

impl GramsIn {
    /// The next datagram, or why there is none; none at all: wait.
    fn next(&mut self) -> Option<Answer<(SockAddress, Vec<u8>)>> {
        if let Some(next) = self.ahead.take() {
            return Some(next);
        }
        if let Err(code) = self.pair.check() {
            return Some(Err(code));
        }
        let sock = &self.pair.sock;
        loop {
            match sock.ports.sock_receive(sock.id) {
                // What came before there was this one peer, or from another.
                Ok((from, _)) if self.pair.remote.is_some_and(|r| r != from) => continue,
                Ok(gram) => return Some(Ok(gram)),
                Err(SockFault::Again) => return None,
                Err(SockFault::Closed) => return Some(Err(ErrorCode::InvalidState)),
                Err(SockFault::Failed(e)) => return Some(Err(code_of(e))),
            }
        }
    }

    pub fn ready(&mut self) -> bool {
        self.ahead = self.next();
        self.ahead.is_some()
    }

    fn receive(&mut self, max: u64) -> Answer<Vec<IncomingDatagram>> {
        let mut list = Vec::new();
        for _ in 0..max.min(RECEIVE_MAX) {
            match self.next() {
                Some(Ok((from, data))) => list.push(IncomingDatagram {
                    data,
                    remote_address: lift(&from),
                }),
                Some(Err(code)) if list.is_empty() => return Err(code),
                Some(Err(code)) => {
                    self.ahead = Some(Err(code));
                    break;
                }
                None => break,
            }
        }
        Ok(list)
    }
}

impl GramsOut {
    fn room(&self) -> Answer<usize> {
        self.pair.check()?;
        let sock = &self.pair.sock;
        match sock.ports.sock_send_room(sock.id) {
            Ok(n) => Ok(n.min(SEND_MAX)),
            Err(SockFault::Again) => Ok(0),
            Err(SockFault::Closed) => Err(ErrorCode::InvalidState),
            Err(SockFault::Failed(e)) => Err(code_of(e)),
        }
    }

    pub fn ready(&self) -> bool {
        !matches!(self.room(), Ok(0))
    }

    /// Where a datagram goes.
    fn destination(&self, to: Option<&IpSocketAddress>) -> Answer<SockAddress> {
        let to = match to {
            Some(to) => Some(lower(self.pair.family, to, Use::Remote)?),
            None => None,
        };
        match (self.pair.remote, to) {
            (Some(remote), None) => Ok(remote),
            (Some(remote), Some(to)) if remote == to => Ok(remote),
            (None, Some(to)) => Ok(to),
            _ => Err(ErrorCode::InvalidArgument),
        }
    }

    async fn send_one(&mut self, gram: &OutgoingDatagram) -> Answer<()> {
        let to = self.destination(gram.remote_address.as_ref())?;
        if gram.data.len() > GRAM_MAX {
            return Err(ErrorCode::DatagramTooLarge);
        }
        let sock = self.pair.sock.clone();
        if self.pair.remote.is_none() && !self.allowed.contains(&to) {
            finished(sock.start(SockOp::Destine, Some(to))?).await?;
            self.allowed.truncate(ALLOWED_MAX - 1);
            self.allowed.push_front(to);
        }
        match sock.ports.sock_send(sock.id, &to, &gram.data) {
            Ok(()) => Ok(()),
            Err(SockFault::Failed(e)) => Err(code_of(e)),
            Err(_) => Err(ErrorCode::InvalidState),
        }
    }

    async fn send(&mut self, grams: &[OutgoingDatagram]) -> Answer<u64> {
        self.pair.check()?;
        let mut sent = 0;
        for gram in grams {
            match self.send_one(gram).await {
                Ok(()) => sent += 1,
                Err(_) if sent > 0 => break,
                Err(code) => return Err(code),
            }
        }
        Ok(sent)
    }
}

impl State {
    fn udp(&mut self, this: &This) -> Result<&mut UdpSocket> {
        Ok(self.table.get_mut(this)?)
    }
}

impl udp_create_socket::Host for State {
    fn create_udp_socket(&mut self, f: IpAddressFamily) -> Result<Answer<This>> {
        match self.new_socket("create-udp-socket", true, f)? {
            Ok(sock) => Ok(Ok(self.push(UdpSocket {
                sock,
                family: f,
                stage: Stage::Unbound,
                local: None,
                remote: None,
                hop_limit: 64,
                receive_buffer: 128 * 1024,
                send_buffer: 128 * 1024,
            })?)),
            Err(code) => Ok(Err(code)),
        }
    }
}

impl udp::Host for State {}

impl udp::HostUdpSocket for State {
    fn start_bind(&mut self, this: This, net: Net, a: IpSocketAddress) -> Result<Answer<()>> {
        self.table.get(&net)?;
        Ok(self.udp(&this)?.start_bind(&a))
    }

    fn finish_bind(&mut self, this: This) -> Result<Answer<()>> {
        Ok(self.udp(&this)?.finish_bind())
    }

    async fn stream(
        &mut self,
        this: This,
        remote: Option<IpSocketAddress>,
    ) -> Result<Answer<(In, Out)>> {
        let socket = self.udp(&this)?;
        let pair = match socket.associate(remote.as_ref()).await {
            Ok(pair) => pair,
            Err(code) => return Ok(Err(code)),
        };
        let input = GramsIn {
            pair: Pair {
                sock: pair.sock.clone(),
                ..pair
            },
            ahead: None,
        };
        let output = GramsOut {
            pair,
            permit: 0,
            allowed: VecDeque::new(),
        };
        Ok(Ok((self.push(input)?, self.push(output)?)))
    }

    fn local_address(&mut self, this: This) -> Result<Answer<IpSocketAddress>> {
        let local = &self.udp(&this)?.local;
        Ok(local.as_ref().map(lift).ok_or(ErrorCode::InvalidState))
    }

    fn remote_address(&mut self, this: This) -> Result<Answer<IpSocketAddress>> {
        let remote = &self.udp(&this)?.remote;
        Ok(remote.as_ref().map(lift).ok_or(ErrorCode::InvalidState))
    }

    fn address_family(&mut self, this: This) -> Result<IpAddressFamily> {
        Ok(self.udp(&this)?.family)
    }

    fn unicast_hop_limit(&mut self, this: This) -> Result<Answer<u8>> {
        Ok(Ok(self.udp(&this)?.hop_limit))
    }

    fn set_unicast_hop_limit(&mut self, this: This, value: u8) -> Result<Answer<()>> {
        let socket = self.udp(&this)?;
        if value == 0 {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        socket.hop_limit = value;
        let (ports, id) = (&socket.sock.ports, socket.sock.id);
        ports.sock_set(id, SockOption::HopLimit, value.into());
        Ok(Ok(()))
    }

    fn receive_buffer_size(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.udp(&this)?.receive_buffer))
    }

    fn set_receive_buffer_size(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        let socket = self.udp(&this)?;
        if value == 0 {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        socket.receive_buffer = buffer_size(value);
        let (ports, id) = (&socket.sock.ports, socket.sock.id);
        ports.sock_set(id, SockOption::ReceiveBuffer, socket.receive_buffer);
        Ok(Ok(()))
    }

    fn send_buffer_size(&mut self, this: This) -> Result<Answer<u64>> {
        Ok(Ok(self.udp(&this)?.send_buffer))
    }

    fn set_send_buffer_size(&mut self, this: This, value: u64) -> Result<Answer<()>> {
        let socket = self.udp(&this)?;
        if value == 0 {
            return Ok(Err(ErrorCode::InvalidArgument));
        }
        socket.send_buffer = buffer_size(value);
        let (ports, id) = (&socket.sock.ports, socket.sock.id);
        ports.sock_set(id, SockOption::SendBuffer, socket.send_buffer);
        Ok(Ok(()))
    }

    fn subscribe(&mut self, this: This) -> Result<Resource<Pollable>> {
        self.udp(&this)?;
        self.push_child(Pollable::Udp(this.rep()), &this)
    }

    fn drop(&mut self, this: This) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for State {
    fn receive(&mut self, this: In, max: u64) -> Result<Answer<Vec<IncomingDatagram>>> {
        Ok(self.table.get_mut(&this)?.receive(max))
    }

    fn subscribe(&mut self, this: In) -> Result<Resource<Pollable>> {
        self.table.get(&this)?;
        self.push_child(Pollable::GramsIn(this.rep()), &this)
    }

    fn drop(&mut self, this: In) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for State {
    fn check_send(&mut self, this: Out) -> Result<Answer<u64>> {
        let stream = self.table.get_mut(&this)?;
        stream.permit = 0;
        Ok(stream.room().map(|n| {
            stream.permit = n;
            n as u64
        }))
    }

    async fn send(&mut self, this: Out, grams: Vec<OutgoingDatagram>) -> Result<Answer<u64>> {
        let stream = self.table.get_mut(&this)?;
        if grams.len() > stream.permit {
            let permit = stream.permit;
            bail!(
                "send of {} datagrams where check-send allowed {permit}",
                grams.len()
            );
        }
        stream.permit -= grams.len();
        Ok(stream.send(&grams).await)
    }

    fn subscribe(&mut self, this: Out) -> Result<Resource<Pollable>> {
        self.table.get(&this)?;
        self.push_child(Pollable::GramsOut(this.rep()), &this)
    }

    fn drop(&mut self, this: Out) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
