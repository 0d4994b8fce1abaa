use super::{World, now, once, world_with_http};
use crate::bindings::wasi::http::outgoing_handler::Host as _;
use crate::bindings::wasi::http::types::{
    ErrorCode, HostFields, HostFutureIncomingResponse, HostFutureTrailers, HostIncomingBody,
    HostIncomingRequest, HostIncomingResponse, HostOutgoingBody, HostOutgoingRequest,
    HostOutgoingResponse, HostResponseOutparam, Method, Scheme,
};
use crate::bindings::wasi::io::poll::HostPollable;
use crate::bindings::wasi::io::streams::{HostInputStream, HostOutputStream};
use crate::fields::Fields;
use crate::http::{FutureResponse, Request};
use crate::ports::http::{Fault, Head};
use crate::stream::{OutStream, StreamErr};
use crate::wasi::http::{InRequest, OutBody, OutRequest, Outparam};
use std::task::Poll;
use wasmtime::component::Resource;

fn borrow<T: 'static>(r: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(r.rep())
}

fn open() -> World {
    world_with_http()
}

fn fields(w: &mut World, list: &[(&str, &str)]) -> Resource<Fields> {
    let pair = |(n, v): &(&str, &str)| (n.to_string(), v.as_bytes().to_vec());
    let list = list.iter().map(pair).collect();
    w.state.from_list(list).unwrap().unwrap()
}

fn request(w: &mut World, headers: &[(&str, &str)]) -> Resource<OutRequest> {
    let headers = fields(w, headers);
    let r = HostOutgoingRequest::new(&mut w.state, headers).unwrap();
    let s = &mut w.state;
    HostOutgoingRequest::set_method(s, borrow(&r), Method::Put)
        .unwrap()
        .unwrap();
    HostOutgoingRequest::set_scheme(s, borrow(&r), Some(Scheme::Http))
        .unwrap()
        .unwrap();
    HostOutgoingRequest::set_authority(s, borrow(&r), Some("a.test".into()))
        .unwrap()
        .unwrap();
    r
}

fn body_of(w: &mut World, r: &Resource<OutRequest>) -> (Resource<OutBody>, Resource<OutStream>) {
    let body = HostOutgoingRequest::body(&mut w.state, borrow(r))
        .unwrap()
        .unwrap();
    let out = HostOutgoingBody::write(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    (body, out)
}

fn write(w: &mut World, out: &Resource<OutStream>, n: usize) -> Result<(), StreamErr> {
    now(w.state.blocking_write_and_flush(borrow(out), vec![b'x'; n]))
}

fn drop_stream(w: &mut World, out: Resource<OutStream>) {
    HostOutputStream::drop(&mut w.state, out).unwrap();
}

fn handle(w: &mut World, r: Resource<OutRequest>) -> Resource<FutureResponse> {
    w.state.handle(r, None).unwrap().unwrap()
}

#[test]
fn a_request_goes_and_its_answer_comes() {
    let mut w = open();
    let r = request(&mut w, &[("x-a", "1"), ("content-length", "5")]);
    let (body, out) = body_of(&mut w, &r);
    let future = handle(&mut w, r);
    assert!(write(&mut w, &out, 5).is_ok());
    drop_stream(&mut w, out);
    assert!(
        HostOutgoingBody::finish(&mut w.state, body, None)
            .unwrap()
            .is_ok()
    );
    let pollable = HostFutureIncomingResponse::subscribe(&mut w.state, borrow(&future)).unwrap();
    assert!(!HostPollable::ready(&mut w.state, borrow(&pollable)).unwrap());
    let get = |w: &mut World| HostFutureIncomingResponse::get(&mut w.state, borrow(&future));
    assert!(get(&mut w).unwrap().is_none());
    let x = w.fake.http.last();
    assert_eq!((x.method.as_str(), x.authority.as_str()), ("PUT", "a.test"));
    assert!(x.has_body);
    assert_eq!(x.written, b"xxxxx");
    assert_eq!((x.finished, x.closed_out, x.closed_in), (Some(0), 1, 0));
    x.head = Some(Ok((404, vec![("x-b".into(), b"2".to_vec())])));
    x.body = [Some(b"hello".to_vec()), None].into();
    x.trailers = Some(vec![("x-t".into(), b"3".to_vec())]);
    assert!(HostPollable::ready(&mut w.state, borrow(&pollable)).unwrap());
    let response = get(&mut w).unwrap().unwrap().unwrap().unwrap();
    assert!(get(&mut w).unwrap().unwrap().is_err());
    assert_eq!(
        HostIncomingResponse::status(&mut w.state, borrow(&response)).unwrap(),
        404
    );
    let body = HostIncomingResponse::consume(&mut w.state, borrow(&response))
        .unwrap()
        .unwrap();
    assert!(
        HostIncomingResponse::consume(&mut w.state, borrow(&response))
            .unwrap()
            .is_err()
    );
    let stream = HostIncomingBody::stream(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    let read = |w: &mut World, n| HostInputStream::read(&mut w.state, borrow(&stream), n);
    assert!(read(&mut w, 3).is_ok_and(|b| b == b"hel"));
    assert!(read(&mut w, 9).is_ok_and(|b| b == b"lo"));
    assert!(read(&mut w, 9).is_ok_and(|b| b.is_empty()));
    assert!(matches!(read(&mut w, 9), Err(StreamErr::Closed)));
    HostInputStream::drop(&mut w.state, stream).unwrap();
    let trailers = HostIncomingBody::finish(&mut w.state, body).unwrap();
    let got = HostFutureTrailers::get(&mut w.state, borrow(&trailers)).unwrap();
    let list = got.unwrap().unwrap().unwrap().unwrap();
    assert!(w.state.has(list, "x-t".into()).unwrap());
    HostFutureTrailers::drop(&mut w.state, trailers).unwrap();
    HostIncomingResponse::drop(&mut w.state, response).unwrap();
    assert_eq!(w.fake.http.last().closed_in, 1);
}

#[test]
fn what_is_written_early_goes_first() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (body, out) = body_of(&mut w, &r);
    assert!(write(&mut w, &out, 4096).is_ok());
    let check = |w: &mut World| HostOutputStream::check_write(&mut w.state, borrow(&out));
    assert!(check(&mut w).is_ok_and(|n| n == 64 * 1024 - 4096));
    w.fake.http.room = 10;
    let future = handle(&mut w, r);
    assert_eq!(w.fake.http.last().written.len(), 10);
    assert!(check(&mut w).is_ok_and(|n| n == 0));
    // It is finished while bytes are still kept: they move when the answer is waited for.
    drop_stream(&mut w, out);
    assert!(
        HostOutgoingBody::finish(&mut w.state, body, None)
            .unwrap()
            .is_ok()
    );
    assert_eq!(w.fake.http.last().finished, None);
    w.fake.http.last().room = 1 << 20;
    let got = HostFutureIncomingResponse::get(&mut w.state, borrow(&future)).unwrap();
    assert!(got.is_none());
    assert_eq!(w.fake.http.last().written.len(), 4096);
    assert_eq!(w.fake.http.last().finished, Some(0));
}

#[test]
fn no_room_makes_the_guest_wait() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (_body, out) = body_of(&mut w, &r);
    let _future = handle(&mut w, r);
    w.fake.http.last().room = 0;
    let mut written = Box::pin(w.state.blocking_write_and_flush(borrow(&out), vec![0; 8]));
    assert!(matches!(once(&mut written), Poll::Pending));
    w.fake.http.all[0].room = 100;
    assert!(matches!(once(&mut written), Poll::Ready(Ok(()))));
}

#[test]
fn a_short_body_is_given_up() {
    let mut w = open();
    let r = request(&mut w, &[("content-length", "5")]);
    let (body, out) = body_of(&mut w, &r);
    let _future = handle(&mut w, r);
    assert!(write(&mut w, &out, 3).is_ok());
    drop_stream(&mut w, out);
    let got = HostOutgoingBody::finish(&mut w.state, body, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpRequestBodySize(Some(3)))));
    let x = w.fake.http.last();
    assert_eq!((x.finished, x.closed_out), (None, 1));
}

#[test]
fn dropping_at_each_point_closes_each_half_once() {
    for point in 0..5 {
        let mut w = open();
        let r = request(&mut w, &[]);
        let (body, out) = body_of(&mut w, &r);
        let future = handle(&mut w, r);
        w.fake.http.last().head = Some(Ok((200, vec![])));
        w.fake.http.last().body = [Some(vec![1; 100]), None].into();
        if point > 0 {
            drop_stream(&mut w, out);
            HostOutgoingBody::drop(&mut w.state, body).unwrap();
        }
        if point > 1 {
            let got = HostFutureIncomingResponse::get(&mut w.state, borrow(&future));
            let response = got.unwrap().unwrap().unwrap().unwrap();
            if point > 2 {
                let body = HostIncomingResponse::consume(&mut w.state, borrow(&response));
                let body = body.unwrap().unwrap();
                if point > 3 {
                    let stream = HostIncomingBody::stream(&mut w.state, borrow(&body));
                    let stream = stream.unwrap().unwrap();
                    assert!(HostInputStream::read(&mut w.state, stream, 10).is_ok());
                }
            }
        }
        let World {
            state, mut fake, ..
        } = w;
        drop(state);
        let x = fake.http.last();
        assert_eq!((x.closed_out, x.closed_in), (1, 1), "point {point}");
        assert_eq!(x.finished, None, "point {point}");
    }
}

#[test]
fn faults_are_errors_of_the_guest() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let future = handle(&mut w, r);
    assert!(!w.fake.http.last().has_body);
    assert_eq!(w.fake.http.last().finished, Some(0));
    let fault = |code, n| Fault {
        code,
        has_n: n != 0,
        n,
    };
    w.fake.http.last().head = Some(Err(fault(28, 7)));
    let got = HostFutureIncomingResponse::get(&mut w.state, future).unwrap();
    let got = got.unwrap().unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpResponseBodySize(Some(7)))));

    let r = request(&mut w, &[]);
    let future = handle(&mut w, r);
    w.fake.http.last().head = Some(Ok((200, vec![])));
    w.fake.http.last().body_fault = Some(fault(25, 0));
    let got = HostFutureIncomingResponse::get(&mut w.state, future).unwrap();
    let response = got.unwrap().unwrap().unwrap();
    let body = HostIncomingResponse::consume(&mut w.state, response)
        .unwrap()
        .unwrap();
    let stream = HostIncomingBody::stream(&mut w.state, body)
        .unwrap()
        .unwrap();
    let got = HostInputStream::read(&mut w.state, borrow(&stream), 10);
    let Err(StreamErr::Failed(error)) = got else {
        panic!("no error");
    };
    assert!(matches!(
        error.http,
        Some(ErrorCode::HttpResponseIncomplete)
    ));
    let got = HostInputStream::read(&mut w.state, stream, 10);
    assert!(matches!(got, Err(StreamErr::Closed)));
}

#[test]
fn bounds_and_forms_are_errors() {
    let mut w = open();
    w.fake.http.full = true;
    let r = request(&mut w, &[]);
    let got = w.state.handle(r, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::ConnectionLimitReached)));
    w.fake.http.full = false;
    let many: Vec<String> = (0..300).map(|i| format!("x-{i}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|n| (n.as_str(), "v")).collect();
    let r = request(&mut w, &many);
    let got = w.state.handle(r, None).unwrap();
    assert!(matches!(
        got,
        Err(ErrorCode::HttpRequestHeaderSectionSize(_))
    ));
    let r = request(&mut w, &[]);
    let scheme = Some(Scheme::Other("ftp".into()));
    HostOutgoingRequest::set_scheme(&mut w.state, borrow(&r), scheme)
        .unwrap()
        .unwrap();
    let got = w.state.handle(r, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpProtocolError)));
    let r = request(&mut w, &[]);
    HostOutgoingRequest::set_authority(&mut w.state, borrow(&r), None)
        .unwrap()
        .unwrap();
    let got = w.state.handle(r, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpRequestUriInvalid)));
    assert_eq!(
        w.fake.refused,
        ["http PUT ftp://a.test/", "http PUT http:///"]
    );
    assert!(w.fake.http.all.is_empty());
}

/// A request that came in: its resources, as `handle` is given them.
fn incoming(w: &mut World) -> (Resource<InRequest>, Resource<Outparam>) {
    let x = w.fake.http.incoming();
    let (out, half) = w.state.ports.http_halves(x);
    let head = Head {
        method: "POST".into(),
        path: "/p?q".into(),
        fields: vec![("x-a".into(), b"1".to_vec())],
        ..Head::default()
    };
    let request = Request { head, half, out };
    let (request, outparam) = w.state.push_request(request).unwrap();
    (Resource::new_own(request), Resource::new_own(outparam))
}

#[test]
fn a_request_that_came_in_is_answered() {
    let mut w = open();
    let (request, outparam) = incoming(&mut w);
    let s = &mut w.state;
    let method = HostIncomingRequest::method(s, borrow(&request)).unwrap();
    assert!(matches!(method, Method::Post));
    assert_eq!(
        HostIncomingRequest::path_with_query(s, borrow(&request)).unwrap(),
        Some("/p?q".into())
    );
    let headers = fields(&mut w, &[("content-length", "2")]);
    let response = HostOutgoingResponse::new(&mut w.state, headers).unwrap();
    let body = HostOutgoingResponse::body(&mut w.state, borrow(&response))
        .unwrap()
        .unwrap();
    HostResponseOutparam::set(&mut w.state, outparam, Ok(response)).unwrap();
    let out = HostOutgoingBody::write(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    assert!(write(&mut w, &out, 2).is_ok());
    drop_stream(&mut w, out);
    assert!(
        HostOutgoingBody::finish(&mut w.state, body, None)
            .unwrap()
            .is_ok()
    );
    HostIncomingRequest::drop(&mut w.state, request).unwrap();
    let x = w.fake.http.last();
    assert_eq!(x.answered, Some(Ok((200, true))));
    assert_eq!(x.written, b"xx");
    assert_eq!((x.finished, x.closed_out, x.closed_in), (Some(0), 1, 1));
}

#[test]
fn an_answer_may_be_an_error_or_none() {
    let mut w = open();
    let (request, outparam) = incoming(&mut w);
    let error = Err(ErrorCode::ConfigurationError);
    HostResponseOutparam::set(&mut w.state, outparam, error).unwrap();
    assert_eq!(w.fake.http.last().answered, Some(Err(37)));
    HostIncomingRequest::drop(&mut w.state, request).unwrap();

    let (_request, outparam) = incoming(&mut w);
    HostResponseOutparam::drop(&mut w.state, outparam).unwrap();
    let x = w.fake.http.last();
    assert_eq!((x.answered, x.closed_out), (None, 1));
}
