//! wasi:http: types that work, and a handler that grants nothing.

use crate::bindings::wasi::http::{outgoing_handler, types};
use crate::fields::{Fields, is_token};
use crate::poll::Pollable;
use crate::state::{Never, State};
use crate::stream::{Body, InStream, IoError, OutStream};
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::{ErrorCode, HeaderError, Method, Scheme};
use wasmtime::Result;
use wasmtime::component::Resource;

/// Bytes of a method, scheme, authority or path that a guest may set.
const PART_MAX: usize = 8 * 1024;

/// `wasi:http/types.outgoing-request`.
pub struct OutRequest {
    headers: Fields,
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    body_taken: bool,
}

/// `wasi:http/types.outgoing-response`.
pub struct OutResponse {
    headers: Fields,
    status: u16,
    body_taken: bool,
}

/// `wasi:http/types.outgoing-body`.
pub struct OutBody {
    body: Arc<Body>,
    taken: bool,
}

/// `wasi:http/types.request-options`; each a number of nanoseconds that the guest chose.
#[derive(Default)]
pub struct RequestOptions {
    connect: Option<u64>,
    first_byte: Option<u64>,
    between_bytes: Option<u64>,
}

type This = Resource<Never>;
type Answer<T> = std::result::Result<T, ()>;
type Coded<T> = std::result::Result<T, ErrorCode>;
type Checked<T> = std::result::Result<T, HeaderError>;

impl OutRequest {
    fn url(&self) -> String {
        let scheme = match &self.scheme {
            Some(Scheme::Http) => "http",
            Some(Scheme::Https) | None => "https",
            Some(Scheme::Other(scheme)) => scheme,
        };
        let authority = self.authority.as_deref().unwrap_or("");
        let path = self.path.as_deref().unwrap_or("/");
        format!("{scheme}://{authority}{path}")
    }

    fn method(&self) -> &str {
        match &self.method {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
            Method::Connect => "CONNECT",
            Method::Options => "OPTIONS",
            Method::Trace => "TRACE",
            Method::Patch => "PATCH",
            Method::Other(method) => method,
        }
    }
}

fn is_scheme(s: &str) -> bool {
    let rest = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.bytes().all(rest)
}

/// Host and perhaps a port, without user information.
fn is_authority(s: &str) -> bool {
    let name = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b);
    let (host_ok, port) = if let Some(rest) = s.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (host, port) = s.split_at(s.find(':').unwrap_or(s.len()));
        (!host.is_empty() && host.bytes().all(name), port)
    };
    let port_ok = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => digits.bytes().all(|b| b.is_ascii_digit()) && digits.parse::<u16>().is_ok(),
    };
    host_ok && port_ok
}

fn is_path(s: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&b);
    (s.is_empty() || s.starts_with(['/', '?']) || s == "*") && s.bytes().all(allowed)
}

/// Store an optional part if it is well-formed.
fn set_part<T>(slot: &mut T, value: T, ok: bool) -> Result<Answer<()>> {
    if !ok {
        return Ok(Err(()));
    }
    *slot = value;
    Ok(Ok(()))
}

impl State {
    /// The headers of a new message: the resource is used up.
    fn take_fields(&mut self, headers: Resource<Fields>) -> Result<Fields> {
        Ok(self.table.delete(headers)?.view())
    }

    fn new_body(&mut self, expected: Option<u64>) -> Result<Resource<OutBody>> {
        let body = Arc::new(Body {
            expected,
            written: AtomicU64::new(0),
        });
        self.push(OutBody { body, taken: false })
    }
}

impl types::HostFields for State {
    fn new(&mut self) -> Result<Resource<Fields>> {
        self.push(Fields::default())
    }

    fn from_list(&mut self, entries: Vec<(String, Vec<u8>)>) -> Result<Checked<Resource<Fields>>> {
        match Fields::from_list(entries)? {
            Ok(fields) => Ok(Ok(self.push(fields)?)),
            Err(e) => Ok(Err(e)),
        }
    }

    fn get(&mut self, this: Resource<Fields>, name: String) -> Result<Vec<Vec<u8>>> {
        Ok(self.table.get(&this)?.get(&name))
    }

    fn has(&mut self, this: Resource<Fields>, name: String) -> Result<bool> {
        Ok(self.table.get(&this)?.has(&name))
    }

    fn set(
        &mut self,
        this: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> Result<Checked<()>> {
        self.table.get_mut(&this)?.put(&name, values, false)
    }

    fn delete(&mut self, this: Resource<Fields>, name: String) -> Result<Checked<()>> {
        self.table.get_mut(&this)?.put(&name, Vec::new(), false)
    }

    fn append(
        &mut self,
        this: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> Result<Checked<()>> {
        self.table.get_mut(&this)?.put(&name, vec![value], true)
    }

    fn entries(&mut self, this: Resource<Fields>) -> Result<Vec<(String, Vec<u8>)>> {
        Ok(self.table.get(&this)?.entries())
    }

    fn clone(&mut self, this: Resource<Fields>) -> Result<Resource<Fields>> {
        let copy = self.table.get(&this)?.copy();
        self.push(copy)
    }

    fn drop(&mut self, this: Resource<Fields>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostOutgoingRequest for State {
    fn new(&mut self, headers: Resource<Fields>) -> Result<Resource<OutRequest>> {
        let headers = self.take_fields(headers)?;
        self.push(OutRequest {
            headers,
            method: Method::Get,
            scheme: None,
            authority: None,
            path: None,
            body_taken: false,
        })
    }

    fn body(&mut self, this: Resource<OutRequest>) -> Result<Answer<Resource<OutBody>>> {
        let request = self.table.get_mut(&this)?;
        if std::mem::replace(&mut request.body_taken, true) {
            return Ok(Err(()));
        }
        let expected = request.headers.content_length();
        Ok(Ok(self.new_body(expected)?))
    }

    fn method(&mut self, this: Resource<OutRequest>) -> Result<Method> {
        Ok(self.table.get(&this)?.method.clone())
    }

    fn set_method(&mut self, this: Resource<OutRequest>, method: Method) -> Result<Answer<()>> {
        let ok = match &method {
            Method::Other(name) => name.len() <= PART_MAX && is_token(name),
            _ => true,
        };
        set_part(&mut self.table.get_mut(&this)?.method, method, ok)
    }

    fn path_with_query(&mut self, this: Resource<OutRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.path.clone())
    }

    fn set_path_with_query(
        &mut self,
        this: Resource<OutRequest>,
        path: Option<String>,
    ) -> Result<Answer<()>> {
        let ok = path
            .as_ref()
            .is_none_or(|p| p.len() <= PART_MAX && is_path(p));
        set_part(&mut self.table.get_mut(&this)?.path, path, ok)
    }

    fn scheme(&mut self, this: Resource<OutRequest>) -> Result<Option<Scheme>> {
        Ok(self.table.get(&this)?.scheme.clone())
    }

    fn set_scheme(
        &mut self,
        this: Resource<OutRequest>,
        scheme: Option<Scheme>,
    ) -> Result<Answer<()>> {
        let ok = match &scheme {
            Some(Scheme::Other(name)) => name.len() <= PART_MAX && is_scheme(name),
            _ => true,
        };
        set_part(&mut self.table.get_mut(&this)?.scheme, scheme, ok)
    }

    fn authority(&mut self, this: Resource<OutRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.authority.clone())
    }

    fn set_authority(
        &mut self,
        this: Resource<OutRequest>,
        authority: Option<String>,
    ) -> Result<Answer<()>> {
        let ok = authority
            .as_ref()
            .is_none_or(|a| a.len() <= PART_MAX && is_authority(a));
        set_part(&mut self.table.get_mut(&this)?.authority, authority, ok)
    }

    fn headers(&mut self, this: Resource<OutRequest>) -> Result<Resource<Fields>> {
        let view = self.table.get(&this)?.headers.view();
        self.push_child(view, &this)
    }

    fn drop(&mut self, this: Resource<OutRequest>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostRequestOptions for State {
    fn new(&mut self) -> Result<Resource<RequestOptions>> {
        self.push(RequestOptions::default())
    }

    fn connect_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.connect)
    }

    fn set_connect_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Answer<()>> {
        set_part(&mut self.table.get_mut(&this)?.connect, duration, true)
    }

    fn first_byte_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.first_byte)
    }

    fn set_first_byte_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Answer<()>> {
        set_part(&mut self.table.get_mut(&this)?.first_byte, duration, true)
    }

    fn between_bytes_timeout(&mut self, this: Resource<RequestOptions>) -> Result<Option<u64>> {
        Ok(self.table.get(&this)?.between_bytes)
    }

    fn set_between_bytes_timeout(
        &mut self,
        this: Resource<RequestOptions>,
        duration: Option<u64>,
    ) -> Result<Answer<()>> {
        set_part(
            &mut self.table.get_mut(&this)?.between_bytes,
            duration,
            true,
        )
    }

    fn drop(&mut self, this: Resource<RequestOptions>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostOutgoingResponse for State {
    fn new(&mut self, headers: Resource<Fields>) -> Result<Resource<OutResponse>> {
        let headers = self.take_fields(headers)?;
        self.push(OutResponse {
            headers,
            status: 200,
            body_taken: false,
        })
    }

    fn status_code(&mut self, this: Resource<OutResponse>) -> Result<u16> {
        Ok(self.table.get(&this)?.status)
    }

    fn set_status_code(&mut self, this: Resource<OutResponse>, status: u16) -> Result<Answer<()>> {
        let ok = (100..=999).contains(&status);
        set_part(&mut self.table.get_mut(&this)?.status, status, ok)
    }

    fn headers(&mut self, this: Resource<OutResponse>) -> Result<Resource<Fields>> {
        let view = self.table.get(&this)?.headers.view();
        self.push_child(view, &this)
    }

    fn body(&mut self, this: Resource<OutResponse>) -> Result<Answer<Resource<OutBody>>> {
        let response = self.table.get_mut(&this)?;
        if std::mem::replace(&mut response.body_taken, true) {
            return Ok(Err(()));
        }
        let expected = response.headers.content_length();
        Ok(Ok(self.new_body(expected)?))
    }

    fn drop(&mut self, this: Resource<OutResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostOutgoingBody for State {
    fn write(&mut self, this: Resource<OutBody>) -> Result<Answer<Resource<OutStream>>> {
        let body = self.table.get_mut(&this)?;
        if std::mem::replace(&mut body.taken, true) {
            return Ok(Err(()));
        }
        let stream = OutStream::body(body.body.clone());
        Ok(Ok(self.push_child(stream, &this)?))
    }

    fn finish(
        &mut self,
        this: Resource<OutBody>,
        trailers: Option<Resource<Fields>>,
    ) -> Result<Coded<()>> {
        let body = self.table.delete(this)?.body;
        if let Some(trailers) = trailers {
            self.table.delete(trailers)?;
        }
        let written = body.written.load(Ordering::Relaxed);
        match body.expected {
            Some(expected) if written != expected => {
                Ok(Err(ErrorCode::HttpRequestBodySize(Some(written))))
            }
            _ => Ok(Ok(())),
        }
    }

    fn drop(&mut self, this: Resource<OutBody>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
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

impl types::HostIncomingRequest for State {
    never! {
        method() -> Method;
        path_with_query() -> Option<String>;
        scheme() -> Option<Scheme>;
        authority() -> Option<String>;
        headers() -> Resource<Fields>;
        consume() -> Answer<This>;
    }
}

impl types::HostResponseOutparam for State {
    never! {
        set(Coded<Resource<OutResponse>>) -> ();
    }
}

impl types::HostIncomingResponse for State {
    never! {
        status() -> u16;
        headers() -> Resource<Fields>;
        consume() -> Answer<This>;
    }
}

impl types::HostIncomingBody for State {
    never! {
        stream() -> Answer<Resource<InStream>>;
        finish() -> This;
    }
}

impl types::HostFutureTrailers for State {
    never! {
        subscribe() -> Resource<Pollable>;
        get() -> Option<Answer<Coded<Option<Resource<Fields>>>>>;
    }
}

impl types::HostFutureIncomingResponse for State {
    never! {
        subscribe() -> Resource<Pollable>;
        get() -> Option<Answer<Coded<This>>>;
    }
}

impl types::Host for State {
    fn http_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.http.clone())
    }
}

impl outgoing_handler::Host for State {
    fn handle(
        &mut self,
        request: Resource<OutRequest>,
        options: Option<Resource<RequestOptions>>,
    ) -> Result<Coded<This>> {
        let request = self.table.delete(request)?;
        if let Some(options) = options {
            self.table.delete(options)?;
        }
        self.ports
            .refused(c"http", request.method(), &request.url());
        Ok(Err(ErrorCode::HttpRequestDenied))
    }
}
