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
use crate::poll::Pollable;
use crate::ports::http::{Fault, Head};
use crate::stream::{OutStream, StreamErr};
use crate::wasi::http::{InRequest, InResponse, OutBody, OutRequest, Outparam};
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

fn finish(w: &mut World, body: Resource<OutBody>) -> Result<(), ErrorCode> {
    HostOutgoingBody::finish(&mut w.state, body, None).unwrap()
}

type Got = Option<Result<Result<Resource<InResponse>, ErrorCode>, ()>>;

fn get(w: &mut World, future: &Resource<FutureResponse>) -> Got {
    HostFutureIncomingResponse::get(&mut w.state, borrow(future)).unwrap()
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
    assert!(finish(&mut w, body).is_ok());
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
    assert!(finish(&mut w, body).is_ok());
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
    assert!(write(&mut w, &out, 1).is_ok());
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
    let got = finish(&mut w, body);
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
        assert!(write(&mut w, &out, 1).is_ok());
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

#[test]
fn a_body_that_stays_empty_is_none() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (body, out) = body_of(&mut w, &r);
    let future = handle(&mut w, r);
    // Not even asked for: whether there is a body is not known.
    assert!(w.fake.http.all.is_empty());
    drop_stream(&mut w, out);
    assert!(finish(&mut w, body).is_ok());
    let x = w.fake.http.last();
    assert!(!x.has_body);
    assert_eq!((x.finished, x.closed_out, x.closed_in), (Some(0), 1, 0));
    x.head = Some(Ok((204, vec![])));
    assert!(matches!(get(&mut w, &future), Some(Ok(Ok(_)))));
    assert_eq!(w.fake.http.all.len(), 1);
}

#[test]
fn who_waits_before_the_body_has_one() {
    for by_get in [true, false] {
        let mut w = open();
        let r = request(&mut w, &[]);
        let (body, out) = body_of(&mut w, &r);
        let future = handle(&mut w, r);
        if by_get {
            assert!(get(&mut w, &future).is_none());
        } else {
            // Any waiting will do.
            let pollable = w.state.push(Pollable::At(0)).unwrap();
            assert!(now(HostPollable::block(&mut w.state, pollable)).is_ok());
        }
        assert!(w.fake.http.last().has_body);
        assert_eq!(w.fake.http.last().finished, None);
        assert!(write(&mut w, &out, 3).is_ok());
        drop_stream(&mut w, out);
        assert!(finish(&mut w, body).is_ok());
        let x = w.fake.http.last();
        assert_eq!((x.written.len(), x.finished), (3, Some(0)));
        assert!(get(&mut w, &future).is_none());
        assert_eq!(w.fake.http.all.len(), 1);
    }
}

#[test]
fn a_held_request_that_is_given_up_is_never_sent() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (_body, out) = body_of(&mut w, &r);
    let future = handle(&mut w, r);
    HostFutureIncomingResponse::drop(&mut w.state, future).unwrap();
    assert!(matches!(write(&mut w, &out, 1), Err(StreamErr::Closed)));

    let r = request(&mut w, &[]);
    let (body, out) = body_of(&mut w, &r);
    let future = handle(&mut w, r);
    drop_stream(&mut w, out);
    HostOutgoingBody::drop(&mut w.state, body).unwrap();
    let got = get(&mut w, &future).unwrap().unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpProtocolError)));
    assert!(w.fake.http.all.is_empty());
}

#[test]
fn a_body_that_was_given_up_before_is_never_sent() {
    for short in [true, false] {
        let mut w = open();
        let r = request(&mut w, &[("content-length", "5")]);
        let (body, out) = body_of(&mut w, &r);
        assert!(write(&mut w, &out, 3).is_ok());
        drop_stream(&mut w, out);
        match short {
            true => assert!(finish(&mut w, body).is_err()),
            false => HostOutgoingBody::drop(&mut w.state, body).unwrap(),
        }
        let future = handle(&mut w, r);
        let got = get(&mut w, &future).unwrap().unwrap();
        assert!(matches!(got, Err(ErrorCode::HttpProtocolError)));
        assert!(w.fake.http.all.is_empty());
    }
}

#[test]
fn early_bytes_move_whatever_is_waited_for() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (body, out) = body_of(&mut w, &r);
    assert!(write(&mut w, &out, 100).is_ok());
    w.fake.http.room = 10;
    let _future = handle(&mut w, r);
    drop_stream(&mut w, out);
    assert!(finish(&mut w, body).is_ok());
    assert_eq!(w.fake.http.last().written.len(), 10);
    w.fake.http.last().room = 1000;
    let pollable = w.state.push(Pollable::At(0)).unwrap();
    assert!(now(HostPollable::block(&mut w.state, pollable)).is_ok());
    let x = w.fake.http.last();
    assert_eq!((x.written.len(), x.finished), (100, Some(0)));
    assert!(w.state.sending.is_empty());
}

#[test]
fn bytes_that_nobody_takes_are_no_whole_body() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let (body, out) = body_of(&mut w, &r);
    assert!(write(&mut w, &out, 100).is_ok());
    w.fake.http.room = 10;
    let future = handle(&mut w, r);
    drop_stream(&mut w, out);
    assert!(finish(&mut w, body).is_ok());
    w.fake.http.last().gone = true;
    assert!(get(&mut w, &future).is_none());
    let x = w.fake.http.last();
    assert_eq!((x.finished, x.closed_out), (None, 1));
}

#[test]
fn what_nobody_waits_for_is_not_kept() {
    let mut w = open();
    for i in 0..300 {
        let r = request(&mut w, &[]);
        let (body, out) = body_of(&mut w, &r);
        let early = i % 2 == 0;
        if early {
            assert!(write(&mut w, &out, 100).is_ok());
        }
        w.fake.http.room = 10;
        let future = handle(&mut w, r);
        drop_stream(&mut w, out);
        // A port without an answer's reader has no room.
        if early {
            assert!(finish(&mut w, body).is_ok());
            w.fake.http.last().gone = true;
        } else {
            HostOutgoingBody::drop(&mut w.state, body).unwrap();
        }
        HostFutureIncomingResponse::drop(&mut w.state, future).unwrap();
    }
    assert!(w.state.sending.len() <= 64);
    assert_eq!(w.fake.http.all.len(), 150);
    let all = &w.fake.http.all;
    assert!(all.iter().all(|x| (x.closed_out, x.closed_in) == (1, 1)));
}

#[test]
fn a_length_without_a_body_is_an_error() {
    let mut w = open();
    let r = request(&mut w, &[("content-length", "5")]);
    let got = w.state.handle(r, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpRequestBodySize(Some(0)))));
    assert!(w.fake.http.all.is_empty());
}

#[test]
fn trailers_go_with_the_end_or_not_at_all() {
    let mut w = open();
    for (count, ok) in [(2, true), (257, false)] {
        let r = request(&mut w, &[]);
        let (body, out) = body_of(&mut w, &r);
        let _future = handle(&mut w, r);
        assert!(write(&mut w, &out, 1).is_ok());
        drop_stream(&mut w, out);
        let list: Vec<String> = (0..count).map(|i| format!("x-{i}")).collect();
        let list: Vec<(&str, &str)> = list.iter().map(|n| (n.as_str(), "v")).collect();
        let trailers = Some(fields(&mut w, &list));
        let got = HostOutgoingBody::finish(&mut w.state, body, trailers).unwrap();
        match got {
            Err(ErrorCode::HttpRequestTrailerSectionSize(Some(_))) => assert!(!ok),
            got => assert!(ok && got.is_ok()),
        }
        let x = w.fake.http.last();
        assert_eq!((x.finished, x.closed_out), (ok.then_some(count), 1));
    }
}

#[test]
fn a_name_that_is_not_found_says_so_in_words() {
    let mut w = open();
    let r = request(&mut w, &[]);
    let future = handle(&mut w, r);
    w.fake.http.last().head = Some(Err(Fault {
        code: 1,
        has_n: true,
        n: 3,
    }));
    let Err(ErrorCode::DnsError(e)) = get(&mut w, &future).unwrap().unwrap() else {
        panic!("no error");
    };
    assert_eq!((e.rcode.as_deref(), e.info_code), (Some("NXDOMAIN"), None));
}

#[test]
fn what_is_kept_is_bounded() {
    let mut w = open();
    w.state.table.set_max_capacity(10_000);
    let big = ("x-a".to_string(), vec![b'v'; 100_000]);
    let kept: Vec<_> = std::iter::from_fn(|| {
        let fields = w.state.from_list(vec![big.clone()]).ok()?;
        Some(fields.unwrap())
    })
    .take(1000)
    .collect();
    assert!((300..340).contains(&kept.len()), "{}", kept.len());
    // A copy of the handle is not another list, and what is dropped is kept no more.
    for fields in kept {
        assert!(HostFields::clone(&mut w.state, borrow(&fields)).is_ok());
        HostFields::drop(&mut w.state, fields).unwrap();
    }
    assert!(w.state.from_list(vec![big]).is_err());

    let mut w = open();
    w.state.table.set_max_capacity(10_000);
    let mut bodies = 0;
    while bodies < 1000 {
        let r = request(&mut w, &[]);
        let (_, out) = body_of(&mut w, &r);
        let bytes = vec![0; 60_000];
        assert!(HostOutputStream::check_write(&mut w.state, borrow(&out)).is_ok());
        match HostOutputStream::write(&mut w.state, out, bytes) {
            Ok(()) => bodies += 1,
            Err(StreamErr::Trap(_)) => break,
            Err(_) => panic!("another error"),
        }
    }
    assert!((400..560).contains(&bodies), "{bodies}");

    let mut w = open();
    w.state.table.set_max_capacity(10_000);
    let long = "v".repeat(60_000);
    let mut held = Vec::new();
    while held.len() < 1000 {
        let Ok(fields) = w.state.from_list(vec![("x-a".into(), long.clone().into())]) else {
            break;
        };
        let r = HostOutgoingRequest::new(&mut w.state, fields.unwrap()).unwrap();
        let authority = Some("a.test".into());
        let set = HostOutgoingRequest::set_authority(&mut w.state, borrow(&r), authority);
        assert!(set.unwrap().is_ok());
        let body = HostOutgoingRequest::body(&mut w.state, borrow(&r)).unwrap();
        let Ok(future) = w.state.handle(r, None) else {
            break;
        };
        held.push((body, future));
    }
    assert!((400..560).contains(&held.len()), "{}", held.len());
}

/// A request that came in: its resources, as `handle` is given them.
fn incoming(w: &mut World) -> (Resource<InRequest>, Resource<Outparam>) {
    let x = w.fake.http.incoming();
    let (out, half) = w.state.ports.http_halves(x);
    let head = Head {
        method: "POST".into(),
        path: "/p?q".into(),
        fields: vec![
            ("x-a".into(), b"1".to_vec()),
            ("proxy-connection".into(), b"close".to_vec()),
        ],
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
    // A copy of them is the guest's own: nothing in it that it may not say.
    let got = HostIncomingRequest::headers(s, borrow(&request)).unwrap();
    assert!(!s.has(borrow(&got), "proxy-connection".into()).unwrap());
    assert!(s.has(borrow(&got), "x-a".into()).unwrap());
    HostFields::drop(s, got).unwrap();
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
    assert!(finish(&mut w, body).is_ok());
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

#[test]
fn a_short_answer_is_given_up() {
    let mut w = open();
    let (_request, outparam) = incoming(&mut w);
    let headers = fields(&mut w, &[("content-length", "5")]);
    let response = HostOutgoingResponse::new(&mut w.state, headers).unwrap();
    let body = HostOutgoingResponse::body(&mut w.state, borrow(&response))
        .unwrap()
        .unwrap();
    let out = HostOutgoingBody::write(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    HostResponseOutparam::set(&mut w.state, outparam, Ok(response)).unwrap();
    assert!(write(&mut w, &out, 3).is_ok());
    drop_stream(&mut w, out);
    let got = finish(&mut w, body);
    assert!(matches!(got, Err(ErrorCode::HttpResponseBodySize(Some(3)))));
    let x = w.fake.http.last();
    assert_eq!((x.finished, x.closed_out), (None, 1));
}

#[test]
fn a_request_body_that_came_in_makes_the_guest_wait() {
    let mut w = open();
    let (request, _outparam) = incoming(&mut w);
    w.fake.http.last().body = [None, Some(b"ab".to_vec()), None].into();
    let body = HostIncomingRequest::consume(&mut w.state, borrow(&request))
        .unwrap()
        .unwrap();
    let stream = HostIncomingBody::stream(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    let pollable = HostInputStream::subscribe(&mut w.state, borrow(&stream)).unwrap();
    assert!(!HostPollable::ready(&mut w.state, borrow(&pollable)).unwrap());
    assert!(HostPollable::ready(&mut w.state, borrow(&pollable)).unwrap());
    // Ready: a read does not come back empty.
    let got = HostInputStream::read(&mut w.state, borrow(&stream), 1);
    assert!(got.is_ok_and(|b| b == b"a"));
    let mut rest = Box::pin(w.state.blocking_read(borrow(&stream), 10));
    assert!(matches!(once(&mut rest), Poll::Ready(Ok(b)) if b == b"b"));
    drop(rest);
    let mut more = Box::pin(w.state.blocking_read(borrow(&stream), 10));
    assert!(matches!(once(&mut more), Poll::Pending));
    assert!(matches!(
        once(&mut more),
        Poll::Ready(Err(StreamErr::Closed))
    ));
}
