//! Pollables: what they stand for, and waiting for several at once.

use crate::http::{FutureResponse, Trailers};
use crate::ports::status;
use crate::state::{State, limit};
use crate::stream::{InStream, OutStream};
use crate::wasi::sockets::Lookup;
use crate::wasi::sockets::tcp::TcpSocket;
use crate::wasi::sockets::udp::{GramsIn, GramsOut, UdpSocket};
use std::future::poll_fn;
use std::task::Poll;
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

/// Pollables of one `poll`; more is a trap.
const POLL_MAX: usize = 1 << 17;

/// A pollable of a stream or future is its child, so that is there as long as the pollable.
#[derive(Clone, Copy)]
pub enum Pollable {
    At(u64),
    In(u32),
    Out(u32),
    Tcp(u32),
    Udp(u32),
    GramsIn(u32),
    GramsOut(u32),
    Lookup(u32),
    Response(u32),
    Trailers(u32),
}

impl State {
    /// Whether a stream pollable is ready; timers are the caller's.
    fn stream_ready(&mut self, pollable: Pollable) -> Result<bool> {
        match pollable {
            Pollable::At(_) => Ok(false),
            Pollable::In(rep) => {
                let stream = self.table.get_mut(&Resource::<InStream>::new_borrow(rep))?;
                Ok(stream.ready(&self.ports, &mut self.stdin))
            }
            Pollable::Out(rep) => {
                let stream = self
                    .table
                    .get_mut(&Resource::<OutStream>::new_borrow(rep))?;
                Ok(stream.ready(&self.ports))
            }
            Pollable::Tcp(rep) => {
                let socket = Resource::<TcpSocket>::new_borrow(rep);
                Ok(self.table.get_mut(&socket)?.ready())
            }
            Pollable::Udp(rep) => {
                let socket = Resource::<UdpSocket>::new_borrow(rep);
                Ok(self.table.get(&socket)?.ready())
            }
            Pollable::GramsIn(rep) => {
                let stream = Resource::<GramsIn>::new_borrow(rep);
                Ok(self.table.get_mut(&stream)?.ready())
            }
            Pollable::GramsOut(rep) => {
                let stream = Resource::<GramsOut>::new_borrow(rep);
                Ok(self.table.get(&stream)?.ready())
            }
            Pollable::Lookup(rep) => {
                let lookup = Resource::<Lookup>::new_borrow(rep);
                Ok(self.table.get_mut(&lookup)?.ready())
            }
            Pollable::Response(rep) => {
                let future = Resource::<FutureResponse>::new_borrow(rep);
                Ok(self.table.get_mut(&future)?.ready())
            }
            Pollable::Trailers(rep) => {
                let future = Resource::<Trailers>::new_borrow(rep);
                Ok(self.table.get_mut(&future)?.ready())
            }
        }
    }

    /// The indices of what is ready, and the earliest deadline that is not.
    fn scan(&mut self, list: &[Resource<Pollable>]) -> Result<(Vec<u32>, Option<u64>)> {
        let (mut ready, mut earliest, mut now) = (Vec::new(), None::<u64>, None);
        for (i, p) in list.iter().enumerate() {
            let pollable = *self.table.get(p)?;
            let due = match pollable {
                Pollable::At(t) if *now.get_or_insert_with(|| self.ports.mono_now()) >= t => true,
                Pollable::At(t) => {
                    earliest = Some(earliest.map_or(t, |e| e.min(t)));
                    false
                }
                _ => self.stream_ready(pollable)?,
            };
            if due {
                ready.push(i as u32);
            }
        }
        Ok((ready, earliest))
    }

    fn poll_once(&mut self, list: &[Resource<Pollable>]) -> Result<Option<Vec<u32>>> {
        self.move_on();
        let (ready, earliest) = self.scan(list)?;
        if !ready.is_empty() {
            return Ok(Some(ready));
        }
        let Some(deadline) = earliest else {
            return Ok(None);
        };
        match self.ports.clock_wait(deadline) {
            status::OK => {}
            status::AGAIN => return Ok(None),
            status::LIMIT => return Err(limit("time")),
            _ => bail!("the clock failed"),
        }
        // The clock has reached the deadline, whatever it reads next.
        let mut due = Vec::new();
        for (i, p) in list.iter().enumerate() {
            if matches!(*self.table.get(p)?, Pollable::At(t) if t <= deadline) {
                due.push(i as u32);
            }
        }
        Ok(Some(due))
    }

    /// Wait until something in `list` is ready.
    pub async fn wait_any(&mut self, list: &[Resource<Pollable>]) -> Result<Vec<u32>> {
        if list.is_empty() {
            bail!("poll: the list is empty");
        }
        if list.len() > POLL_MAX {
            bail!("poll: more than {POLL_MAX} pollables");
        }
        poll_fn(|_| match self.poll_once(list) {
            Ok(Some(ready)) => Poll::Ready(Ok(ready)),
            Ok(None) => Poll::Pending,
            Err(e) => Poll::Ready(Err(e)),
        })
        .await
    }

    /// Whether `pollable` is ready now.
    pub fn is_ready(&mut self, pollable: &Resource<Pollable>) -> Result<bool> {
        let (ready, _) = self.scan(&[Resource::new_borrow(pollable.rep())])?;
        Ok(!ready.is_empty())
    }
}
