//! `src/port/engine.h`, function by function.  A panic in here ends in abort(): every profile
//! builds with `panic = "abort"`.

use crate::call::{Invoke, Refused};
use crate::component::{LoadError, Loaded, WritEngine};
use crate::config::EngineConfig;
use crate::http::Request;
use crate::ports::http::{RawExchange, RawHead};
use crate::ports::{Ports, RawPorts, RawWake, Str, WakeCell, status};
use crate::task::{End, Outcome, Task, TaskLimits};
use crate::value::Bad;
#[cfg(feature = "compile")]
use crate::{describe, validate};
use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::fs::FileExt;
use std::ptr;
use std::sync::Once;
use wasmtime::component::Component;
use wasmtime::{Engine, Error, Result};

/// `WRIT_ERR_MSG_MAX`.
const ERR_MSG_MAX: usize = 512;
/// `WRIT_CODE_MAX`.
const CODE_MAX: u64 = 1024 * 1024 * 1024;

/// `struct writ_err`.
#[repr(C)]
pub struct RawErr {
    status: u32,
    msg: [c_char; ERR_MSG_MAX],
}

/// `struct writ_outcome`.
#[repr(C)]
pub struct RawOutcome {
    kind: u32,
    exit_code: u8,
    memory_refused: bool,
    result_err: bool,
    memory_peak: u64,
    limit: [c_char; 32],
    msg: [c_char; 1024],
}

/// `struct writ_engine_bytes`.
#[repr(C)]
pub struct RawBytes {
    ptr: *mut u8,
    len: usize,
}

/// Copy text as a C string: cut at a character, control bytes replaced.
fn put_text(to: &mut [c_char], text: &str) {
    let text = &text[..text.floor_char_boundary(to.len() - 1)];
    for (to, from) in to.iter_mut().zip(text.bytes()) {
        let shown = if from.is_ascii_control() { b' ' } else { from };
        *to = shown.cast_signed();
    }
    to[text.len()] = 0;
}

/// # Safety
/// `err` is null or points to a `struct writ_err`.
unsafe fn fail(err: *mut RawErr, st: u32, text: &str) -> u32 {
    // SAFETY: the caller's promise.
    if let Some(err) = unsafe { err.as_mut() } {
        err.status = st;
        put_text(&mut err.msg, text);
    }
    st
}

/// The causes of `e` in one sentence.
fn sentence(e: &Error) -> String {
    format!("{e:#}")
}

/// A panic says one line, without looking symbols up: that would open files in a jail.
fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            let text = format!("writ-engine: {info}\n").replace('\n', " ");
            let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
        }));
    });
}

const VERSION: &CStr = c"wasmtime 48.0.8 wasi-0.2 writ-1";

#[unsafe(no_mangle)]
pub extern "C" fn writ_engine_version() -> *const c_char {
    VERSION.as_ptr()
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_new(
    config: *const EngineConfig,
    out: *mut *mut WritEngine,
    err: *mut RawErr,
) -> u32 {
    quiet_panics();
    // SAFETY: `config` points to a configuration.
    match WritEngine::new(unsafe { *config }) {
        Ok(engine) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = Box::into_raw(Box::new(engine)) };
            status::OK
        }
        // SAFETY: `err` is null or the caller's.
        Err(e) => unsafe { fail(err, status::IO, &sentence(&e)) },
    }
}

/// # Safety
/// `engine` is null or from `writ_engine_new`; its components are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_free(engine: *mut WritEngine) {
    if !engine.is_null() {
        // SAFETY: made by Box::into_raw in writ_engine_new.
        drop(unsafe { Box::from_raw(engine) });
    }
}

/// # Safety
/// `engine` is alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_tick(engine: *mut WritEngine) {
    // SAFETY: shared access only; the counters are atomic.
    unsafe { (*engine).tick() }
}

/// # Safety
/// `bytes` is null or points to bytes that the engine made, or to zeroes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_bytes_free(bytes: *mut RawBytes) {
    // SAFETY: the caller's promise.
    let Some(bytes) = (unsafe { bytes.as_mut() }) else {
        return;
    };
    if !bytes.ptr.is_null() {
        let slice = ptr::slice_from_raw_parts_mut(bytes.ptr, bytes.len);
        // SAFETY: made by Box::into_raw in `give`.
        drop(unsafe { Box::from_raw(slice) });
    }
    bytes.ptr = ptr::null_mut();
    bytes.len = 0;
}

#[cfg(feature = "compile")]
fn give(bytes: Vec<u8>) -> RawBytes {
    let len = bytes.len();
    let ptr = Box::into_raw(bytes.into_boxed_slice()).cast();
    RawBytes { ptr, len }
}

/// # Safety
/// As engine.h says of the pointers.
#[cfg(feature = "compile")]
unsafe fn examine(
    wasm: *const u8,
    len: usize,
    out: *mut RawBytes,
    err: *mut RawErr,
    make: impl FnOnce(&[u8]) -> std::result::Result<Vec<u8>, validate::Refusal>,
) -> u32 {
    let wasm = match len {
        0 => &[],
        // SAFETY: `wasm` lends `len` bytes for the call.
        _ => unsafe { std::slice::from_raw_parts(wasm, len) },
    };
    match validate::check(wasm).and_then(|()| make(wasm)) {
        Ok(bytes) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = give(bytes) };
            status::OK
        }
        // SAFETY: `err` is null or the caller's.
        Err(refusal) => unsafe { fail(err, refusal.status, &refusal.text) },
    }
}

/// # Safety
/// As engine.h says of the pointers.
#[cfg(feature = "compile")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_compile(
    engine: *mut WritEngine,
    wasm: *const u8,
    len: usize,
    code: *mut RawBytes,
    err: *mut RawErr,
) -> u32 {
    let compile = |wasm: &[u8]| {
        // SAFETY: `engine` is alive.
        let engine = unsafe { &*engine };
        let code = engine.wasmtime().precompile_component(wasm);
        code.map_err(|e| validate::explain(wasm, sentence(&e)))
    };
    // SAFETY: the caller's promises, passed on.
    unsafe { examine(wasm, len, code, err, compile) }
}

/// # Safety
/// As engine.h says of the pointers.
#[cfg(feature = "compile")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_engine_describe(
    _engine: *mut WritEngine,
    wasm: *const u8,
    len: usize,
    json: *mut RawBytes,
    err: *mut RawErr,
) -> u32 {
    // SAFETY: the caller's promises, passed on.
    unsafe { examine(wasm, len, json, err, describe::describe) }
}

/// # Safety
/// `fd` is open; the caller has verified that its bytes are code of this engine's compiler.
unsafe fn read_code(engine: &Engine, fd: c_int) -> Result<Component> {
    if fd < 0 {
        return Err(Error::msg("no file of code"));
    }
    let path = format!("/proc/self/fd/{fd}");
    // SAFETY: the caller's promise.
    match unsafe { Component::deserialize_file(engine, path) } {
        Ok(component) => return Ok(component),
        // No /proc, or a jail in front of it: read the bytes instead.
        Err(e) if e.is::<std::io::Error>() => {}
        Err(e) => return Err(e),
    }
    // SAFETY: the fd is borrowed for the call, and not closed here.
    let file = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    let len = file.metadata()?.len();
    if len > CODE_MAX {
        return Err(Error::msg("the code is too large"));
    }
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    // SAFETY: the caller's promise.
    unsafe { Component::deserialize(engine, &bytes) }
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_component_load(
    engine: *mut WritEngine,
    code_fd: c_int,
    out: *mut *mut Loaded,
    err: *mut RawErr,
) -> u32 {
    // SAFETY: `engine` is alive.
    let engine = unsafe { &*engine };
    // SAFETY: the caller has verified the code's MAC (engine.h).
    let loaded = engine.load(|engine| unsafe { read_code(engine, code_fd) });
    let (st, text) = match loaded {
        Ok(loaded) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = Box::into_raw(Box::new(loaded)) };
            return status::OK;
        }
        Err(LoadError::Code(e)) => (status::INVALID, sentence(&e)),
        Err(LoadError::Imports(text)) => (status::UNSUPPORTED, text),
    };
    // SAFETY: `err` is null or the caller's.
    unsafe { fail(err, st, &text) }
}

/// # Safety
/// `component` is null or from `writ_component_load`; its tasks are gone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_component_free(component: *mut Loaded) {
    if !component.is_null() {
        // SAFETY: made by Box::into_raw in writ_component_load.
        drop(unsafe { Box::from_raw(component) });
    }
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_run(
    component: *mut Loaded,
    ports: *const RawPorts,
    limits: *const TaskLimits,
    wake: *mut RawWake,
    out: *mut *mut Task,
    err: *mut RawErr,
) -> u32 {
    let cell = WakeCell::new(wake);
    let ports = Ports::new(ports, cell.clone());
    // SAFETY: `component` is alive, `limits` points to limits.
    let task = unsafe { Task::run(&*component, ports, cell, *limits) };
    match task {
        Ok(task) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = Box::into_raw(Box::new(task)) };
            status::OK
        }
        // SAFETY: `err` is null or the caller's.
        Err(e) => unsafe { fail(err, status::UNSUPPORTED, &sentence(&e)) },
    }
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_handle(
    component: *mut Loaded,
    ports: *const RawPorts,
    limits: *const TaskLimits,
    request: *const RawHead,
    x: *mut RawExchange,
    wake: *mut RawWake,
    out: *mut *mut Task,
    err: *mut RawErr,
) -> u32 {
    let cell = WakeCell::new(wake);
    let ports = Ports::new(ports, cell.clone());
    // SAFETY: `component` is alive.
    let component = unsafe { &*component };
    if component.handle.is_none() {
        let text = "the component does not export wasi:http/incoming-handler";
        // SAFETY: `err` is null or the caller's.
        return unsafe { fail(err, status::UNSUPPORTED, text) };
    }
    // SAFETY: `request` is borrowed for the call, `limits` points to limits.
    let (head, limits) = unsafe { ((*request).copy(), *limits) };
    let (out_half, half) = ports.http_halves(x);
    let request = Request {
        head,
        half,
        out: out_half,
    };
    match Task::handle(component, ports, cell, limits, request) {
        Ok(task) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = Box::into_raw(Box::new(task)) };
            status::OK
        }
        // SAFETY: `err` is null or the caller's.
        Err(e) => unsafe { fail(err, status::UNSUPPORTED, &sentence(&e)) },
    }
}

/// `struct writ_invoke`.
#[repr(C)]
pub struct RawInvoke {
    function: Str,
    args: Str,
    form: u32,
    result_max: u64,
}

/// # Safety
/// `raw` points to a call whose strings are borrowed for `'a`.
unsafe fn invoke_of<'a>(raw: *const RawInvoke) -> Result<Invoke<'a>, Refused> {
    // SAFETY: the caller's promise.
    let raw = unsafe { &*raw };
    let text = |what: &str, from: &Str| {
        // SAFETY: the caller's promise.
        let bytes = unsafe { from.borrow::<'a>() };
        std::str::from_utf8(bytes).map_err(|e| {
            let at = e.valid_up_to();
            Refused::Bad(Bad::Value(format!("at byte {at}: {what} not UTF-8")))
        })
    };
    Ok(Invoke {
        function: text("a name that is", &raw.function)?,
        args: text("arguments that are", &raw.args)?,
        wave: raw.form == 1,
        result_max: usize::try_from(raw.result_max).unwrap_or(usize::MAX),
    })
}

/// # Safety
/// `err` is null or points to a `struct writ_err`.
unsafe fn refuse(err: *mut RawErr, refused: Refused) -> u32 {
    let (st, text) = match refused {
        Refused::Unknown(text) => (status::NOENT, text),
        Refused::Bad(Bad::Value(text)) => (status::INVALID, text),
        Refused::Bad(Bad::Limit(text)) => (status::LIMIT, text),
        Refused::Bad(Bad::Type(text)) => (status::UNSUPPORTED, text),
        Refused::Closed => (
            status::CLOSED,
            "the instance is gone or still running".into(),
        ),
    };
    // SAFETY: the caller's promise.
    unsafe { fail(err, st, &text) }
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_invoke(
    component: *mut Loaded,
    ports: *const RawPorts,
    limits: *const TaskLimits,
    invoke: *const RawInvoke,
    wake: *mut RawWake,
    out: *mut *mut Task,
    err: *mut RawErr,
) -> u32 {
    let cell = WakeCell::new(wake);
    let ports = Ports::new(ports, cell.clone());
    // SAFETY: `component` is alive, the others point to what they are named after.
    let task = unsafe {
        invoke_of(invoke)
            .and_then(|invoke| Task::invoke(&*component, ports, cell, *limits, &invoke))
    };
    match task {
        Ok(task) => {
            // SAFETY: `out` is the caller's.
            unsafe { *out = Box::into_raw(Box::new(task)) };
            status::OK
        }
        // SAFETY: `err` is null or the caller's.
        Err(refused) => unsafe { refuse(err, refused) },
    }
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_again(
    task: *mut Task,
    invoke: *const RawInvoke,
    err: *mut RawErr,
) -> u32 {
    // SAFETY: `task` is alive, `invoke` points to a call.
    match unsafe { invoke_of(invoke).and_then(|invoke| (*task).again(&invoke)) } {
        Ok(()) => status::OK,
        // SAFETY: `err` is null or the caller's.
        Err(refused) => unsafe { refuse(err, refused) },
    }
}

/// # Safety
/// `task` is alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_result(task: *const Task) -> Str {
    // SAFETY: the caller's promise; the text lives until the next call or the free.
    Str::new(unsafe { (*task).text() })
}

fn put_outcome(out: &mut RawOutcome, outcome: &Outcome) {
    let (kind, code, limit, msg) = match &outcome.end {
        End::Done => (1, 0, "", ""),
        End::Exit(code) => (2, *code, "", ""),
        End::Trap(text) => (3, 0, "", text.as_str()),
        End::Limit(name, text) => (4, 0, *name, text.as_str()),
        End::Error(text) => (5, 0, "", text.as_str()),
    };
    out.kind = kind;
    out.exit_code = code;
    out.result_err = outcome.result_err;
    out.memory_refused = outcome.memory_refused;
    out.memory_peak = outcome.memory_peak;
    put_text(&mut out.limit, limit);
    put_text(&mut out.msg, msg);
}

/// # Safety
/// As engine.h says of the pointers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_poll(task: *mut Task, out: *mut RawOutcome) -> bool {
    // SAFETY: `task` is alive and polled by one thread.
    match unsafe { (*task).poll() } {
        None => false,
        Some(outcome) => {
            // SAFETY: `out` is the caller's.
            put_outcome(unsafe { &mut *out }, &outcome);
            true
        }
    }
}

/// # Safety
/// `task` is null or from `writ_task_run`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writ_task_free(task: *mut Task) {
    if !task.is_null() {
        // SAFETY: made by Box::into_raw in writ_task_run.
        drop(unsafe { Box::from_raw(task) });
    }
}
