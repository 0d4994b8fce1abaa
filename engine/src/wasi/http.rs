//! wasi:http: fields and requests that go out.  What may be sent is decided behind the port; here
//! the form is checked.

mod messages;

pub use messages::{InBody, InRequest, InResponse, OutBody, OutResponse, Outparam};

use crate::bindings::wasi::http::{outgoing_handler, types};
use crate::fields::{Fields, is_token};
use crate::http::{Body, FutureResponse, Of, Pending, Waiting, fields_bytes, fields_fit};
use crate::kept::Kept;
use crate::ports::http::{Head, Options};
use crate::state::State;
use crate::stream::IoError;
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
    kept: Kept,
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

impl OutRequest {
    fn url(&self) -> String {
        let scheme = scheme_name(&self.scheme);
        let authority = self.authority.as_deref().unwrap_or("");
        let path = self.path.as_deref().unwrap_or("/");
        format!("{scheme}://{authority}{path}")
    }

    /// Its parts have changed.
    fn weigh(&mut self) -> Result<()> {
        let part = |p: &Option<String>| p.as_ref().map_or(0, String::len);
        let parts = part(&self.authority) + part(&self.path);
        let names = self.method().len() + scheme_name(&self.scheme).len();
        self.kept.weigh(parts + names)
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

/// Store a part if it is well-formed.
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

    /// Hand a request over; what becomes of it comes later.
    fn send(
        &mut self,
        request: &OutRequest,
        options: Option<RequestOptions>,
    ) -> Result<Coded<FutureResponse>> {
        let fields = request.headers.entries();
        if !fields_fit(&fields) {
            let bytes = u32::try_from(fields_bytes(&fields)).ok();
            return Ok(Err(ErrorCode::HttpRequestHeaderSectionSize(bytes)));
        }
        let options = options.unwrap_or_default();
        let body = request.body.clone().filter(|body| !body.is_empty());
        let pending = Pending {
            ports: self.ports.clone(),
            head: Head {
                method: request.method().to_string(),
                scheme: scheme_name(&request.scheme).to_string(),
                authority: request.authority.clone().unwrap_or_default(),
                path: request.path.clone().unwrap_or_default(),
                status: 0,
                fields,
            },
            options: Options {
                connect_ns: options.connect.unwrap_or(0),
                first_byte_ns: options.first_byte.unwrap_or(0),
                between_bytes_ns: options.between_bytes.unwrap_or(0),
                has_body: body.is_some(),
            },
        };
        let Some(body) = body else {
            return Ok(pending.send().map(|(out, half)| {
                // Nothing will be written.
                let _ = out.finish(&[]);
                FutureResponse::Coming { half, body: None }
            }));
        };
        if body.is_gone() {
            let over = Err(ErrorCode::HttpProtocolError);
            return Ok(Ok(FutureResponse::Here(over)));
        }
        self.send_body(body.clone());
        if body.is_open() {
            body.hold(pending)?;
            return Ok(Ok(FutureResponse::Held(Waiting(body))));
        }
        Ok(pending.send().map(|(out, half)| {
            body.attach(out);
            let body = Some(Waiting(body));
            FutureResponse::Coming { half, body }
        }))
    }

    /// What is no request to be judged, and without a port none is.
    fn check(&self, request: &OutRequest) -> Coded<()> {
        let length = request.headers.content_length();
        match (&request.scheme, &request.authority) {
            _ if !self.ports.has_http() => Err(ErrorCode::HttpRequestDenied),
            (Some(Scheme::Other(_)), _) => Err(ErrorCode::HttpProtocolError),
            (_, None) => Err(ErrorCode::HttpRequestUriInvalid),
            _ => match (length, &request.body) {
                (Some(1..), None) => Err(ErrorCode::HttpRequestBodySize(Some(0))),
                _ => Ok(()),
            },
        }
    }
}

impl types::HostFields for State {
    fn new(&mut self) -> Result<Resource<Fields>> {
        let fields = Fields::empty(&self.keeper)?;
        self.push(fields)
    }

    fn from_list(&mut self, entries: Vec<(String, Vec<u8>)>) -> Result<Checked<Resource<Fields>>> {
        match Fields::from_list(entries, &self.keeper)? {
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
            kept: self.keeper.nothing(),
        })
    }

    fn body(&mut self, this: Resource<OutRequest>) -> Result<Answer<Resource<OutBody>>> {
        let request = self.table.get_mut(&this)?;
        if request.body.is_some() {
            return Ok(Err(()));
        }
        let length = request.headers.content_length();
        let body = Body::new(Of::Request, length, &self.keeper);
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
        let request = self.table.get_mut(&this)?;
        let set = set_part(&mut request.method, method, ok)?;
        request.weigh()?;
        Ok(set)
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
        let request = self.table.get_mut(&this)?;
        let set = set_part(&mut request.path, path, ok)?;
        request.weigh()?;
        Ok(set)
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
        let request = self.table.get_mut(&this)?;
        let set = set_part(&mut request.scheme, scheme, ok)?;
        request.weigh()?;
        Ok(set)
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
        let request = self.table.get_mut(&this)?;
        let set = set_part(&mut request.authority, authority, ok)?;
        request.weigh()?;
        Ok(set)
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
        let sent = match self.check(&request) {
            Ok(()) => self.send(&request, options)?,
            Err(code) => {
                self.ports
                    .refused(c"http", request.method(), &request.url());
                Err(code)
            }
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
