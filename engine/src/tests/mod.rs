//! The host functions over fake ports, called as the bindings call them.

mod client;
mod exchange;
mod files;
mod http;
mod io;
mod limits;
mod sockets;
#[cfg(feature = "compile")]
mod values;

use crate::ports::fake::Fake;
use crate::ports::{Ports, RawPorts, WakeCell};
use crate::state::State;
use std::future::Future;
use std::pin::pin;
use std::ptr;
use std::task::{Context, Poll, Waker};

/// A state over fake ports.  The state goes first: it closes files through the ports.
pub struct World {
    pub state: State,
    pub fake: Box<Fake>,
    _table: Box<RawPorts>,
}

pub fn world() -> World {
    let mut fake = Fake::new();
    let table = fake.table();
    let ports = Ports::new(&*table, WakeCell::new(ptr::null_mut()));
    World {
        state: State::new(ports, 1 << 20, 100),
        fake,
        _table: table,
    }
}

/// The same, with a port for HTTP.
pub fn world_with_http() -> World {
    let mut fake = Fake::new();
    let mut table = fake.table();
    fake.open_http(&mut table);
    fake.http.room = 1 << 20;
    let ports = Ports::new(&*table, WakeCell::new(ptr::null_mut()));
    World {
        state: State::new(ports, 1 << 20, 100),
        fake,
        _table: table,
    }
}

/// Poll once.
pub fn once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The result of a future that must not wait.
pub fn now<F: Future>(future: F) -> F::Output {
    match once(future) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}
