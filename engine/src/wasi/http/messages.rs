//! Responses that go out or came in, a request that came in, bodies, and what is to come.

use super::{Answer, Coded, set_part};
use crate::bindings::wasi::http::types;
use crate::fields::Fields;
use crate::http::{Body, FutureResponse, Incoming, Of, Request, Trailers};
use crate::http_code::fault_of;
use crate::poll::Pollable;
use crate::ports::http::{Head, InHalf, List, OutHalf};
use crate::state::State;
use crate::stream::{InStream, OutStream};
use std::sync::Arc;
use types::{Method, Scheme};
use wasmtime::Result;
use wasmtime::component::Resource;

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

impl State {
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
            headers: Fields::received(head.fields, &self.keeper)?,
            half: Some(half),
        };
        let request = self.push(incoming)?;
        let outparam = self.push(Outparam { out })?;
        Ok((request.rep(), outparam.rep()))
    }

    pub(super) fn new_body(&mut self, body: Arc<Body>) -> Result<Resource<OutBody>> {
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
        let length = response.headers.content_length();
        let body = Body::new(Of::Response, length, &self.keeper);
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
                self.send_body(body);
            }
            None => {
                let _ = out.finish(&[]);
            }
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
            Some(Ok(list)) => {
                let fields = Fields::received(list, &self.keeper)?;
                Ok(Ok(Some(self.push(fields)?)))
            }
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
                    headers: Fields::received(response.head.fields, &self.keeper)?,
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
