//! wasi:http: the types, requests that go out, and one that came in.  What may be sent is decided
//! behind the port; here the form is checked.

use crate::bindings::wasi::http::{outgoing_handler, types};
use crate::fields::{Fields, is_token};
use crate::http::{Body, FutureResponse, Incoming, Request, Trailers, fault_of};
use crate::poll::Pollable;
use crate::ports::http::{
    FIELDS_BYTES_MAX, FIELDS_MAX, Head, InHalf, List, NotSent, Options, OutHalf,
};
use crate::state::State;
use crate::stream::{InStream, IoError, OutStream};
use std::net::Ipv6Addr;
use std::sync::Arc;
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
    body: Option<Arc<Body>>,
}

/// `wasi:http/types.outgoing-response`.
pub struct OutResponse {
    headers: Fields,
    status: u16,
    body: Option<Arc<Body>>,
}

/// `wasi:http/types.incoming-request`.
pub struct InRequest {
    method: Method,
    scheme: Option<Scheme>,
    authority: Option<String>,
    path: Option<String>,
    headers: Fields,
    half: Option<InHalf>,
}

/// `wasi:http/types.response-outparam`.
pub struct Outparam {
    out: OutHalf,
}

/// `wasi:http/types.incoming-response`.
pub struct InResponse {
    status: u16,
    headers: Fields,
    half: Option<InHalf>,
}

/// `wasi:http/types.incoming-body`.
pub struct InBody {
    body: Arc<Incoming>,
    taken: bool,
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

type Answer<T> = std::result::Result<T, ()>;
type Coded<T> = std::result::Result<T, ErrorCode>;
type Checked<T> = std::result::Result<T, HeaderError>;

fn scheme_name(scheme: &Option<Scheme>) -> &str {
    match scheme {
        Some(Scheme::Http) => "http",
        Some(Scheme::Https) | None => "https",
        Some(Scheme::Other(scheme)) => scheme,
    }
}

fn method_of(name: String) -> Method {
    match name.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "CONNECT" => Method::Connect,
        "OPTIONS" => Method::Options,
        "TRACE" => Method::Trace,
        "PATCH" => Method::Patch,
        _ => Method::Other(name),
    }
}

impl OutRequest {
    fn url(&self) -> String {
        let scheme = scheme_name(&self.scheme);
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

    /// What a task that answers a request begins with.
    pub fn push_request(&mut self, request: Request) -> Result<(u32, u32)> {
        let Request { head, half, out } = request;
        let text = |s: String| (!s.is_empty()).then_some(s);
        let incoming = InRequest {
            method: method_of(head.method),
            scheme: match head.scheme.as_str() {
                "http" => Some(Scheme::Http),
                "https" => Some(Scheme::Https),
                _ => None,
            },
            authority: text(head.authority),
            path: text(head.path),
            headers: Fields::received(head.fields),
            half: Some(half),
        };
        let request = self.push(incoming)?;
        let outparam = self.push(Outparam { out })?;
        Ok((request.rep(), outparam.rep()))
    }

    /// Hand a request over; what becomes of it comes later.
    fn send(
        &mut self,
        request: &OutRequest,
        options: Option<RequestOptions>,
    ) -> Coded<FutureResponse> {
        let fields = request.headers.entries();
        let bytes: usize = fields.iter().map(|(n, v)| n.len() + v.len()).sum();
        if fields.len() > FIELDS_MAX || bytes > FIELDS_BYTES_MAX {
            return Err(ErrorCode::HttpRequestHeaderSectionSize(
                u32::try_from(bytes).ok(),
            ));
        }
        let options = options.unwrap_or_default();
        let body = request.body.clone().filter(|body| !body.is_empty());
        let options = Options {
            connect_ns: options.connect.unwrap_or(0),
            first_byte_ns: options.first_byte.unwrap_or(0),
            between_bytes_ns: options.between_bytes.unwrap_or(0),
            has_body: body.is_some(),
        };
        let head = Head {
            method: request.method().to_string(),
            scheme: scheme_name(&request.scheme).to_string(),
            authority: request.authority.clone().unwrap_or_default(),
            path: request.path.clone().unwrap_or_default(),
            status: 0,
            fields,
        };
        match self.ports.http_send(&head, options) {
            Ok((out, half)) => {
                match &body {
                    Some(body) => body.attach(out),
                    // Nothing will be written.
                    None => drop(out.finish(&[])),
                }
                Ok(FutureResponse::Coming { half, body })
            }
            Err(NotSent::Void) => {
                self.ports
                    .refused(c"http", request.method(), &request.url());
                Err(ErrorCode::HttpRequestDenied)
            }
            Err(NotSent::TooMany) => Err(ErrorCode::ConnectionLimitReached),
            Err(NotSent::NoMemory) => Err(ErrorCode::InternalError(None)),
        }
    }

    fn new_body(&mut self, body: Arc<Body>) -> Result<Resource<OutBody>> {
        self.push(OutBody { body, taken: false })
    }

    fn new_in_body(&mut self, half: Option<InHalf>) -> Result<Answer<Resource<InBody>>> {
        let Some(half) = half else {
            return Ok(Err(()));
        };
        let body = Incoming::new(half);
        Ok(Ok(self.push(InBody { body, taken: false })?))
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
            body: None,
        })
    }

    fn body(&mut self, this: Resource<OutRequest>) -> Result<Answer<Resource<OutBody>>> {
        let request = self.table.get_mut(&this)?;
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let body = Body::new(request.headers.content_length());
        request.body = Some(body.clone());
        Ok(Ok(self.new_body(body)?))
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
        self.push(view)
    }

    fn drop(&mut self, this: Resource<OutRequest>) -> Result<()> {
        if let Some(body) = self.table.delete(this)?.body {
            body.abandon();
        }
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
            body: None,
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
        self.push(view)
    }

    fn body(&mut self, this: Resource<OutResponse>) -> Result<Answer<Resource<OutBody>>> {
        let response = self.table.get_mut(&this)?;
        if response.body.is_some() {
            return Ok(Err(()));
        }
        let body = Body::new(response.headers.content_length());
        response.body = Some(body.clone());
        Ok(Ok(self.new_body(body)?))
    }

    fn drop(&mut self, this: Resource<OutResponse>) -> Result<()> {
        if let Some(body) = self.table.delete(this)?.body {
            body.abandon();
        }
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
        let trailers = match trailers {
            Some(trailers) => self.table.delete(trailers)?.entries(),
            None => List::new(),
        };
        Ok(body.finish(trailers))
    }

    fn drop(&mut self, this: Resource<OutBody>) -> Result<()> {
        self.table.delete(this)?.body.abandon();
        Ok(())
    }
}

impl types::HostIncomingRequest for State {
    fn method(&mut self, this: Resource<InRequest>) -> Result<Method> {
        Ok(self.table.get(&this)?.method.clone())
    }

    fn path_with_query(&mut self, this: Resource<InRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.path.clone())
    }

    fn scheme(&mut self, this: Resource<InRequest>) -> Result<Option<Scheme>> {
        Ok(self.table.get(&this)?.scheme.clone())
    }

    fn authority(&mut self, this: Resource<InRequest>) -> Result<Option<String>> {
        Ok(self.table.get(&this)?.authority.clone())
    }

    fn headers(&mut self, this: Resource<InRequest>) -> Result<Resource<Fields>> {
        let view = self.table.get(&this)?.headers.view();
        self.push(view)
    }

    fn consume(&mut self, this: Resource<InRequest>) -> Result<Answer<Resource<InBody>>> {
        let half = self.table.get_mut(&this)?.half.take();
        self.new_in_body(half)
    }

    fn drop(&mut self, this: Resource<InRequest>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostResponseOutparam for State {
    fn set(
        &mut self,
        this: Resource<Outparam>,
        response: Coded<Resource<OutResponse>>,
    ) -> Result<()> {
        let Outparam { out } = self.table.delete(this)?;
        let response = match response {
            Ok(response) => self.table.delete(response)?,
            Err(code) => {
                // Whether the client is still there is not the guest's affair.
                let _ = out.respond(Err(fault_of(&code)), false);
                return Ok(());
            }
        };
        let head = Head {
            status: response.status.into(),
            fields: response.headers.entries(),
            ..Head::default()
        };
        let body = response.body.filter(|body| !body.is_empty());
        let _ = out.respond(Ok(&head), body.is_some());
        match body {
            Some(body) => {
                body.attach(out);
                self.sending.push(body);
            }
            None => drop(out.finish(&[])),
        }
        Ok(())
    }

    fn drop(&mut self, this: Resource<Outparam>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostIncomingResponse for State {
    fn status(&mut self, this: Resource<InResponse>) -> Result<u16> {
        Ok(self.table.get(&this)?.status)
    }

    fn headers(&mut self, this: Resource<InResponse>) -> Result<Resource<Fields>> {
        let view = self.table.get(&this)?.headers.view();
        self.push(view)
    }

    fn consume(&mut self, this: Resource<InResponse>) -> Result<Answer<Resource<InBody>>> {
        let half = self.table.get_mut(&this)?.half.take();
        self.new_in_body(half)
    }

    fn drop(&mut self, this: Resource<InResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl types::HostIncomingBody for State {
    fn stream(&mut self, this: Resource<InBody>) -> Result<Answer<Resource<InStream>>> {
        let body = self.table.get_mut(&this)?;
        if std::mem::replace(&mut body.taken, true) {
            return Ok(Err(()));
        }
        let stream = InStream::Http(body.body.clone());
        Ok(Ok(self.push_child(stream, &this)?))
    }

    fn finish(&mut self, this: Resource<InBody>) -> Result<Resource<Trailers>> {
        let body = self.table.delete(this)?.body;
        self.push(Trailers::new(body))
    }

    fn drop(&mut self, this: Resource<InBody>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

type GotTrailers = Option<Answer<Coded<Option<Resource<Fields>>>>>;

impl types::HostFutureTrailers for State {
    fn subscribe(&mut self, this: Resource<Trailers>) -> Result<Resource<Pollable>> {
        self.push_child(Pollable::Trailers(this.rep()), &this)
    }

    fn get(&mut self, this: Resource<Trailers>) -> Result<GotTrailers> {
        let Some(answer) = self.table.get_mut(&this)?.take() else {
            return Ok(None);
        };
        Ok(Some(match answer {
            None => Err(()),
            Some(Err(code)) => Ok(Err(code)),
            Some(Ok(list)) if list.is_empty() => Ok(Ok(None)),
            Some(Ok(list)) => Ok(Ok(Some(self.push(Fields::received(list))?))),
        }))
    }

    fn drop(&mut self, this: Resource<Trailers>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

type GotResponse = Option<Answer<Coded<Resource<InResponse>>>>;

impl types::HostFutureIncomingResponse for State {
    fn subscribe(&mut self, this: Resource<FutureResponse>) -> Result<Resource<Pollable>> {
        self.push_child(Pollable::Response(this.rep()), &this)
    }

    fn get(&mut self, this: Resource<FutureResponse>) -> Result<GotResponse> {
        let Some(answer) = self.table.get_mut(&this)?.take() else {
            return Ok(None);
        };
        Ok(Some(match answer {
            None => Err(()),
            Some(Err(code)) => Ok(Err(code)),
            Some(Ok(response)) => {
                let response = InResponse {
                    status: u16::try_from(response.head.status).unwrap_or(0),
                    headers: Fields::received(response.head.fields),
                    half: Some(response.half),
                };
                Ok(Ok(self.push(response)?))
            }
        }))
    }

    fn drop(&mut self, this: Resource<FutureResponse>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
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
    ) -> Result<Coded<Resource<FutureResponse>>> {
        let request = self.table.delete(request)?;
        let options = match options {
            Some(options) => Some(self.table.delete(options)?),
            None => None,
        };
        // What is no request to be judged is reported all the same.
        let wrong = match (&request.scheme, &request.authority) {
            (Some(Scheme::Other(_)), _) => Some(ErrorCode::HttpProtocolError),
            (_, None) => Some(ErrorCode::HttpRequestUriInvalid),
            _ => None,
        };
        let sent = match wrong {
            Some(code) if self.ports.has_http() => {
                self.ports
                    .refused(c"http", request.method(), &request.url());
                Err(code)
            }
            _ => self.send(&request, options),
        };
        match sent {
            Ok(future) => Ok(Ok(self.push(future)?)),
            Err(code) => {
                if let Some(body) = request.body {
                    body.abandon();
                }
                Ok(Err(code))
            }
        }
    }
}
