use super::{World, now, once, world};
use crate::bindings::wasi::io::poll::HostPollable;
use crate::bindings::wasi::io::streams::{HostInputStream, HostOutputStream};
use crate::bindings::wasi::sockets::ip_name_lookup::{
    Host as _, HostResolveAddressStream, IpAddress,
};
use crate::bindings::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress,
};
use crate::bindings::wasi::sockets::tcp::{HostTcpSocket, ShutdownType};
use crate::bindings::wasi::sockets::tcp_create_socket::Host as _;
use crate::bindings::wasi::sockets::udp::{
    HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, OutgoingDatagram,
};
use crate::bindings::wasi::sockets::udp_create_socket::Host as _;
use crate::ports::sock::fake::SockReply;
use crate::ports::{HALF_IN, HALF_OUT, SockAddress, SockFault, SockOp, SockOption};
use crate::stream::{InStream, OutStream, StreamErr};
use crate::wasi::sockets::tcp::TcpSocket;
use crate::wasi::sockets::udp::UdpSocket;
use crate::wasi::sockets::{Lookup, Network};
use wasmtime::component::Resource;

type Streams = (Resource<InStream>, Resource<OutStream>);

fn borrow<T: 'static>(r: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(r.rep())
}

fn granted() -> World {
    let mut w = world();
    w.fake.sock.granted = true;
    w
}

fn net(w: &mut World) -> Resource<Network> {
    w.state.push(Network).unwrap()
}

fn v4(address: (u8, u8, u8, u8), port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address })
}

fn v6(s: [u16; 8], port: u16, scope_id: u32) -> IpSocketAddress {
    let address = (s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    IpSocketAddress::Ipv6(Ipv6SocketAddress {
        port,
        flow_info: 0,
        address,
        scope_id,
    })
}

fn at(last: u8, port: u16) -> SockAddress {
    let ip = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, last];
    SockAddress { ip, port }
}

fn reply(w: &mut World, sock: u64, local: SockAddress, remote: SockAddress) {
    w.fake.sock.replies.push_back(SockReply {
        sock,
        local,
        remote,
        ..SockReply::default()
    });
}

fn fails(w: &mut World, error: u32) {
    w.fake.sock.replies.push_back(SockReply {
        error: Some(error),
        ..SockReply::default()
    });
}

fn tcp(w: &mut World) -> Resource<TcpSocket> {
    let made = w.state.create_tcp_socket(IpAddressFamily::Ipv4);
    made.unwrap().unwrap()
}

fn bind(w: &mut World, s: &Resource<TcpSocket>) {
    let n = net(w);
    reply(w, 0, at(1, 80), SockAddress::default());
    let a = v4((10, 0, 0, 1), 0);
    HostTcpSocket::start_bind(&mut w.state, borrow(s), n, a)
        .unwrap()
        .unwrap();
    HostTcpSocket::finish_bind(&mut w.state, borrow(s))
        .unwrap()
        .unwrap();
}

fn connect(w: &mut World, s: &Resource<TcpSocket>) -> Streams {
    let n = net(w);
    reply(w, 0, at(1, 4000), at(2, 80));
    let a = v4((10, 0, 0, 2), 80);
    w.state.start_connect(borrow(s), n, a).unwrap().unwrap();
    w.state.finish_connect(borrow(s)).unwrap().unwrap()
}

fn listen(w: &mut World, s: &Resource<TcpSocket>) {
    bind(w, s);
    w.state.start_listen(borrow(s)).unwrap().unwrap();
    w.state.finish_listen(borrow(s)).unwrap().unwrap();
}

#[test]
fn no_socket_is_made_without_a_grant() {
    let mut w = world();
    let tcp = w.state.create_tcp_socket(IpAddressFamily::Ipv4).unwrap();
    assert_eq!(tcp.err(), Some(ErrorCode::AccessDenied));
    let udp = w.state.create_udp_socket(IpAddressFamily::Ipv6).unwrap();
    assert_eq!(udp.err(), Some(ErrorCode::AccessDenied));
    assert_eq!(
        w.fake.refused,
        [
            "sockets create-tcp-socket ipv4",
            "sockets create-udp-socket ipv6"
        ]
    );
    assert!(w.fake.sock.seen.is_empty() && w.fake.sock.created.is_empty());
}

#[test]
fn too_many_sockets_are_a_limit() {
    let mut w = granted();
    w.fake.sock.full = true;
    let got = w.state.create_tcp_socket(IpAddressFamily::Ipv4).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::NewSocketLimit));
}

#[test]
fn a_connection_carries_bytes_both_ways() {
    let mut w = granted();
    let s = tcp(&mut w);
    w.fake.sock.late = true;
    let n = net(&mut w);
    let a = v4((10, 0, 0, 2), 80);
    let finish = |w: &mut World| w.state.finish_connect(borrow(&s)).unwrap();
    assert_eq!(finish(&mut w).err(), Some(ErrorCode::NotInProgress));
    let start = |w: &mut World, n: &Resource<Network>| {
        let n = borrow(n);
        w.state.start_connect(borrow(&s), n, a).unwrap()
    };
    assert!(start(&mut w, &n).is_ok());
    assert_eq!(
        start(&mut w, &n).err(),
        Some(ErrorCode::ConcurrencyConflict)
    );
    let p = HostTcpSocket::subscribe(&mut w.state, borrow(&s)).unwrap();
    assert!(!w.state.ready(borrow(&p)).unwrap());
    assert_eq!(finish(&mut w).err(), Some(ErrorCode::WouldBlock));
    reply(&mut w, 0, at(1, 4000), at(2, 80));
    w.fake.sock.finish();
    assert!(w.state.ready(borrow(&p)).unwrap());
    let (input, output) = finish(&mut w).ok().unwrap();
    assert_eq!(finish(&mut w).err(), Some(ErrorCode::NotInProgress));
    assert_eq!(start(&mut w, &n).err(), Some(ErrorCode::InvalidState));
    let remote = HostTcpSocket::remote_address(&mut w.state, borrow(&s));
    assert_eq!(format!("{:?}", remote.unwrap().unwrap()), format!("{a:?}"));
    assert!(now(w.state.blocking_write_and_flush(output, b"ping".to_vec())).is_ok());
    assert_eq!(w.fake.sock.output, b"ping");
    w.fake.sock.input = [Ok(b"pong".to_vec()), Err(SockFault::Closed)].into();
    let read = |w: &mut World| now(w.state.blocking_read(borrow(&input), 100));
    assert_eq!(read(&mut w).ok().unwrap(), b"pong");
    assert!(matches!(read(&mut w), Err(StreamErr::Closed)));
}

#[test]
fn a_failed_connect_closes_the_socket() {
    let mut w = granted();
    let s = tcp(&mut w);
    let n = net(&mut w);
    fails(&mut w, 14);
    let a = v4((10, 0, 0, 2), 80);
    let got = w.state.start_connect(borrow(&s), borrow(&n), a).unwrap();
    assert!(got.is_ok());
    let got = w.state.finish_connect(borrow(&s)).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::ConnectionRefused));
    let got = w.state.start_connect(borrow(&s), n, a).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::InvalidState));
    assert_eq!(w.fake.sock.seen.len(), 1);
}

#[test]
fn addresses_that_cannot_be_meant_are_refused() {
    let mut w = granted();
    let s = tcp(&mut w);
    let six = w.state.create_tcp_socket(IpAddressFamily::Ipv6);
    let six = six.unwrap().unwrap();
    let n = net(&mut w);
    let mapped = [0, 0, 0, 0, 0, 0xffff, 0x7f00, 1];
    for (socket, a) in [
        (&s, v4((0, 0, 0, 0), 80)),
        (&s, v4((10, 0, 0, 1), 0)),
        (&s, v4((224, 0, 0, 1), 80)),
        (&s, v4((255, 255, 255, 255), 80)),
        (&s, v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 80, 0)),
        (&six, v4((10, 0, 0, 1), 80)),
        (&six, v6([0; 8], 80, 0)),
        (&six, v6(mapped, 80, 0)),
        (&six, v6([0xff02, 0, 0, 0, 0, 0, 0, 1], 80, 0)),
        (&six, v6([0xfe80, 0, 0, 0, 0, 0, 0, 1], 80, 3)),
    ] {
        let got = w.state.start_connect(borrow(socket), borrow(&n), a);
        assert_eq!(
            got.unwrap().err(),
            Some(ErrorCode::InvalidArgument),
            "{a:?}"
        );
    }
    let a = v4((239, 0, 0, 1), 80);
    let got = HostTcpSocket::start_bind(&mut w.state, borrow(&s), borrow(&n), a);
    assert_eq!(got.unwrap().err(), Some(ErrorCode::InvalidArgument));
    let got = HostTcpSocket::start_bind(&mut w.state, borrow(&six), n, v6(mapped, 80, 0));
    assert_eq!(got.unwrap().err(), Some(ErrorCode::InvalidArgument));
    assert!(w.fake.sock.seen.is_empty());
}

#[test]
fn an_address_is_bound_once() {
    let mut w = granted();
    let s = tcp(&mut w);
    let n = net(&mut w);
    let local = |w: &mut World| HostTcpSocket::local_address(&mut w.state, borrow(&s)).unwrap();
    assert_eq!(local(&mut w).err(), Some(ErrorCode::InvalidState));
    fails(&mut w, 12);
    let start = |w: &mut World| {
        let (n, a) = (borrow(&n), v4((10, 0, 0, 1), 0));
        HostTcpSocket::start_bind(&mut w.state, borrow(&s), n, a).unwrap()
    };
    let finish = |w: &mut World| HostTcpSocket::finish_bind(&mut w.state, borrow(&s)).unwrap();
    assert!(start(&mut w).is_ok());
    assert_eq!(finish(&mut w).err(), Some(ErrorCode::AddressInUse));
    assert_eq!(finish(&mut w).err(), Some(ErrorCode::NotInProgress));
    reply(&mut w, 0, at(1, 4711), SockAddress::default());
    assert!(start(&mut w).is_ok() && finish(&mut w).is_ok());
    let bound = v4((10, 0, 0, 1), 4711);
    assert_eq!(
        format!("{:?}", local(&mut w).unwrap()),
        format!("{bound:?}")
    );
    assert_eq!(start(&mut w).err(), Some(ErrorCode::InvalidState));
}

#[test]
fn a_listener_accepts_and_hands_on_its_options() {
    let mut w = granted();
    let s = tcp(&mut w);
    let early = w.state.start_listen(borrow(&s)).unwrap();
    assert_eq!(early.err(), Some(ErrorCode::InvalidState));
    let early = w.state.accept(borrow(&s)).unwrap();
    assert_eq!(early.err(), Some(ErrorCode::InvalidState));
    let set = w.state.set_keep_alive_idle_time(borrow(&s), 1);
    assert!(set.unwrap().is_ok());
    listen(&mut w, &s);
    assert!(w.state.is_listening(borrow(&s)).unwrap());
    w.fake.sock.late = true;
    let p = HostTcpSocket::subscribe(&mut w.state, borrow(&s)).unwrap();
    assert!(!w.state.ready(borrow(&p)).unwrap());
    let none = w.state.accept(borrow(&s)).unwrap();
    assert_eq!(none.err(), Some(ErrorCode::WouldBlock));
    reply(&mut w, 77, at(1, 80), at(9, 5000));
    w.fake.sock.finish();
    assert!(w.state.ready(borrow(&p)).unwrap());
    let (client, _, _) = w.state.accept(borrow(&s)).unwrap().ok().unwrap();
    let idle = w.state.keep_alive_idle_time(borrow(&client)).unwrap();
    assert_eq!(idle.unwrap(), 1_000_000_000);
    assert!(!w.state.is_listening(borrow(&client)).unwrap());
    let accepts = w.fake.sock.seen.iter().filter(|c| c.what == SockOp::Accept);
    assert_eq!(accepts.count(), 1);
    HostTcpSocket::drop(&mut w.state, client).unwrap();
    assert!(w.fake.sock.closed.is_empty());
    drop(w.state);
    assert!(w.fake.sock.closed.contains(&77));
}

#[test]
fn a_socket_is_closed_with_its_last_stream() {
    let mut w = granted();
    let s = tcp(&mut w);
    let (input, output) = connect(&mut w, &s);
    HostTcpSocket::drop(&mut w.state, s).unwrap();
    HostInputStream::drop(&mut w.state, input).unwrap();
    assert!(w.fake.sock.closed.is_empty());
    HostOutputStream::drop(&mut w.state, output).unwrap();
    assert_eq!(w.fake.sock.closed, [1]);
}

#[test]
fn a_half_that_is_shut_down_is_closed() {
    let mut w = granted();
    let s = tcp(&mut w);
    let early = w.state.shutdown(borrow(&s), ShutdownType::Both).unwrap();
    assert_eq!(early.err(), Some(ErrorCode::InvalidState));
    let (input, output) = connect(&mut w, &s);
    let shut = |w: &mut World, how| w.state.shutdown(borrow(&s), how).unwrap();
    assert!(shut(&mut w, ShutdownType::Send).is_ok());
    assert!(shut(&mut w, ShutdownType::Send).is_ok());
    let got = w.state.check_write(borrow(&output));
    assert!(matches!(got, Err(StreamErr::Closed)));
    w.fake.sock.input = [Ok(b"x".to_vec())].into();
    let got = HostInputStream::read(&mut w.state, borrow(&input), 1);
    assert_eq!(got.ok().unwrap(), b"x");
    assert!(shut(&mut w, ShutdownType::Both).is_ok());
    let got = HostInputStream::read(&mut w.state, input, 1);
    assert!(matches!(got, Err(StreamErr::Closed)));
    assert_eq!(w.fake.sock.shut, [HALF_OUT, HALF_IN]);
}

#[test]
fn a_reset_is_told_once() {
    let mut w = granted();
    let s = tcp(&mut w);
    let (input, output) = connect(&mut w, &s);
    w.fake.sock.input = [Err(SockFault::Failed(15))].into();
    let p = HostInputStream::subscribe(&mut w.state, borrow(&input)).unwrap();
    assert!(w.state.ready(p).unwrap());
    let read = |w: &mut World| HostInputStream::read(&mut w.state, borrow(&input), 1);
    match read(&mut w) {
        Err(StreamErr::Failed(e)) => assert_eq!(e.text, "connection-reset"),
        _ => panic!("no failure"),
    }
    assert!(matches!(read(&mut w), Err(StreamErr::Closed)));
    w.fake.sock.room = Some(SockFault::Again);
    assert_eq!(w.state.check_write(borrow(&output)).ok(), Some(0));
    w.fake.sock.room = Some(SockFault::Failed(15));
    let got = w.state.check_write(borrow(&output));
    assert!(matches!(got, Err(StreamErr::Failed(_))));
    let got = w.state.check_write(output);
    assert!(matches!(got, Err(StreamErr::Closed)));
}

#[test]
fn a_flush_waits_until_all_has_left() {
    let mut w = granted();
    let s = tcp(&mut w);
    let (_, output) = connect(&mut w, &s);
    w.fake.sock.flushed = Some(SockFault::Again);
    let write = w
        .state
        .blocking_write_and_flush(borrow(&output), b"x".to_vec());
    assert!(once(write).is_pending());
    w.fake.sock.flushed = None;
    assert!(now(w.state.blocking_flush(output)).is_ok());
}

#[test]
fn options_have_bounds() {
    let mut w = granted();
    let s = tcp(&mut w);
    let r = || Resource::<TcpSocket>::new_borrow(s.rep());
    let state = &mut w.state;
    for got in [
        state.set_listen_backlog_size(r(), 0),
        state.set_keep_alive_idle_time(r(), 0),
        state.set_keep_alive_interval(r(), 0),
        state.set_keep_alive_count(r(), 0),
        state.set_hop_limit(r(), 0),
        HostTcpSocket::set_receive_buffer_size(state, r(), 0),
        HostTcpSocket::set_send_buffer_size(state, r(), 0),
    ] {
        assert_eq!(got.unwrap().err(), Some(ErrorCode::InvalidArgument));
    }
    for got in [
        state.set_listen_backlog_size(r(), u64::MAX),
        state.set_keep_alive_enabled(r(), true),
        state.set_keep_alive_idle_time(r(), u64::MAX),
        state.set_keep_alive_interval(r(), 1_500_000_000),
        state.set_keep_alive_count(r(), u32::MAX),
        state.set_hop_limit(r(), 255),
        HostTcpSocket::set_receive_buffer_size(state, r(), u64::MAX),
        HostTcpSocket::set_send_buffer_size(state, r(), 1),
    ] {
        assert!(got.unwrap().is_ok());
    }
    assert_eq!(
        w.fake.sock.set,
        [
            (SockOption::Backlog, 128),
            (SockOption::KeepAlive, 1),
            (SockOption::KeepIdle, 32767),
            (SockOption::KeepInterval, 2),
            (SockOption::KeepCount, 127),
            (SockOption::HopLimit, 255),
            (SockOption::ReceiveBuffer, 1 << 20),
            (SockOption::SendBuffer, 4096)
        ]
    );
    let interval = w.state.keep_alive_interval(r()).unwrap().unwrap();
    assert_eq!(interval, 2_000_000_000);
    connect(&mut w, &s);
    let late = w.state.set_listen_backlog_size(r(), 1).unwrap();
    assert_eq!(late.err(), Some(ErrorCode::InvalidState));
}

fn udp(w: &mut World) -> Resource<UdpSocket> {
    let s = w.state.create_udp_socket(IpAddressFamily::Ipv4);
    let s = s.unwrap().unwrap();
    let early = now(w.state.stream(borrow(&s), None)).unwrap();
    assert_eq!(early.err(), Some(ErrorCode::InvalidState));
    let n = net(w);
    reply(w, 0, at(1, 5353), SockAddress::default());
    let a = v4((0, 0, 0, 0), 0);
    HostUdpSocket::start_bind(&mut w.state, borrow(&s), n, a)
        .unwrap()
        .unwrap();
    HostUdpSocket::finish_bind(&mut w.state, borrow(&s))
        .unwrap()
        .unwrap();
    s
}

fn gram(data: &[u8], to: Option<IpSocketAddress>) -> OutgoingDatagram {
    OutgoingDatagram {
        data: data.to_vec(),
        remote_address: to,
    }
}

#[test]
fn each_destination_is_asked_about_once() {
    let mut w = granted();
    let s = udp(&mut w);
    w.fake.sock.gram_room = 100;
    let (_, out) = now(w.state.stream(s, None)).unwrap().ok().unwrap();
    assert_eq!(w.state.check_send(borrow(&out)).unwrap().unwrap(), 16);
    let to = Some(v4((10, 0, 0, 2), 53));
    let send = |w: &mut World, list| now(w.state.send(borrow(&out), list)).unwrap();
    assert_eq!(
        send(&mut w, vec![gram(b"a", to), gram(b"", to)]).ok(),
        Some(2)
    );
    fails(&mut w, 1);
    let bad = Some(v4((10, 0, 0, 3), 53));
    let got = send(&mut w, vec![gram(b"c", to), gram(b"d", bad)]);
    assert_eq!(got.ok(), Some(1));
    fails(&mut w, 1);
    let got = send(&mut w, vec![gram(b"e", bad), gram(b"f", to)]);
    assert_eq!(got.err(), Some(ErrorCode::AccessDenied));
    let got = send(&mut w, vec![gram(b"x", None)]);
    assert_eq!(got.err(), Some(ErrorCode::InvalidArgument));
    let got = send(&mut w, vec![gram(&[0; 65508], to)]);
    assert_eq!(got.err(), Some(ErrorCode::DatagramTooLarge));
    let sent: Vec<&[u8]> = w.fake.sock.grams_out.iter().map(|g| &*g.1).collect();
    assert_eq!(sent, [&b"a"[..], b"", b"c"]);
    let asked = w
        .fake
        .sock
        .seen
        .iter()
        .filter(|c| c.what == SockOp::Destine);
    assert_eq!(asked.count(), 3);
}

#[test]
fn more_datagrams_than_permitted_trap() {
    let mut w = granted();
    let s = udp(&mut w);
    w.fake.sock.gram_room = 1;
    let (_, out) = now(w.state.stream(s, None)).unwrap().ok().unwrap();
    let to = Some(v4((10, 0, 0, 2), 53));
    assert!(now(w.state.send(borrow(&out), vec![gram(b"a", to)])).is_err());
    assert_eq!(w.state.check_send(borrow(&out)).unwrap().unwrap(), 1);
    let two = vec![gram(b"a", to), gram(b"b", to)];
    assert!(now(w.state.send(out, two)).is_err());
    assert!(w.fake.sock.grams_out.is_empty());
}

#[test]
fn one_peer_is_all_that_is_heard() {
    let mut w = granted();
    let s = udp(&mut w);
    w.fake.sock.gram_room = 16;
    reply(&mut w, 0, at(1, 5353), SockAddress::default());
    let to = Some(v4((10, 0, 0, 2), 53));
    let (input, out) = now(w.state.stream(borrow(&s), to)).unwrap().ok().unwrap();
    assert_eq!(w.fake.sock.seen.last().unwrap().what, SockOp::Peer);
    w.fake.sock.grams_in = [
        Ok((at(3, 53), b"spoofed".to_vec())),
        Ok((at(2, 53), b"answer".to_vec())),
        Err(SockFault::Failed(14)),
    ]
    .into();
    let receive = |w: &mut World, n| w.state.receive(borrow(&input), n).unwrap();
    assert_eq!(receive(&mut w, 0).unwrap().len(), 0);
    let list = receive(&mut w, 10).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].data, b"answer");
    let p = HostIncomingDatagramStream::subscribe(&mut w.state, borrow(&input)).unwrap();
    assert!(w.state.ready(borrow(&p)).unwrap());
    let got = receive(&mut w, 10);
    assert_eq!(got.err(), Some(ErrorCode::ConnectionRefused));
    assert!(!w.state.ready(borrow(&p)).unwrap());
    assert_eq!(receive(&mut w, 10).unwrap().len(), 0);
    assert_eq!(w.state.check_send(borrow(&out)).unwrap().unwrap(), 16);
    let other = Some(v4((10, 0, 0, 9), 53));
    let got = now(w.state.send(borrow(&out), vec![gram(b"x", other)])).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::InvalidArgument));
    let got = now(w.state.send(borrow(&out), vec![gram(b"x", None)])).unwrap();
    assert_eq!(got.ok(), Some(1));
    // Another pair: this one is over.
    now(w.state.stream(s, None)).unwrap().ok().unwrap();
    assert_eq!(receive(&mut w, 1).err(), Some(ErrorCode::InvalidState));
    let got = w.state.check_send(out).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::InvalidState));
}

#[test]
fn a_peer_that_is_refused_leaves_the_socket_as_it_was() {
    let mut w = granted();
    let s = udp(&mut w);
    fails(&mut w, 1);
    let to = Some(v4((10, 0, 0, 2), 53));
    let got = now(w.state.stream(borrow(&s), to)).unwrap();
    assert_eq!(got.err(), Some(ErrorCode::AccessDenied));
    let remote = HostUdpSocket::remote_address(&mut w.state, s).unwrap();
    assert_eq!(remote.err(), Some(ErrorCode::InvalidState));
}

fn lookup(w: &mut World, name: &str) -> Result<Resource<Lookup>, ErrorCode> {
    let n = net(w);
    w.state.resolve_addresses(n, name.to_string()).unwrap()
}

#[test]
fn a_name_is_looked_up() {
    let mut w = granted();
    w.fake.sock.late = true;
    let l = lookup(&mut w, "DB.Internal").unwrap();
    let next = |w: &mut World| w.state.resolve_next_address(borrow(&l)).unwrap();
    let p = HostResolveAddressStream::subscribe(&mut w.state, borrow(&l)).unwrap();
    assert!(!w.state.ready(borrow(&p)).unwrap());
    assert_eq!(next(&mut w).err(), Some(ErrorCode::WouldBlock));
    w.fake.sock.replies.push_back(SockReply {
        addresses: vec![at(7, 0).ip, [0; 16]],
        ..SockReply::default()
    });
    w.fake.sock.finish();
    assert!(w.state.ready(p).unwrap());
    let first = next(&mut w).unwrap();
    assert!(matches!(first, Some(IpAddress::Ipv4((10, 0, 0, 7)))));
    assert!(matches!(next(&mut w), Ok(Some(IpAddress::Ipv6(_)))));
    assert!(matches!(next(&mut w), Ok(None)));
    assert_eq!(w.fake.sock.seen[0].name, "db.internal");
}

#[test]
fn a_name_that_is_refused_or_unknown_says_so_each_time() {
    let mut w = granted();
    for (error, code) in [
        (1, ErrorCode::AccessDenied),
        (18, ErrorCode::NameUnresolvable),
        (19, ErrorCode::TemporaryResolverFailure),
        (99, ErrorCode::Unknown),
    ] {
        fails(&mut w, error);
        let l = lookup(&mut w, "example.com").unwrap();
        for _ in 0..2 {
            let got = w.state.resolve_next_address(borrow(&l)).unwrap();
            assert_eq!(got.err(), Some(code));
        }
    }
}

#[test]
fn what_is_no_name_is_not_looked_up() {
    let mut w = granted();
    let long = "a.".repeat(200) + "a";
    let label = "a".repeat(64);
    for name in [
        "",
        ".",
        "a..b",
        ".a",
        "a.",
        "a b",
        "a\0b",
        "bücher.example",
        "127.1",
        "2130706433",
        "0x7f000001",
        "1.2.3.4.5",
        "[::1]",
        "a/b",
        "a:80",
        "u@a",
        "-a",
        "a-.b",
        "*.a",
        "0177.0.0.1",
        "::1%lo",
        "127.0.0.1 ",
        &long,
        &label,
    ] {
        let got = lookup(&mut w, name);
        assert_eq!(got.err(), Some(ErrorCode::InvalidArgument), "{name}");
    }
    assert!(w.fake.sock.seen.is_empty());
    for (name, v6) in [
        ("127.0.0.1", false),
        ("::1", true),
        ("::ffff:1.2.3.4", false),
    ] {
        let l = lookup(&mut w, name).unwrap();
        let got = w.state.resolve_next_address(l).unwrap().unwrap().unwrap();
        assert_eq!(matches!(got, IpAddress::Ipv6(_)), v6, "{name}");
    }
    assert!(w.fake.sock.seen.is_empty());
}
