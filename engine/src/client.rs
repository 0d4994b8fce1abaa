//! writ:client and writ:tools: what a tool tells and asks whoever called it, over the client port.
//! Whether the writ grants it is decided behind the port; here requests and replies are checked
//! for their form alone.

use crate::bindings::writ::client::{content, elicit, gather, log, progress, roots, sample, types};
use crate::bindings::writ::tools::spawn;
use crate::ports::{ASK_NAME_MAX, ASK_TEXT_MAX, ASKS_MAX, Answer, Ask, AskKind, Ports};
use crate::state::State;
use crate::value::input::{Input, Kind};
use crate::value::{Bad, Out};
use std::sync::Arc;
use wasmtime::Result;

type Asked<T> = std::result::Result<T, types::Error>;

/// Levels of arrays and objects in a request or reply (`WRIT_JSON_DEPTH_MAX`).
const LEVELS: usize = 64;
/// Folders that a client may name.
const ROOTS_MAX: usize = 1024;

impl content::Host for State {}
impl types::Host for State {}

impl progress::Host for State {
    fn report(&mut self, done: f64, total: Option<f64>, message: Option<String>) -> Result<()> {
        if done.is_finite() && total.is_none_or(f64::is_finite) {
            let message = message.unwrap_or_default();
            self.ports.progress(done, total, &message);
        }
        Ok(())
    }
}

impl log::Host for State {
    fn log(&mut self, level: log::Level, logger: Option<String>, data: String) -> Result<()> {
        let logger = logger.unwrap_or_default();
        self.ports.client_log(level as u32, &logger, &data);
        Ok(())
    }
}

/// A question in the words of the port.
struct Question {
    kind: AskKind,
    key: String,
    text: String,
}

impl Question {
    fn new(kind: AskKind, key: String, text: String) -> Asked<Question> {
        match key.len() <= ASK_NAME_MAX && text.len() <= ASK_TEXT_MAX {
            true => Ok(Question { kind, key, text }),
            false => Err(types::Error::Failed),
        }
    }

    fn elicit(key: String, message: &str, schema: &str) -> Asked<Question> {
        is_object(schema).map_err(|_| types::Error::Failed)?;
        let mut quoted = Out::new(ASK_TEXT_MAX);
        quoted.string(message).map_err(|_| types::Error::Failed)?;
        let message = quoted.finish();
        let text = format!("{{\"message\":{message},\"requestedSchema\":{schema}}}");
        Question::new(AskKind::Elicit, key, text)
    }

    fn sample(key: String, request: String) -> Asked<Question> {
        is_object(&request).map_err(|_| types::Error::Failed)?;
        Question::new(AskKind::Sample, key, request)
    }

    fn roots(key: String) -> Asked<Question> {
        Question::new(AskKind::Roots, key, String::new())
    }

    fn of(key: String, question: gather::Question) -> Asked<Question> {
        match question {
            gather::Question::Elicit(form) => Question::elicit(key, &form.message, &form.schema),
            gather::Question::Sample(request) => Question::sample(key, request),
            gather::Question::Roots => Question::roots(key),
        }
    }

    fn start(&self, ports: &Ports, more: bool) -> Arc<Ask> {
        ports.ask(self.kind, &self.key, &self.text, more)
    }
}

/// The client's result, or the WIT error of what came instead.
async fn reply(ask: &Ask) -> Asked<String> {
    match ask.answer().await {
        (Answer::Ok, text) => Ok(text),
        (Answer::Denied, _) => Err(types::Error::Denied),
        (Answer::Unsupported, _) => Err(types::Error::Unsupported),
        (Answer::Cancelled, _) => Err(types::Error::Cancelled),
        _ => Err(types::Error::Failed),
    }
}

/// `read` what a client sent; a client that does not keep to the form has failed.
fn read<T>(text: &str, read: impl FnOnce(&mut Input) -> std::result::Result<T, Bad>) -> Asked<T> {
    let mut input = Input::new(text);
    read(&mut input)
        .and_then(|value| input.finish().map(|()| value))
        .map_err(|_| types::Error::Failed)
}

/// Check that `text` is one JSON object.
fn is_object(text: &str) -> std::result::Result<(), Bad> {
    let mut input = Input::new(text);
    input.expect(Kind::Object, "an object")?;
    input.raw(LEVELS)?;
    input.finish()
}

/// Walk over the members of an object; `member` is given each name and must pass the value.
fn members<'a>(
    input: &mut Input<'a>,
    mut member: impl FnMut(&mut Input<'a>, &str) -> std::result::Result<(), Bad>,
) -> std::result::Result<(), Bad> {
    input.expect(Kind::Object, "an object")?;
    input.enter();
    let mut first = true;
    while input.more(first, b'}')? {
        first = false;
        let name = input.name()?;
        input.count(1)?;
        member(input, &name)?;
    }
    Ok(())
}

/// Keep `value`; a member that comes twice has no value that everybody would agree on.
fn once<T>(slot: &mut Option<T>, value: T) -> std::result::Result<(), Bad> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Bad::value("a member comes twice")),
    }
}

fn string(input: &mut Input) -> std::result::Result<String, Bad> {
    input.expect(Kind::String, "a string")?;
    Ok(input.string()?.into_owned())
}

/// `{"action": "accept" | "decline" | "cancel", "content": {...}}`
fn answer_of(input: &mut Input) -> std::result::Result<elicit::Answer, Bad> {
    let (mut action, mut content) = (None, None);
    members(input, |input, name| match name {
        "action" => once(&mut action, string(input)?),
        "content" => {
            let object = input.kind()? == Kind::Object;
            let text = input.raw(LEVELS)?;
            once(&mut content, object.then(|| text.to_string()))
        }
        _ => input.raw(LEVELS).map(|_| ()),
    })?;
    match (action.as_deref(), content.flatten()) {
        (Some("accept"), Some(content)) => Ok(elicit::Answer::Accept(content)),
        (Some("decline"), _) => Ok(elicit::Answer::Decline),
        (Some("cancel"), _) => Ok(elicit::Answer::Cancel),
        _ => Err(Bad::value("no answer")),
    }
}

fn root_of(input: &mut Input) -> std::result::Result<roots::Root, Bad> {
    let (mut uri, mut title) = (None, None);
    members(input, |input, name| match name {
        "uri" => once(&mut uri, string(input)?),
        "name" => once(&mut title, string(input)?),
        _ => input.raw(LEVELS).map(|_| ()),
    })?;
    match uri {
        Some(uri) => Ok(roots::Root { uri, name: title }),
        None => Err(Bad::value("a root without an URI")),
    }
}

fn root_list(input: &mut Input) -> std::result::Result<Vec<roots::Root>, Bad> {
    input.expect(Kind::Array, "an array")?;
    input.enter();
    let mut list = Vec::new();
    while input.more(list.is_empty(), b']')? {
        if list.len() == ROOTS_MAX {
            return Err(Bad::value("too many roots"));
        }
        list.push(root_of(input)?);
    }
    Ok(list)
}

/// `{"roots": [{"uri": ..., "name": ...}, ...]}`
fn roots_of(input: &mut Input) -> std::result::Result<Vec<roots::Root>, Bad> {
    let mut list = None;
    members(input, |input, name| match name {
        "roots" => once(&mut list, root_list(input)?),
        _ => input.raw(LEVELS).map(|_| ()),
    })?;
    list.ok_or_else(|| Bad::value("no roots"))
}

fn sampled(text: String) -> Asked<String> {
    match is_object(&text) {
        Ok(()) => Ok(text),
        Err(_) => Err(types::Error::Failed),
    }
}

impl elicit::Host for State {
    async fn ask(
        &mut self,
        key: String,
        message: String,
        schema: String,
    ) -> Result<Asked<elicit::Answer>> {
        let question = match Question::elicit(key, &message, &schema) {
            Ok(question) => question,
            Err(e) => return Ok(Err(e)),
        };
        let ask = question.start(&self.ports, false);
        Ok(reply(&ask).await.and_then(|text| read(&text, answer_of)))
    }
}

impl sample::Host for State {
    async fn create(&mut self, key: String, request: String) -> Result<Asked<String>> {
        let question = match Question::sample(key, request) {
            Ok(question) => question,
            Err(e) => return Ok(Err(e)),
        };
        let ask = question.start(&self.ports, false);
        Ok(reply(&ask).await.and_then(sampled))
    }
}

impl roots::Host for State {
    async fn list(&mut self, key: String) -> Result<Asked<Vec<roots::Root>>> {
        let question = match Question::roots(key) {
            Ok(question) => question,
            Err(e) => return Ok(Err(e)),
        };
        let ask = question.start(&self.ports, false);
        Ok(reply(&ask).await.and_then(|text| read(&text, roots_of)))
    }
}

/// Start every question that is one; the last of them ends the round.
fn start_all(
    ports: &Ports,
    questions: Vec<(String, gather::Question)>,
) -> Vec<Asked<(AskKind, Arc<Ask>)>> {
    let questions: Vec<_> = questions
        .into_iter()
        .enumerate()
        .map(|(i, (key, question))| match i < ASKS_MAX {
            true => Question::of(key, question),
            false => Err(types::Error::Failed),
        })
        .collect();
    let last = questions.iter().rposition(|q| q.is_ok());
    questions
        .into_iter()
        .enumerate()
        .map(|(i, question)| {
            let question = question?;
            Ok((question.kind, question.start(ports, Some(i) != last)))
        })
        .collect()
}

async fn collect(kind: AskKind, ask: &Ask) -> Asked<gather::Reply> {
    let text = reply(ask).await?;
    match kind {
        AskKind::Elicit => read(&text, answer_of).map(gather::Reply::Elicit),
        AskKind::Roots => read(&text, roots_of).map(gather::Reply::Roots),
        AskKind::Sample | AskKind::Spawn => sampled(text).map(gather::Reply::Sample),
    }
}

impl gather::Host for State {
    async fn all(
        &mut self,
        questions: Vec<(String, gather::Question)>,
    ) -> Result<Vec<Asked<gather::Reply>>> {
        let mut replies = Vec::with_capacity(questions.len());
        for asked in start_all(&self.ports, questions) {
            replies.push(match asked {
                Ok((kind, ask)) => collect(kind, &ask).await,
                Err(e) => Err(e),
            });
        }
        Ok(replies)
    }
}

/// `text`, or `words` where the other side said nothing.
fn or(text: String, words: &str) -> String {
    match text.is_empty() {
        true => words.to_string(),
        false => text,
    }
}

/// What keeps a call from being asked for at all.
fn spawn_refused(tool: &str, arguments: &str) -> Option<spawn::SpawnError> {
    if tool.len() > ASK_NAME_MAX {
        return Some(spawn::SpawnError::UnknownTool);
    }
    if arguments.len() > ASK_TEXT_MAX {
        let words = format!("the arguments: more than {ASK_TEXT_MAX} bytes");
        return Some(spawn::SpawnError::Limit(words));
    }
    match is_object(arguments) {
        Ok(()) => None,
        Err(Bad::Limit(words)) => Some(spawn::SpawnError::Limit(words)),
        Err(Bad::Value(words) | Bad::Type(words)) => {
            Some(spawn::SpawnError::InvalidArguments(words))
        }
    }
}

impl spawn::Host for State {
    async fn call(
        &mut self,
        tool: String,
        arguments: String,
    ) -> Result<std::result::Result<String, spawn::SpawnError>> {
        if let Some(refused) = spawn_refused(&tool, &arguments) {
            return Ok(Err(refused));
        }
        let ask = self.ports.ask(AskKind::Spawn, &tool, &arguments, false);
        Ok(match ask.answer().await {
            // A function without a result has no value; in JSON that is null.
            (Answer::Ok, text) => Ok(or(text, "null")),
            (Answer::Err, text) => Err(spawn::SpawnError::Failed(or(text, "null"))),
            (Answer::Denied, text) => {
                let text = or(text, "the writ does not grant it");
                Err(spawn::SpawnError::Denied(text))
            }
            (Answer::Unknown, _) => Err(spawn::SpawnError::UnknownTool),
            (Answer::Arguments, text) => {
                let text = or(text, "the arguments do not fit");
                Err(spawn::SpawnError::InvalidArguments(text))
            }
            (Answer::Limit, text) => {
                let text = or(text, "a limit is reached");
                Err(spawn::SpawnError::Limit(text))
            }
            (Answer::Unsupported | Answer::Cancelled | Answer::Failed, text) => {
                let text = or(text, "the call did not come to an end");
                Err(spawn::SpawnError::Failed(text))
            }
        })
    }
}
