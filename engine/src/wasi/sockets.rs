//! wasi:sockets: handles, states and the form of addresses; what may be done is decided behind
//! the port (`ports::sock`).  Without any grant each attempt is reported and refused.

pub mod tcp;
pub mod udp;

use crate::bindings::wasi::sockets::{instance_network, ip_name_lookup, network};
use crate::poll::Pollable;
use crate::ports::{Ports, SockAddress, SockCall, SockFault, SockOp, status};
use crate::state::State;
use crate::stream::{IoError, StreamErr};
use network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use wasmtime::Result;
use wasmtime::component::Resource;

/// Bytes of a name, and of one label of it (RFC 1035 2.3.4).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// `wasi:sockets/network.network`: a token without authority.
pub struct Network;

type Net = Resource<Network>;
type Answer<T> = std::result::Result<T, ErrorCode>;

/// `enum writ_sock_error`.
pub fn code_of(error: u32) -> ErrorCode {
    use ErrorCode::*;
    const CODES: [ErrorCode; 21] = [
        Unknown,
        AccessDenied,
        NotSupported,
        InvalidArgument,
        OutOfMemory,
        Timeout,
        ConcurrencyConflict,
        NotInProgress,
        WouldBlock,
        InvalidState,
        NewSocketLimit,
        AddressNotBindable,
        AddressInUse,
        RemoteUnreachable,
        ConnectionRefused,
        ConnectionReset,
        ConnectionAborted,
        DatagramTooLarge,
        NameUnresolvable,
        TemporaryResolverFailure,
        PermanentResolverFailure,
    ];
    CODES.get(error as usize).copied().unwrap_or(Unknown)
}

/// What a stream of bytes says of a fault; none: wait.
pub fn stream_error(fault: SockFault) -> Option<StreamErr> {
    match fault {
        SockFault::Again => None,
        SockFault::Closed => Some(StreamErr::Closed),
        SockFault::Failed(e) => Some(StreamErr::Failed(IoError {
            text: code_of(e).name().to_string(),
            fs: None,
            http: None,
        })),
    }
}

/// A socket of the port's; closed with the last of its users: the resource and its streams.
pub struct Sock {
    ports: Ports,
    pub id: u64,
    /// Halves (`HALF_OUT`, `HALF_IN`) that were shut down.
    shut: AtomicU32,
    /// UDP: which pair of streams is the one in use.
    pub pair: AtomicU32,
}

impl Sock {
    fn new(ports: &Ports, id: u64) -> Arc<Sock> {
        Arc::new(Sock {
            ports: ports.clone(),
            id,
            shut: AtomicU32::new(0),
            pair: AtomicU32::new(0),
        })
    }

    pub fn is_shut(&self, half: u32) -> bool {
        self.shut.load(Ordering::Relaxed) & half != 0
    }

    fn shut(&self, halves: u32) {
        let new = halves & !self.shut.fetch_or(halves, Ordering::Relaxed);
        if new != 0 {
            self.ports.sock_shutdown(self.id, new);
        }
    }

    /// A request about this socket.
    fn start(&self, what: SockOp, address: Option<SockAddress>) -> Answer<Arc<SockCall>> {
        let call = self.ports.sock_start(what, self.id, address, "");
        call.map_err(|()| ErrorCode::AccessDenied)
    }
}

impl Drop for Sock {
    fn drop(&mut self) {
        self.ports.sock_close(self.id);
    }
}

impl State {
    fn no_sockets<T>(&self, op: &str, target: &str) -> Result<Answer<T>> {
        self.ports.refused(c"sockets", op, target);
        Ok(Err(ErrorCode::AccessDenied))
    }

    /// A new socket, or why there is none; a refusal is reported as of `op`.
    fn new_socket(&self, op: &str, udp: bool, f: IpAddressFamily) -> Result<Answer<Arc<Sock>>> {
        match self.ports.sock_create(udp, f == IpAddressFamily::Ipv6) {
            Ok(id) => Ok(Ok(Sock::new(&self.ports, id))),
            Err(status::DENIED) => self.no_sockets(op, family(f)),
            Err(status::LIMIT) => Ok(Err(ErrorCode::NewSocketLimit)),
            Err(status::NOMEM) => Ok(Err(ErrorCode::OutOfMemory)),
            Err(_) => Ok(Err(ErrorCode::Unknown)),
        }
    }
}

fn family(f: IpAddressFamily) -> &'static str {
    match f {
        IpAddressFamily::Ipv4 => "ipv4",
        IpAddressFamily::Ipv6 => "ipv6",
    }
}

/// What an address is to be used for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Local,
    Remote,
}

/// The address as the port knows it, if it is one of family `f` that can be used so.
fn lower(f: IpAddressFamily, address: &IpSocketAddress, usage: Use) -> Answer<SockAddress> {
    let (ip, port, unicast) = match (f, address) {
        (IpAddressFamily::Ipv4, IpSocketAddress::Ipv4(a)) => {
            let (b0, b1, b2, b3) = a.address;
            let ip = Ipv4Addr::new(b0, b1, b2, b3);
            let unicast = !ip.is_multicast() && !ip.is_broadcast();
            (IpAddr::V4(ip), a.port, unicast)
        }
        (IpAddressFamily::Ipv6, IpSocketAddress::Ipv6(a)) => {
            let (s0, s1, s2, s3, s4, s5, s6, s7) = a.address;
            let ip = Ipv6Addr::new(s0, s1, s2, s3, s4, s5, s6, s7);
            // A scope would choose an interface, which no grant names.
            let unicast = !ip.is_multicast() && ip.to_ipv4_mapped().is_none() && a.scope_id == 0;
            (IpAddr::V6(ip), a.port, unicast)
        }
        _ => return Err(ErrorCode::InvalidArgument),
    };
    if !unicast || (usage == Use::Remote && (ip.is_unspecified() || port == 0)) {
        return Err(ErrorCode::InvalidArgument);
    }
    Ok(SockAddress {
        ip: match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        },
        port,
    })
}

fn lift_ip(ip: [u8; 16]) -> IpAddress {
    match Ipv6Addr::from(ip).to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpAddress::Ipv4((a, b, c, d))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            IpAddress::Ipv6((a, b, c, d, e, f, g, h))
        }
    }
}

fn lift(address: &SockAddress) -> IpSocketAddress {
    match lift_ip(address.ip) {
        IpAddress::Ipv4(ip) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: address.port,
            address: ip,
        }),
        IpAddress::Ipv6(ip) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: address.port,
            flow_info: 0,
            address: ip,
            scope_id: 0,
        }),
    }
}

impl network::Host for State {}

impl network::HostNetwork for State {
    fn drop(&mut self, net: Net) -> Result<()> {
        self.table.delete(net)?;
        Ok(())
    }
}

impl instance_network::Host for State {
    fn instance_network(&mut self) -> Result<Net> {
        self.push(Network)
    }
}

/// The addresses of one name.
pub struct Lookup {
    call: Option<Arc<SockCall>>,
    found: VecDeque<[u8; 16]>,
    /// Why there are none; said each time.
    failed: Option<ErrorCode>,
}

impl Lookup {
    /// Whether there is an answer.
    pub fn ready(&mut self) -> bool {
        match self.call.take() {
            Some(call) if !call.is_finished() => {
                self.call = Some(call);
                return false;
            }
            Some(call) => match call.result() {
                Ok(done) => self.found = done.addresses.into(),
                Err(e) => self.failed = Some(code_of(e)),
            },
            None => {}
        }
        true
    }
}

/// A name as it is looked up: letters, digits, `-` and `_` in lower case, no dot at its end.
/// One that ends in a number is a mistyped address (WHATWG and inet_aton read it as one).
fn host_name(name: &str) -> Option<String> {
    let label = |l: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        let edge = |b: Option<u8>| b != Some(b'-');
        !l.is_empty()
            && l.len() <= LABEL_MAX
            && l.bytes().all(plain)
            && edge(l.bytes().next())
            && edge(l.bytes().last())
    };
    let last = name.rsplit('.').next().unwrap_or_default().as_bytes();
    let number = last.first().is_some_and(u8::is_ascii_digit);
    if name.len() > NAME_MAX || number || !name.split('.').all(label) {
        return None;
    }
    Some(name.to_ascii_lowercase())
}

impl ip_name_lookup::Host for State {
    fn resolve_addresses(&mut self, net: Net, name: String) -> Result<Answer<Resource<Lookup>>> {
        self.table.get(&net)?;
        let mut lookup = Lookup {
            call: None,
            found: VecDeque::new(),
            failed: None,
        };
        if let Ok(ip) = name.parse::<IpAddr>() {
            lookup.found.push_back(match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            });
            return Ok(Ok(self.push(lookup)?));
        }
        let Some(plain) = host_name(&name) else {
            return Ok(Err(ErrorCode::InvalidArgument));
        };
        match self.ports.sock_start(SockOp::Resolve, 0, None, &plain) {
            Ok(call) => lookup.call = Some(call),
            Err(()) => return self.no_sockets("resolve-addresses", &name),
        }
        Ok(Ok(self.push(lookup)?))
    }
}

impl ip_name_lookup::HostResolveAddressStream for State {
    fn resolve_next_address(
        &mut self,
        this: Resource<Lookup>,
    ) -> Result<Answer<Option<IpAddress>>> {
        let lookup = self.table.get_mut(&this)?;
        if !lookup.ready() {
            return Ok(Err(ErrorCode::WouldBlock));
        }
        Ok(match lookup.failed {
            Some(code) => Err(code),
            None => Ok(lookup.found.pop_front().map(lift_ip)),
        })
    }

    fn subscribe(&mut self, this: Resource<Lookup>) -> Result<Resource<Pollable>> {
        self.table.get(&this)?;
        self.push_child(Pollable::Lookup(this.rep()), &this)
    }

    fn drop(&mut self, this: Resource<Lookup>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
