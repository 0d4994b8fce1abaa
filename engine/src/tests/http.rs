use super::{World, now, world};
use crate::bindings::wasi::http::outgoing_handler::Host as _;
use crate::bindings::wasi::http::types::{
    ErrorCode, HeaderError, HostFields, HostOutgoingBody, HostOutgoingRequest, Method, Scheme,
};
use crate::bindings::wasi::io::streams::HostOutputStream;
use crate::bindings::wasi::keyvalue0_2_0_draft::store as kv;
use crate::bindings::wasi::sockets::ip_name_lookup::Host as _;
use crate::bindings::wasi::sockets::network::ErrorCode as SocketError;
use crate::fields::Fields;
use crate::stream::StreamErr;
use crate::wasi::http::OutRequest;
use wasmtime::component::Resource;

fn borrow<T: 'static>(r: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(r.rep())
}

fn request(w: &mut World, headers: &[(&str, &str)]) -> Resource<OutRequest> {
    let entries = headers
        .iter()
        .map(|(n, v)| (n.to_string(), v.as_bytes().to_vec()))
        .collect();
    let fields = w.state.from_list(entries).unwrap().unwrap();
    HostOutgoingRequest::new(&mut w.state, fields).unwrap()
}

#[test]
fn fields_have_rules() {
    let mut w = world();
    let f: Resource<Fields> = HostFields::new(&mut w.state).unwrap();
    for (name, value, error) in [
        ("Host", "x", HeaderError::Forbidden),
        ("transfer-encoding", "chunked", HeaderError::Forbidden),
        ("", "x", HeaderError::InvalidSyntax),
        ("a b", "x", HeaderError::InvalidSyntax),
        ("a", "x\r\ny: z", HeaderError::InvalidSyntax),
        ("a", "\0", HeaderError::InvalidSyntax),
    ] {
        let got = w
            .state
            .append(borrow(&f), name.to_string(), value.as_bytes().to_vec());
        assert_eq!(got.unwrap().unwrap_err().to_string(), error.to_string());
    }
    let append = |w: &mut World, n: &str, v: &str| {
        let (n, v) = (n.to_string(), v.as_bytes().to_vec());
        w.state.append(borrow(&f), n, v).unwrap().unwrap();
    };
    append(&mut w, "Accept", "a");
    append(&mut w, "accept", "b");
    let got = HostFields::get(&mut w.state, borrow(&f), "ACCEPT".to_string());
    assert_eq!(got.unwrap(), [b"a", b"b"]);
    let set = HostFields::set(&mut w.state, borrow(&f), "accept".into(), vec![]);
    assert!(set.unwrap().is_ok());
    assert!(!w.state.has(f, "accept".to_string()).unwrap());
}

#[test]
fn the_headers_of_a_request_do_not_change() {
    let mut w = world();
    let r = request(&mut w, &[("accept", "a")]);
    let view = HostOutgoingRequest::headers(&mut w.state, borrow(&r)).unwrap();
    let got = w
        .state
        .append(borrow(&view), "accept".to_string(), b"b".to_vec());
    assert!(matches!(got.unwrap(), Err(HeaderError::Immutable)));
    let copy = HostFields::clone(&mut w.state, view).unwrap();
    let got = w.state.append(copy, "accept".to_string(), b"b".to_vec());
    assert!(got.unwrap().is_ok());
}

#[test]
fn too_many_fields_trap() {
    let mut w = world();
    let entries = vec![("a".to_string(), vec![]); 2000];
    assert!(w.state.from_list(entries).is_err());
}

#[test]
fn no_request_leaves_and_each_is_told() {
    let mut w = world();
    let r = request(&mut w, &[]);
    let state = &mut w.state;
    assert!(state.set_method(borrow(&r), Method::Post).unwrap().is_ok());
    let https = Some(Scheme::Https);
    assert!(state.set_scheme(borrow(&r), https).unwrap().is_ok());
    for (authority, ok) in [
        ("u:p@x", false),
        ("x y", false),
        ("x:", false),
        ("x:abc", false),
        ("x:+1", false),
        ("x:65536", false),
        (":80", false),
        ("", false),
        ("[::1", false),
        ("[x]", false),
        ("[::1]x", false),
        ("[::1]:80", true),
        ("x:443", true),
        ("api.example.com", true),
    ] {
        let got = state.set_authority(borrow(&r), Some(authority.to_string()));
        assert_eq!(got.unwrap().is_ok(), ok, "{authority}");
    }
    for (path, ok) in [("/a b", false), ("/a\r\n", false), ("/v1?q=1", true)] {
        let got = state.set_path_with_query(borrow(&r), Some(path.to_string()));
        assert_eq!(got.unwrap().is_ok(), ok, "{path}");
    }
    let got = state.handle(r, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpRequestDenied)));
    assert_eq!(w.fake.refused, ["http POST https://api.example.com/v1?q=1"]);
}

#[test]
fn a_body_keeps_to_its_content_length() {
    let mut w = world();
    let r = request(&mut w, &[("content-length", "4")]);
    let body = HostOutgoingRequest::body(&mut w.state, borrow(&r));
    let body = body.unwrap().unwrap();
    assert!(
        HostOutgoingRequest::body(&mut w.state, borrow(&r))
            .unwrap()
            .is_err()
    );
    let out = HostOutgoingBody::write(&mut w.state, borrow(&body))
        .unwrap()
        .unwrap();
    let write = |w: &mut World, n| {
        let bytes = vec![0; n];
        now(w.state.blocking_write_and_flush(borrow(&out), bytes))
    };
    assert!(write(&mut w, 4).is_ok());
    assert!(matches!(write(&mut w, 1), Err(StreamErr::Failed(_))));
    let stream = Resource::new_own(out.rep());
    HostOutputStream::drop(&mut w.state, stream).unwrap();
    let got = w.state.finish(body, None).unwrap();
    assert!(matches!(got, Err(ErrorCode::HttpRequestBodySize(Some(5)))));
}

#[test]
fn names_and_buckets_are_refused_and_told() {
    let mut w = world();
    let net = w.state.push(crate::wasi::sockets::Network).unwrap();
    let got = w.state.resolve_addresses(net, "example.com".to_string());
    assert!(matches!(got.unwrap(), Err(SocketError::AccessDenied)));
    let got = now(kv::Host::open(&mut w.state, "memo".to_string()));
    assert!(matches!(got.unwrap(), Err(kv::Error::AccessDenied)));
    assert_eq!(
        w.fake.refused,
        [
            "sockets resolve-addresses example.com",
            "keyvalue open memo"
        ]
    );
}
