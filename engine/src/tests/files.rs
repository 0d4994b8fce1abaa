use super::{World, now, once, world};
use crate::bindings::wasi::filesystem::preopens::Host as _;
use crate::bindings::wasi::filesystem::types::{
    DescriptorFlags, ErrorCode, Host as _, HostDescriptor, OpenFlags, PathFlags,
};
use crate::bindings::wasi::io::streams::{
    Host as _, HostInputStream, HostOutputStream, StreamError,
};
use crate::ports::{FsOp, status};
use crate::stream::{InStream, OutStream, StreamErr};
use crate::wasi::filesystem::{Descriptor, FsErr, SEEN_FOR};
use wasmtime::component::Resource;

/// The file of the tree, opened for both.
fn open(w: &mut World) -> Resource<Descriptor> {
    let (root, _) = w.state.get_directories().unwrap().remove(0);
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let late = std::mem::replace(&mut w.fake.late, false);
    let fd = now(w.state.open_at(
        root,
        PathFlags::empty(),
        "f".to_string(),
        OpenFlags::empty(),
        flags,
    ));
    w.fake.late = late;
    fd.ok().unwrap()
}

fn borrow<T: 'static>(r: &Resource<T>) -> Resource<T> {
    Resource::new_borrow(r.rep())
}

#[test]
fn all_preopens_are_told() {
    let mut w = world();
    let list = w.state.get_directories().unwrap();
    let names: Vec<&str> = list.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["/", "/src"]);
    for (dir, _) in list {
        HostDescriptor::drop(&mut w.state, dir).unwrap();
    }
    assert_eq!(w.fake.count(FsOp::Close), 0);
}

#[test]
fn a_file_is_closed_with_its_last_user() {
    let mut w = world();
    let fd = open(&mut w);
    let stream = w.state.read_via_stream(borrow(&fd), 0).ok().unwrap();
    HostDescriptor::drop(&mut w.state, fd).unwrap();
    assert_eq!(w.fake.count(FsOp::Close), 0);
    HostInputStream::drop(&mut w.state, stream).unwrap();
    assert_eq!(w.fake.count(FsOp::Close), 1);
}

#[test]
fn nothing_is_left_open_at_the_end() {
    let mut w = world();
    let fd = open(&mut w);
    w.state.append_via_stream(fd).ok().unwrap();
    let World {
        state,
        fake,
        _table,
    } = w;
    drop(state);
    assert_eq!(fake.count(FsOp::Close), 1);
}

fn stat_at(w: &mut World, path: &str) {
    let root = Resource::new_borrow(w.state.get_directories().unwrap().remove(0).0.rep());
    now(w.state.stat_at(root, PathFlags::empty(), path.to_string()))
        .ok()
        .unwrap();
}

/// How many requests it costs to ask for the identity of `path`, in a directory by its handle.
fn hash_at(w: &mut World, path: &str) -> usize {
    let before = w.fake.count(FsOp::StatAt);
    let root = Resource::new_borrow(w.state.get_directories().unwrap().remove(0).0.rep());
    now(w
        .state
        .metadata_hash_at(root, PathFlags::empty(), path.to_string()))
    .ok()
    .unwrap();
    w.fake.count(FsOp::StatAt) - before
}

#[test]
fn an_identity_comes_with_the_stat_before_it() {
    let mut w = world();
    assert_eq!(hash_at(&mut w, "f"), 1);
    stat_at(&mut w, "f");
    assert_eq!(hash_at(&mut w, "f"), 0);
    // Once only: who asks again wants to know what is now.
    assert_eq!(hash_at(&mut w, "f"), 1);
}

#[test]
fn an_identity_is_asked_for_when_something_may_have_changed() {
    let mut w = world();
    stat_at(&mut w, "f");
    assert_eq!(hash_at(&mut w, "g"), 1);
    stat_at(&mut w, "f");
    open(&mut w);
    assert_eq!(hash_at(&mut w, "f"), 1);
    stat_at(&mut w, "f");
    w.state.seen.as_mut().unwrap().at -= SEEN_FOR;
    assert_eq!(hash_at(&mut w, "f"), 1);
}

fn reader(w: &mut World) -> Resource<InStream> {
    let fd = open(w);
    w.state.read_via_stream(fd, 0).ok().unwrap()
}

#[test]
fn a_late_read_is_served_from_the_streams_own_buffer() {
    let mut w = world();
    w.fake.file = b"hello world".to_vec();
    w.fake.late = true;
    let s = reader(&mut w);
    let p = HostInputStream::subscribe(&mut w.state, borrow(&s)).unwrap();
    assert!(
        HostInputStream::read(&mut w.state, borrow(&s), 100)
            .ok()
            .unwrap()
            .is_empty()
    );
    assert!(!w.state.is_ready(&p).unwrap());
    assert!(once(w.state.blocking_read(borrow(&s), 100)).is_pending());
    w.fake.complete();
    assert!(w.state.is_ready(&p).unwrap());
    assert_eq!(
        HostInputStream::read(&mut w.state, borrow(&s), 5)
            .ok()
            .unwrap(),
        b"hello"
    );
    let rest = now(w.state.blocking_read(borrow(&s), 100));
    assert_eq!(rest.ok().unwrap(), b" world");
    assert_eq!(w.fake.count(FsOp::Read), 1);
    assert!(!w.state.is_ready(&p).unwrap());
    w.fake.complete();
    assert!(w.state.is_ready(&p).unwrap());
    assert!(matches!(
        HostInputStream::read(&mut w.state, borrow(&s), 5),
        Err(StreamErr::Closed)
    ));
}

#[test]
fn a_read_of_nothing_asks_the_port() {
    let mut w = world();
    let s = reader(&mut w);
    w.fake.status = status::DENIED;
    assert!(matches!(
        HostInputStream::read(&mut w.state, borrow(&s), 0),
        Err(StreamErr::Failed(_))
    ));
    w.fake.status = status::OK;
    w.fake.late = true;
    let s = reader(&mut w);
    assert!(once(w.state.blocking_read(borrow(&s), 0)).is_pending());
    let before = w.fake.count(FsOp::Read);
    w.fake.complete();
    let read = HostInputStream::read(&mut w.state, borrow(&s), 0);
    assert!(read.ok().unwrap().is_empty());
    assert_eq!(w.fake.count(FsOp::Read), before + 1);
}

fn writer(w: &mut World) -> Resource<OutStream> {
    let fd = open(w);
    w.state.write_via_stream(fd, 0).ok().unwrap()
}

#[test]
fn a_failed_write_is_told_once_with_its_code() {
    let mut w = world();
    let s = writer(&mut w);
    assert!(w.state.check_write(borrow(&s)).is_ok());
    w.fake.status = status::NOSPC;
    let Err(e) = HostOutputStream::write(&mut w.state, borrow(&s), vec![1; 3]) else {
        panic!("it worked");
    };
    let StreamError::LastOperationFailed(e) = w.state.convert_stream_error(e).unwrap() else {
        panic!("closed");
    };
    let code = w.state.filesystem_error_code(e).unwrap();
    assert_eq!(code, Some(ErrorCode::InsufficientSpace));
    assert!(matches!(
        w.state.check_write(borrow(&s)),
        Err(StreamErr::Closed)
    ));
}

#[test]
fn late_and_short_writes_all_arrive_in_order() {
    let mut w = world();
    w.fake.late = true;
    w.fake.write_max = 2;
    let s = writer(&mut w);
    assert!(w.state.check_write(borrow(&s)).ok().unwrap() > 10);
    assert!(HostOutputStream::write(&mut w.state, borrow(&s), b"hello ".to_vec()).is_ok());
    assert!(HostOutputStream::write(&mut w.state, borrow(&s), b"world".to_vec()).is_ok());
    assert_eq!(w.state.check_write(borrow(&s)).ok(), Some(0));
    for _ in 0..6 {
        assert!(once(w.state.blocking_flush(borrow(&s))).is_pending());
        w.fake.complete();
    }
    assert!(now(w.state.blocking_flush(borrow(&s))).is_ok());
    assert_eq!(w.fake.file, b"hello world");
}

#[test]
fn a_request_outlives_who_asked() {
    let mut w = world();
    w.fake.late = true;
    let s = writer(&mut w);
    assert!(w.state.check_write(borrow(&s)).is_ok());
    assert!(HostOutputStream::write(&mut w.state, borrow(&s), vec![7; 1000]).is_ok());
    let World {
        state,
        mut fake,
        _table,
    } = w;
    drop(state);
    fake.complete();
    assert_eq!(fake.file, [7; 1000]);
}

#[test]
fn statuses_become_error_codes() {
    let mut w = world();
    let fd = open(&mut w);
    for (st, code) in [
        (status::DENIED, ErrorCode::Access),
        (status::NOTPERM, ErrorCode::NotPermitted),
        (status::ROFS, ErrorCode::ReadOnly),
        (status::NOENT, ErrorCode::NoEntry),
        (status::UNSUPPORTED, ErrorCode::Unsupported),
    ] {
        w.fake.status = st;
        match now(w.state.sync(borrow(&fd))) {
            Err(FsErr::Code(got)) => assert_eq!(got, code),
            _ => panic!("{st}"),
        }
    }
}

#[test]
fn append_needs_no_offset() {
    let mut w = world();
    w.fake.file = b"ab".to_vec();
    let fd = open(&mut w);
    let s = w.state.append_via_stream(fd).ok().unwrap();
    assert!(now(w.state.blocking_write_and_flush(s, b"cd".to_vec())).is_ok());
    assert_eq!(w.fake.file, b"abcd");
}
