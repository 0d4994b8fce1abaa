use super::{World, now, once, world};
use crate::bindings::writ::client::elicit::{Answer, Host as _};
use crate::bindings::writ::client::gather::{Form, Host as _, Question, Reply};
use crate::bindings::writ::client::log::{Host as _, Level};
use crate::bindings::writ::client::progress::Host as _;
use crate::bindings::writ::client::roots::{Host as _, Root};
use crate::bindings::writ::client::sample::Host as _;
use crate::bindings::writ::client::types::Error;
use crate::bindings::writ::tools::spawn::{Host as _, SpawnError};
use crate::ports::fake::{FakeReply, SeenAsk};
use crate::ports::{ASK_TEXT_MAX, AskKind, Ports, WakeCell, status};
use crate::state::State;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const OK: u32 = 0;
const ERR: u32 = 1;
const DENIED: u32 = 2;
const UNSUPPORTED: u32 = 3;
const CANCELLED: u32 = 4;
const UNKNOWN: u32 = 5;
const ARGUMENTS: u32 = 6;
const LIMIT: u32 = 7;
const FAILED: u32 = 8;

fn answers(w: &mut World, answer: u32, text: impl Into<Vec<u8>>) {
    let text = text.into();
    w.fake.replies.push_back(FakeReply { answer, text });
}

fn elicit(w: &mut World, schema: &str) -> Result<Answer, Error> {
    let (key, message) = ("k".to_string(), "Really \"so\"?\n".to_string());
    now(State::ask(&mut w.state, key, message, schema.to_string())).unwrap()
}

fn sample(w: &mut World, request: &str) -> Result<String, Error> {
    let request = request.to_string();
    now(w.state.create("k".to_string(), request)).unwrap()
}

fn roots(w: &mut World) -> Result<Vec<Root>, Error> {
    now(w.state.list("k".to_string())).unwrap()
}

fn spawn(w: &mut World, tool: &str, arguments: &str) -> Result<String, SpawnError> {
    now(w.state.call(tool.to_string(), arguments.to_string())).unwrap()
}

fn form(schema: &str) -> Question {
    Question::Elicit(Form {
        message: "m".to_string(),
        schema: schema.to_string(),
    })
}

fn questions(list: Vec<(&str, Question)>) -> Vec<(String, Question)> {
    list.into_iter().map(|(k, q)| (k.to_string(), q)).collect()
}

#[test]
fn progress_and_log_reach_the_port() {
    let mut w = world();
    w.state.report(1.5, Some(3.0), Some("half".into())).unwrap();
    w.state.report(2.0, None, None).unwrap();
    w.state.log(Level::Emergency, None, "{}".into()).unwrap();
    let s = &mut w.state;
    crate::bindings::writ::client::log::Host::log(s, Level::Debug, Some("l".into()), "d".into())
        .unwrap();
    assert_eq!(
        w.fake.told,
        [
            "progress 1.5 Some(3.0) half",
            "progress 2 None ",
            "log 7  {}",
            "log 0 l d"
        ]
    );
}

#[test]
fn progress_that_is_no_number_is_dropped() {
    let mut w = world();
    for (done, total) in [
        (f64::NAN, None),
        (f64::INFINITY, None),
        (f64::NEG_INFINITY, None),
        (1.0, Some(f64::NAN)),
        (1.0, Some(f64::INFINITY)),
    ] {
        w.state.report(done, total, None).unwrap();
    }
    assert!(w.fake.told.is_empty());
}

#[test]
fn a_question_is_asked_and_answered() {
    let mut w = world();
    answers(
        &mut w,
        OK,
        r#" {"content": {"a": [1, "}"]}, "_meta": {"x": 1}, "action": "accept"} "#,
    );
    answers(&mut w, OK, r#"{"action":"decline"}"#);
    answers(&mut w, OK, r#"{"action":"cancel","content":null}"#);
    let Ok(Answer::Accept(content)) = elicit(&mut w, r#"{"type":"object"}"#) else {
        panic!("not accepted");
    };
    assert_eq!(content, r#"{"a": [1, "}"]}"#);
    assert!(matches!(elicit(&mut w, "{}"), Ok(Answer::Decline)));
    assert!(matches!(elicit(&mut w, "{}"), Ok(Answer::Cancel)));
    assert_eq!(
        w.fake.asks[0],
        SeenAsk {
            kind: AskKind::Elicit,
            more: false,
            name: "k".to_string(),
            text: r#"{"message":"Really \"so\"?\n","requestedSchema":{"type":"object"}}"#
                .to_string(),
        }
    );
}

#[test]
fn a_malformed_question_is_not_asked() {
    let mut w = world();
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(ASK_TEXT_MAX));
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for schema in [
        "",
        "null",
        "[]",
        "{",
        "{}}",
        "{} {}",
        "{\"a\"}",
        "{\"a\":1,}",
        "{a:1}",
        "\"{}\"",
        "{\"a\":01}",
        "{}, \"x\": {}",
        &long,
        &deep,
    ] {
        assert!(matches!(elicit(&mut w, schema), Err(Error::Failed)));
        assert!(matches!(sample(&mut w, schema), Err(Error::Failed)));
    }
    let message = "m".repeat(ASK_TEXT_MAX);
    let asked = now(State::ask(
        &mut w.state,
        String::new(),
        message,
        "{}".into(),
    ));
    assert!(matches!(asked.unwrap(), Err(Error::Failed)));
    let asked = now(w.state.list("k".repeat(129)));
    assert!(matches!(asked.unwrap(), Err(Error::Failed)));
    assert!(w.fake.asks.is_empty());
}

#[test]
fn a_hostile_answer_is_a_failure() {
    let mut w = world();
    let hostile: [&[u8]; 14] = [
        b"",
        b"null",
        b"[]",
        b"{}",
        br#"{"action":"accept"}"#,
        br#"{"action":"accept","content":[]}"#,
        br#"{"action":"accept","content":null}"#,
        br#"{"action":"Accept","content":{}}"#,
        br#"{"action":1,"content":{}}"#,
        br#"{"action":"decline","action":"accept","content":{}}"#,
        br#"{"action":"accept","content":{},"content":{}}"#,
        br#"{"action":"accept","content":{}} x"#,
        b"{\"action\":\"decline\",\"x\":\"\xff\"}",
        b"{\"action\":\"decline\"",
    ];
    for text in hostile {
        answers(&mut w, OK, text);
        assert!(matches!(elicit(&mut w, "{}"), Err(Error::Failed)));
    }
    let deep = "[".repeat(200_000);
    answers(&mut w, OK, format!("{{\"action\":\"decline\",\"x\":{deep}"));
    assert!(matches!(elicit(&mut w, "{}"), Err(Error::Failed)));
    answers(&mut w, OK, vec![b' '; 300 * 1024]);
    assert!(matches!(elicit(&mut w, "{}"), Err(Error::Failed)));
    for text in ["[]", "1", "", "{\"role\":", "{}{}"] {
        answers(&mut w, OK, text);
        assert!(matches!(sample(&mut w, "{}"), Err(Error::Failed)));
    }
}

#[test]
fn what_is_not_answered_says_why() {
    let mut w = world();
    for (answer, error) in [
        (DENIED, Error::Denied),
        (UNSUPPORTED, Error::Unsupported),
        (CANCELLED, Error::Cancelled),
        (ERR, Error::Failed),
        (UNKNOWN, Error::Failed),
        (ARGUMENTS, Error::Failed),
        (LIMIT, Error::Failed),
        (FAILED, Error::Failed),
        (99, Error::Failed),
    ] {
        for _ in 0..3 {
            answers(&mut w, answer, "a sentence");
        }
        assert_eq!(elicit(&mut w, "{}").err(), Some(error));
        assert_eq!(sample(&mut w, "{}").err(), Some(error));
        assert_eq!(roots(&mut w).err(), Some(error));
    }
    w.fake.status = status::IO;
    assert_eq!(sample(&mut w, "{}").err(), Some(Error::Failed));
}

#[test]
fn a_sample_comes_back_as_it_is() {
    let mut w = world();
    answers(&mut w, OK, r#"{"role":"assistant","content":{}}"#);
    let text = sample(&mut w, r#"{"maxTokens":3}"#).unwrap();
    assert_eq!(text, r#"{"role":"assistant","content":{}}"#);
    assert_eq!(w.fake.asks[0].kind, AskKind::Sample);
    assert_eq!(w.fake.asks[0].text, r#"{"maxTokens":3}"#);
}

#[test]
fn roots_are_listed() {
    let mut w = world();
    answers(
        &mut w,
        OK,
        r#"{"roots":[{"uri":"file:///a","name":"A"},{"_meta":{},"uri":"file:///b"}],"x":[]}"#,
    );
    let list = roots(&mut w).unwrap();
    let list: Vec<_> = list.iter().map(|r| (&*r.uri, r.name.as_deref())).collect();
    assert_eq!(list, [("file:///a", Some("A")), ("file:///b", None)]);
    answers(&mut w, OK, r#"{"roots":[]}"#);
    assert_eq!(roots(&mut w).unwrap().len(), 0);
    assert_eq!(w.fake.asks[0].kind, AskKind::Roots);
    assert_eq!(w.fake.asks[0].text, "");
}

#[test]
fn hostile_roots_are_a_failure() {
    let mut w = world();
    let many = format!("{{\"roots\":[{}{{}}]}}", "{\"uri\":\"\"},".repeat(2000));
    for text in [
        "{}",
        "[]",
        r#"{"roots":{}}"#,
        r#"{"roots":[1]}"#,
        r#"{"roots":[{}]}"#,
        r#"{"roots":[{"name":"a"}]}"#,
        r#"{"roots":[{"uri":1}]}"#,
        r#"{"roots":[{"uri":"a","name":null}]}"#,
        r#"{"roots":[{"uri":"a","uri":"b"}]}"#,
        r#"{"roots":[],"roots":[]}"#,
        r#"{"roots":[{"uri":"a"},]}"#,
        &many,
    ] {
        answers(&mut w, OK, text);
        assert!(matches!(roots(&mut w), Err(Error::Failed)), "{text}");
    }
}

#[test]
fn a_round_is_asked_at_once_and_answered_in_order() {
    let mut w = world();
    w.fake.late = true;
    answers(&mut w, OK, r#"{"action":"accept","content":{}}"#);
    answers(&mut w, OK, r#"{"roots":[]}"#);
    answers(&mut w, DENIED, "");
    let list = questions(vec![
        ("a", form("{}")),
        ("b", Question::Roots),
        ("bad", form("[]")),
        ("c", Question::Sample("{}".to_string())),
        ("worse", Question::Sample(String::new())),
    ]);
    let mut all = pin!(w.state.all(list));
    let mut context = Context::from_waker(Waker::noop());
    assert!(all.as_mut().poll(&mut context).is_pending());
    let rounds: Vec<_> = w.fake.asks.iter().map(|a| (&*a.name, a.more)).collect();
    assert_eq!(rounds, [("a", true), ("b", true), ("c", false)]);
    w.fake.answer();
    let Poll::Ready(replies) = all.as_mut().poll(&mut context) else {
        panic!("still waiting");
    };
    let replies = replies.unwrap();
    assert!(matches!(&replies[0], Ok(Reply::Elicit(Answer::Accept(_)))));
    assert!(matches!(&replies[1], Ok(Reply::Roots(list)) if list.is_empty()));
    assert!(matches!(&replies[2], Err(Error::Failed)));
    assert!(matches!(&replies[3], Err(Error::Denied)));
    assert!(matches!(&replies[4], Err(Error::Failed)));
}

#[test]
fn a_round_is_bounded() {
    let mut w = world();
    for _ in 0..16 {
        answers(&mut w, OK, r#"{"roots":[]}"#);
    }
    let list = (0..1000).map(|i| (format!("k{i}"), Question::Roots));
    let replies = now(w.state.all(list.collect())).unwrap();
    assert_eq!(w.fake.asks.len(), 16);
    assert_eq!(w.fake.asks.iter().filter(|a| a.more).count(), 15);
    assert!(replies[..16].iter().all(|r| r.is_ok()));
    assert!(
        replies[16..]
            .iter()
            .all(|r| matches!(r, Err(Error::Failed)))
    );
    assert!(now(w.state.all(Vec::new())).unwrap().is_empty());
}

#[test]
fn a_tool_is_called() {
    let mut w = world();
    answers(&mut w, OK, "[1]");
    answers(&mut w, OK, "");
    answers(&mut w, ERR, "\"no\"");
    answers(&mut w, DENIED, "no spawn entry");
    answers(&mut w, UNKNOWN, "t");
    answers(&mut w, ARGUMENTS, "/x: expected a number");
    answers(&mut w, LIMIT, "");
    answers(&mut w, CANCELLED, "");
    answers(&mut w, OK, b"\xc3".to_vec());
    let said: Vec<String> = (0..9)
        .map(|_| format!("{:?}", spawn(&mut w, "t", "{\"x\":1}")))
        .collect();
    assert_eq!(
        said,
        [
            "Ok(\"[1]\")",
            "Ok(\"null\")",
            "Err(SpawnError::Failed(\"\\\"no\\\"\"))",
            "Err(SpawnError::Denied(\"no spawn entry\"))",
            "Err(SpawnError::UnknownTool)",
            "Err(SpawnError::InvalidArguments(\"/x: expected a number\"))",
            "Err(SpawnError::Limit(\"a limit is reached\"))",
            "Err(SpawnError::Failed(\"the call did not come to an end\"))",
            "Err(SpawnError::Failed(\"the call did not come to an end\"))",
        ]
    );
    assert_eq!(
        w.fake.asks[0],
        SeenAsk {
            kind: AskKind::Spawn,
            more: false,
            name: "t".to_string(),
            text: "{\"x\":1}".to_string(),
        }
    );
}

#[test]
fn a_malformed_call_is_not_asked() {
    let mut w = world();
    for arguments in ["", "[]", "{", "1", "{}x"] {
        let said = spawn(&mut w, "t", arguments);
        assert!(matches!(said, Err(SpawnError::InvalidArguments(_))));
    }
    let long = " ".repeat(ASK_TEXT_MAX) + "{}";
    assert!(matches!(
        spawn(&mut w, "t", &long),
        Err(SpawnError::Limit(_))
    ));
    let name = "t".repeat(129);
    let said = spawn(&mut w, &name, "{}");
    assert!(matches!(said, Err(SpawnError::UnknownTool)));
    assert!(w.fake.asks.is_empty());
}

#[test]
fn an_ask_outlives_who_asked() {
    let mut w = world();
    w.fake.late = true;
    answers(&mut w, OK, r#"{"role":"assistant"}"#);
    answers(&mut w, OK, vec![b'x'; 300 * 1024]);
    answers(&mut w, OK, r#"{"roots":[]}"#);
    answers(&mut w, OK, r#"{"roots":[]}"#);
    assert!(once(w.state.create("k".into(), "{}".into())).is_pending());
    assert!(once(w.state.call("t".into(), "{}".into())).is_pending());
    let two = questions(vec![("a", Question::Roots), ("b", Question::Roots)]);
    assert!(once(w.state.all(two)).is_pending());
    w.fake.answer();
}

#[test]
fn nothing_is_kept_of_an_ask() {
    let mut w = world();
    let table = w.fake.table();
    let cell = WakeCell::new(std::ptr::null_mut());
    let ports = Ports::new(&*table, cell.clone());
    w.fake.late = true;
    answers(&mut w, OK, "{}");
    answers(&mut w, OK, "{}");
    let kept = ports.ask(AskKind::Sample, "k", "{}", false);
    drop(ports.ask(AskKind::Sample, "k", "{}", false));
    assert_eq!(Arc::strong_count(&cell), 4);
    w.fake.answer();
    assert_eq!(Arc::strong_count(&kept), 1);
    drop((kept, ports));
    assert_eq!(Arc::strong_count(&cell), 1);
}
