//! wasi:sockets in its void form: no socket is made, no name resolved, each attempt reported.

use crate::bindings::wasi::sockets::{
    instance_network, ip_name_lookup, network, tcp, tcp_create_socket, udp, udp_create_socket,
};
use crate::poll::Pollable;
use crate::state::{Never, State};
use crate::stream::{InStream, OutStream};
use network::{ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress};
use wasmtime::Result;
use wasmtime::component::Resource;

/// `wasi:sockets/network.network`: a token without authority.
pub struct Network;

type Net = Resource<Network>;
type This = Resource<Never>;
type Answer<T> = std::result::Result<T, ErrorCode>;

impl State {
    fn no_sockets<T>(&self, op: &str, target: &str) -> Result<Answer<T>> {
        self.ports.refused(c"sockets", op, target);
        Ok(Err(ErrorCode::AccessDenied))
    }
}

fn family(f: IpAddressFamily) -> &'static str {
    match f {
        IpAddressFamily::Ipv4 => "ipv4",
        IpAddressFamily::Ipv6 => "ipv6",
    }
}

/// Methods of a resource that never exists.
macro_rules! never {
    ($($name:ident($($t:ty),*) -> $ret:ty;)*) => {
        $(fn $name(&mut self, this: This $(, _: $t)*) -> Result<$ret> {
            self.never(&this)
        })*

        fn drop(&mut self, this: This) -> Result<()> {
            self.drop_never(this)
        }
    };
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

impl tcp_create_socket::Host for State {
    fn create_tcp_socket(&mut self, f: IpAddressFamily) -> Result<Answer<This>> {
        self.no_sockets("create-tcp-socket", family(f))
    }
}

impl udp_create_socket::Host for State {
    fn create_udp_socket(&mut self, f: IpAddressFamily) -> Result<Answer<This>> {
        self.no_sockets("create-udp-socket", family(f))
    }
}

impl ip_name_lookup::Host for State {
    fn resolve_addresses(&mut self, net: Net, name: String) -> Result<Answer<This>> {
        self.table.get(&net)?;
        self.no_sockets("resolve-addresses", &name)
    }
}

impl ip_name_lookup::HostResolveAddressStream for State {
    never! {
        resolve_next_address() -> Answer<Option<IpAddress>>;
        subscribe() -> Resource<Pollable>;
    }
}

impl tcp::Host for State {}

impl tcp::HostTcpSocket for State {
    never! {
        start_bind(Net, IpSocketAddress) -> Answer<()>;
        finish_bind() -> Answer<()>;
        start_connect(Net, IpSocketAddress) -> Answer<()>;
        finish_connect() -> Answer<(Resource<InStream>, Resource<OutStream>)>;
        start_listen() -> Answer<()>;
        finish_listen() -> Answer<()>;
        accept() -> Answer<(This, Resource<InStream>, Resource<OutStream>)>;
        local_address() -> Answer<IpSocketAddress>;
        remote_address() -> Answer<IpSocketAddress>;
        is_listening() -> bool;
        address_family() -> IpAddressFamily;
        set_listen_backlog_size(u64) -> Answer<()>;
        keep_alive_enabled() -> Answer<bool>;
        set_keep_alive_enabled(bool) -> Answer<()>;
        keep_alive_idle_time() -> Answer<u64>;
        set_keep_alive_idle_time(u64) -> Answer<()>;
        keep_alive_interval() -> Answer<u64>;
        set_keep_alive_interval(u64) -> Answer<()>;
        keep_alive_count() -> Answer<u32>;
        set_keep_alive_count(u32) -> Answer<()>;
        hop_limit() -> Answer<u8>;
        set_hop_limit(u8) -> Answer<()>;
        receive_buffer_size() -> Answer<u64>;
        set_receive_buffer_size(u64) -> Answer<()>;
        send_buffer_size() -> Answer<u64>;
        set_send_buffer_size(u64) -> Answer<()>;
        subscribe() -> Resource<Pollable>;
        shutdown(tcp::ShutdownType) -> Answer<()>;
    }
}

impl udp::Host for State {}

impl udp::HostUdpSocket for State {
    never! {
        start_bind(Net, IpSocketAddress) -> Answer<()>;
        finish_bind() -> Answer<()>;
        stream(Option<IpSocketAddress>) -> Answer<(This, This)>;
        local_address() -> Answer<IpSocketAddress>;
        remote_address() -> Answer<IpSocketAddress>;
        address_family() -> IpAddressFamily;
        unicast_hop_limit() -> Answer<u8>;
        set_unicast_hop_limit(u8) -> Answer<()>;
        receive_buffer_size() -> Answer<u64>;
        set_receive_buffer_size(u64) -> Answer<()>;
        send_buffer_size() -> Answer<u64>;
        set_send_buffer_size(u64) -> Answer<()>;
        subscribe() -> Resource<Pollable>;
    }
}

impl udp::HostIncomingDatagramStream for State {
    never! {
        receive(u64) -> Answer<Vec<udp::IncomingDatagram>>;
        subscribe() -> Resource<Pollable>;
    }
}

impl udp::HostOutgoingDatagramStream for State {
    never! {
        check_send() -> Answer<u64>;
        send(Vec<udp::OutgoingDatagram>) -> Answer<u64>;
        subscribe() -> Resource<Pollable>;
    }
}
