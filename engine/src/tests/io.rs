use super::{now, once, world};
use crate::bindings::wasi::cli::stdin::Host as _;
use crate::bindings::wasi::cli::stdout::Host as _;
use crate::bindings::wasi::clocks::monotonic_clock::Host as _;
use crate::bindings::wasi::io::poll::{Host as _, HostPollable};
use crate::bindings::wasi::io::streams::{HostInputStream, HostOutputStream};
use crate::poll::Pollable;
use crate::ports::status;
use crate::state::{Limit, State};
use crate::stream::{StreamErr, StreamResult};
use std::task::Poll;
use wasmtime::component::Resource;

fn trap<T>(result: StreamResult<T>) -> String {
    match result {
        Err(StreamErr::Trap(e)) => e.to_string(),
        Err(_) => panic!("an error of the stream, not a trap"),
        Ok(_) => panic!("it worked"),
    }
}

fn limit_name<T>(result: wasmtime::Result<T>) -> &'static str {
    match result {
        Ok(_) => panic!("it worked"),
        Err(e) => e.downcast_ref::<Limit>().expect("a limit").0,
    }
}

/// The pollable again, as a second borrow.
fn again(p: &Resource<Pollable>) -> Resource<Pollable> {
    Resource::new_borrow(p.rep())
}

#[test]
fn a_write_beyond_the_permit_traps() {
    let mut w = world();
    let out = w.state.get_stdout().unwrap();
    let rep = || Resource::new_borrow(out.rep());
    trap(w.state.write(rep(), vec![0; 1]));
    w.fake.room = Ok(10);
    assert_eq!(w.state.check_write(rep()).ok(), Some(10));
    assert!(w.state.write(rep(), vec![b'a'; 6]).is_ok());
    trap(w.state.write(rep(), vec![b'b'; 5]));
    assert_eq!(w.fake.out, b"aaaaaa");
    trap(w.state.write_zeroes(rep(), u64::MAX));
}

#[test]
fn a_blocking_write_takes_4096_bytes() {
    let mut w = world();
    let out = w.state.get_stdout().unwrap();
    let rep = || Resource::new_borrow(out.rep());
    assert!(now(w.state.blocking_write_and_flush(rep(), vec![0; 4096])).is_ok());
    trap(now(w.state.blocking_write_and_flush(rep(), vec![0; 4097])));
    trap(now(w.state.blocking_write_zeroes_and_flush(rep(), 4097)));
    assert_eq!(w.fake.out.len(), 4096);
}

#[test]
fn a_blocking_write_waits_for_room() {
    let mut w = world();
    let out = w.state.get_stdout().unwrap();
    w.fake.room = Ok(0);
    let write = w
        .state
        .blocking_write_and_flush(Resource::new_borrow(out.rep()), vec![1; 5]);
    assert!(once(write).is_pending());
    assert!(w.fake.out.is_empty());
}

#[test]
fn output_at_its_limit_ends_the_call() {
    let mut w = world();
    let out = w.state.get_stdout().unwrap();
    w.fake.room = Err(status::LIMIT);
    match w.state.check_write(out) {
        Err(StreamErr::Trap(e)) => assert_eq!(e.downcast_ref::<Limit>().unwrap().0, "output"),
        _ => panic!("no trap"),
    }
}

#[test]
fn an_empty_poll_traps() {
    let mut w = world();
    assert!(now(w.state.poll(vec![])).is_err());
}

#[test]
fn a_sleep_of_nothing_is_over_at_once() {
    let mut w = world();
    let p = w.state.subscribe_duration(0).unwrap();
    assert!(w.state.ready(again(&p)).unwrap());
    assert_eq!(now(w.state.poll(vec![p])).unwrap(), [0]);
    assert!(w.fake.waits.is_empty());
}

#[test]
fn durations_saturate() {
    let mut w = world();
    let p = w.state.subscribe_duration(u64::MAX).unwrap();
    w.fake.wait_status = status::LIMIT;
    assert_eq!(limit_name(now(w.state.block(p))), "time");
    assert_eq!(w.fake.waits, [u64::MAX]);
}

#[test]
fn the_clock_waits_only_when_nothing_else_is_ready() {
    let mut w = world();
    let long = w.state.subscribe_duration(500).unwrap();
    let short = w.state.subscribe_duration(50).unwrap();
    let out = w.state.get_stdout().unwrap();
    let writable = HostOutputStream::subscribe(&mut w.state, out).unwrap();
    let list = vec![again(&long), again(&short), again(&writable)];
    assert_eq!(now(w.state.poll(list)).unwrap(), [2]);
    assert!(w.fake.waits.is_empty());
    let list = vec![again(&long), again(&short), again(&short)];
    assert_eq!(now(w.state.poll(list)).unwrap(), [1, 2]);
    assert_eq!(w.fake.waits, [1050]);
}

#[test]
fn what_a_ready_stdin_has_is_there_to_read() {
    let mut w = world();
    w.fake.stdin = [None, Some(b"hello".to_vec())].into();
    let stdin = w.state.get_stdin().unwrap();
    let rep = || Resource::new_borrow(stdin.rep());
    let p = HostInputStream::subscribe(&mut w.state, rep()).unwrap();
    assert!(!w.state.ready(again(&p)).unwrap());
    assert!(w.state.ready(again(&p)).unwrap());
    assert_eq!(w.state.read(rep(), 2).ok().unwrap(), b"he");
    assert!(w.state.ready(again(&p)).unwrap());
    let second = w.state.get_stdin().unwrap();
    assert_eq!(w.state.read(second, 100).ok().unwrap(), b"llo");
    assert!(w.state.ready(p).unwrap());
    assert!(matches!(w.state.read(rep(), 1), Err(StreamErr::Closed)));
}

#[test]
fn a_stream_outlives_no_pollable() {
    let mut w = world();
    let out = w.state.get_stdout().unwrap();
    let p = HostOutputStream::subscribe(&mut w.state, Resource::new_borrow(out.rep())).unwrap();
    let owned = Resource::new_own(out.rep());
    assert!(HostOutputStream::drop(&mut w.state, owned).is_err());
    HostPollable::drop(&mut w.state, p).unwrap();
    let owned = Resource::new_own(out.rep());
    HostOutputStream::drop(&mut w.state, owned).unwrap();
}

#[test]
fn splice_moves_what_both_sides_allow() {
    let mut w = world();
    w.fake.stdin = [Some(b"abc".to_vec()), None].into();
    let from = w.state.get_stdin().unwrap();
    let to = w.state.get_stdout().unwrap();
    let splice = |state: &mut State, len| {
        let (to, from) = (
            Resource::new_borrow(to.rep()),
            Resource::new_borrow(from.rep()),
        );
        state.splice(to, from, len).ok().unwrap()
    };
    assert_eq!(splice(&mut w.state, 100), 3);
    assert_eq!(splice(&mut w.state, 100), 0);
    w.fake.room = Ok(0);
    assert_eq!(splice(&mut w.state, 100), 0);
    assert_eq!(w.fake.out, b"abc");
}

#[test]
fn a_full_table_is_a_limit() {
    let mut w = world();
    for _ in 0..100 {
        w.state.subscribe_duration(0).unwrap();
    }
    assert_eq!(limit_name(w.state.subscribe_duration(0)), "handles");
    assert!(matches!(once(async {}), Poll::Ready(())));
}
