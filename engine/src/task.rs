//! Calls of one instance, each run as a future that the C side polls.

use crate::call::{self, Call, Invoke, Refused};
use crate::component::{Loaded, new_store};
use crate::http::Request;
use crate::ports::{Ports, WakeCell};
use crate::state::{Exit, Limit, Meter, State};
use crate::value::Handles;
use crate::wasi::http::{InRequest, Outparam};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wasmtime::component::{
    ComponentExportIndex, Instance, InstancePre, Resource, ResourceTableError,
};
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
    /// Done, and the function's result is an err.
    pub result_err: bool,
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

/// A finished call, and what another one in the same instance needs.
struct Finished {
    outcome: Outcome,
    text: String,
    session: Option<Session>,
}

struct Session {
    store: Store<State>,
    instance: Instance,
    handles: Handles,
}

type Running = Pin<Box<dyn Future<Output = Finished> + Send>>;

enum Stage {
    Running(Running),
    Idle(Box<Session>),
    Over,
}

pub struct Task {
    stage: Stage,
    pre: InstancePre<State>,
    waker: Waker,
    ports: Ports,
    text: String,
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
        let (pre, mut store) = fresh(component, &ports, limits);
        let future = Box::pin(async move {
            let end = match call_run(&mut store, &pre, run).await {
                Ok(Ok(())) => End::Done,
                Ok(Err(())) => exit(1, &store.data().meter),
                Err(failure) => failed(failure, &store.data().meter),
            };
            Finished {
                outcome: outcome(end, false, &store.data().meter),
                text: String::new(),
                session: None,
            }
        });
        Ok(Task::new(component, ports, wake, future))
    }

    /// Answer one request in a fresh instance.
    pub fn handle(
        component: &Loaded,
        ports: Ports,
        wake: Arc<WakeCell>,
        limits: TaskLimits,
        request: Request,
    ) -> Result<Task> {
        let Some(handle) = component.handle else {
            return Err(Error::msg(
                "the component does not export wasi:http/incoming-handler",
            ));
        };
        let (pre, mut store) = fresh(component, &ports, limits);
        let future = Box::pin(async move {
            let end = match call_handle(&mut store, &pre, handle, request).await {
                Ok(()) => End::Done,
                Err(failure) => failed(failure, &store.data().meter),
            };
            Finished {
                outcome: outcome(end, false, &store.data().meter),
                text: String::new(),
                session: None,
            }
        });
        Ok(Task::new(component, ports, wake, future))
    }

    pub fn invoke(
        component: &Loaded,
        ports: Ports,
        wake: Arc<WakeCell>,
        limits: TaskLimits,
        invoke: &Invoke,
    ) -> std::result::Result<Task, Refused> {
        let (export, ty) = call::find(&component.pre, invoke.function)?;
        let mut handles = Handles::new(component.handles.clone());
        let call = Call::prepare(invoke, export, &ty, &mut handles)?;
        let (pre, mut store) = fresh(component, &ports, limits);
        let future = Box::pin(async move {
            match instantiate(&mut store, &pre).await {
                Ok(instance) => {
                    let session = Session {
                        store,
                        instance,
                        handles,
                    };
                    session.call(call).await
                }
                Err(failure) => {
                    let meter = &store.data().meter;
                    Finished {
                        outcome: outcome(failed(failure, meter), false, meter),
                        text: String::new(),
                        session: None,
                    }
                }
            }
        });
        Ok(Task::new(component, ports, wake, future))
    }

    fn new(component: &Loaded, ports: Ports, wake: Arc<WakeCell>, future: Running) -> Task {
        Task {
            stage: Stage::Running(future),
            pre: component.pre.clone(),
            waker: Waker::from(wake),
            ports,
            text: String::new(),
        }
    }

    /// Another call in the instance of the last one.
    pub fn again(&mut self, invoke: &Invoke) -> std::result::Result<(), Refused> {
        let Stage::Idle(session) = &mut self.stage else {
            return Err(Refused::Closed);
        };
        let (export, _) = call::find(&self.pre, invoke.function)?;
        let Session {
            store,
            instance,
            handles,
        } = &mut **session;
        // The instance knows its own resources.
        let func = instance
            .get_func(&mut *store, export)
            .ok_or(Refused::Closed)?;
        let call = Call::prepare(invoke, export, &func.ty(&*store), handles)?;
        if let Stage::Idle(mut session) = std::mem::replace(&mut self.stage, Stage::Over) {
            session.store.set_epoch_deadline(1);
            self.stage = Stage::Running(Box::pin(async move { session.call(call).await }));
            self.text.clear();
        }
        Ok(())
    }

    /// The text of the last result.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outcome, once.
    pub fn poll(&mut self) -> Option<Outcome> {
        let Stage::Running(future) = &mut self.stage else {
            return None;
        };
        let mut context = Context::from_waker(&self.waker);
        match future.as_mut().poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(finished) => {
                self.stage = match finished.session {
                    Some(session) => Stage::Idle(Box::new(session)),
                    None => Stage::Over,
                };
                self.text = finished.text;
                Some(finished.outcome)
            }
        }
    }
}

impl Session {
    async fn call(mut self, call: Call) -> Finished {
        let returned = call
            .run(&mut self.store, &self.instance, &mut self.handles)
            .await;
        let meter = &self.store.data().meter;
        match returned {
            Ok(returned) => Finished {
                outcome: outcome(End::Done, returned.err, meter),
                text: returned.text,
                session: Some(self),
            },
            Err(e) => Finished {
                outcome: outcome(failed(Failure::Guest(e), meter), false, meter),
                text: String::new(),
                session: None,
            },
        }
    }
}

fn fresh(
    component: &Loaded,
    ports: &Ports,
    limits: TaskLimits,
) -> (InstancePre<State>, Store<State>) {
    let pre = component.pre.clone();
    let state = State::new(ports.clone(), limits.memory_bytes, limits.handles);
    let mut store = new_store(pre.engine(), state);
    store.set_hostcall_fuel(usize::try_from(limits.hostcall_bytes).unwrap_or(usize::MAX));
    (pre, store)
}

fn outcome(end: End, result_err: bool, meter: &Meter) -> Outcome {
    Outcome {
        end,
        result_err,
        memory_refused: meter.refused,
        memory_peak: meter.peak,
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        // The instance first: it closes its files through the ports.
        self.stage = Stage::Over;
        self.ports.forget();
    }
}

/// Where a failed call failed.
enum Failure {
    Start(Error),
    Guest(Error),
}

async fn instantiate(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
) -> std::result::Result<Instance, Failure> {
    pre.instantiate_async(store)
        .await
        .map_err(|e| match e.is::<Trap>() {
            true => Failure::Guest(e),
            false => Failure::Start(e),
        })
}

async fn call_run(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    run: ComponentExportIndex,
) -> std::result::Result<std::result::Result<(), ()>, Failure> {
    let run = instantiate(store, pre)
        .await?
        .get_typed_func::<(), (std::result::Result<(), ()>,)>(&mut *store, run)
        .map_err(Failure::Start)?;
    let (result,) = run.call_async(store, ()).await.map_err(Failure::Guest)?;
    Ok(result)
}

/// Call `handle`; what it left to be sent goes before it has ended.
async fn call_handle(
    store: &mut Store<State>,
    pre: &InstancePre<State>,
    handle: ComponentExportIndex,
    request: Request,
) -> std::result::Result<(), Failure> {
    let instance = instantiate(store, pre).await?;
    let func = instance
        .get_typed_func::<(Resource<InRequest>, Resource<Outparam>), ()>(&mut *store, handle)
        .map_err(Failure::Start)?;
    let (request, outparam) = store
        .data_mut()
        .push_request(request)
        .map_err(Failure::Start)?;
    let args = (Resource::new_own(request), Resource::new_own(outparam));
    func.call_async(&mut *store, args)
        .await
        .map_err(Failure::Guest)?;
    let mut sending = std::mem::take(&mut store.data_mut().sending);
    sending.retain(|body| body.answers());
    poll_fn(|_| match sending.iter().all(|body| body.pump()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    Ok(())
}

fn failed(failure: Failure, meter: &Meter) -> End {
    let (e, started) = match failure {
        Failure::Start(e) => (e, false),
        Failure::Guest(e) => (e, true),
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
