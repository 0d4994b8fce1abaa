//! One call: a fresh instance, run as a future that the C side polls.

use crate::component::{Loaded, new_store};
use crate::ports::{Ports, WakeCell};
use crate::state::{Exit, Limit, Meter, State};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wasmtime::component::{ComponentExportIndex, InstancePre, ResourceTableError};
use wasmtime::{Error, Result, Store, Trap, WasmBacktrace};

/// Callers that a trap's text names.
const FRAMES_SHOWN: usize = 5;

/// `struct writ_task_limits`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TaskLimits {
    pub memory_bytes: u64,
    pub handles: u64,
    pub hostcall_bytes: u64,
}

/// What became of a call; `ffi` turns it into `struct writ_outcome`.
pub struct Outcome {
    pub end: End,
    pub memory_refused: bool,
    pub memory_peak: u64,
}

pub enum End {
    Done,
    Exit(u8),
    Trap(String),
    Limit(&'static str, String),
    Error(String),
}

type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

pub struct Task {
    future: Option<Running>,
    waker: Waker,
    ports: Ports,
}

impl Task {
    pub fn run(
        component: &Loaded,
        ports: Ports,
        wake: Arc<WakeCell>,
        limits: TaskLimits,
    ) -> Result<Task> {
        let Some(run) = component.run else {
            return Err(Error::msg("the component does not export wasi:cli/run"));
        };
        let state = State::new(ports.clone(), limits.memory_bytes, limits.handles);
        let pre = component.pre.clone();
        let fuel = usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX);
        let future = Box::pin(async move {
            let mut store = new_store(pre.engine(), state);
            store.set_hostcall_fuel(fuel);
            let result = call_run(&mut store, &pre, run).await;
            let meter = &store.data().meter;
            Outcome {
                end: end(result, meter),
                memory_refused: meter.refused,
                memory_peak: meter.peak,
            }
        });
        Ok(Task {
            future: Some(future),
            waker: Waker::from(wake),
            ports,
        })
    }

    /// The outcome, once.
    pub fn poll(&mut self) -> Option<Outcome> {
        let future = self.future.as_mut()?;
        let mut context = Context::from_waker(&self.waker);
        match future.as_mut().poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(outcome) => {
                self.future = None;
                Some(outcome)
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The instance first: it closes its files through the ports.
        self.future = None;
        self.ports.forget();
    }
}

/// Where a failed call failed.
enum Failure {
    Start(Error),
    Guest(Error),
}

async fn call_run(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    run: ComponentExportIndex,
) -> std::result::Result<std::result::Result<(), ()>, Failure> {
    let instance = pre
        .instantiate_async(&mut *store)
        .await
        .map_err(|e| match e.is::<Trap>() {
            true => Failure::Guest(e),
            false => Failure::Start(e),
        })?;
    let run = instance
        .get_typed_func::<(), (std::result::Result<(), ()>,)>(&mut *store, run)
        .map_err(Failure::Start)?;
    let (result,) = run.call_async(store, ()).await.map_err(Failure::Guest)?;
    Ok(result)
}

fn end(result: std::result::Result<std::result::Result<(), ()>, Failure>, meter: &Meter) -> End {
    let (e, started) = match result {
        Ok(Ok(())) => return End::Done,
        Ok(Err(())) => return exit(1, meter),
        Err(Failure::Start(e)) => (e, false),
        Err(Failure::Guest(e)) => (e, true),
    };
    if let Some(Exit(code)) = e.downcast_ref() {
        return exit(*code, meter);
    }
    let cause = e.root_cause().to_string();
    if let Some(name) = limit_of(&e, &cause) {
        return End::Limit(name, cause);
    }
    let text = cause + &place(&e);
    match (meter.refused, started) {
        (true, _) => End::Limit("memory", text),
        (false, true) => End::Trap(text),
        (false, false) => End::Error(text),
    }
}

/// A guest that fails after it was refused memory fails for want of memory.
fn exit(code: u8, meter: &Meter) -> End {
    match meter.refused && code != 0 {
        true => End::Limit("memory", format!("exit {code} after memory was refused")),
        false => End::Exit(code),
    }
}

fn limit_of(e: &Error, text: &str) -> Option<&'static str> {
    if let Some(Limit(name)) = e.downcast_ref() {
        return Some(name);
    }
    if matches!(e.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some("handles");
    }
    if matches!(e.downcast_ref(), Some(Trap::StackOverflow)) {
        return Some("stack");
    }
    // Wasmtime has no type for it that one could ask for.
    if text.contains("fuel allocated for hostcalls has been exhausted") {
        return Some("hostcall");
    }
    None
}

/// Where the guest was.
fn place(e: &Error) -> String {
    let mut text = String::new();
    let Some(trace) = e.downcast_ref::<WasmBacktrace>() else {
        return text;
    };
    let mut word = " in ";
    for frame in trace.frames().iter().take(FRAMES_SHOWN) {
        text.push_str(word);
        match frame.func_name() {
            Some(name) => text.push_str(name),
            None => text.push_str(&format!("function {}", frame.func_index())),
        }
        word = " < ";
    }
    text
}
