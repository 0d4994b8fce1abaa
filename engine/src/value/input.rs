//! JSON text, token by token, and the place in it.

use super::{Bad, ITEMS_MAX};
use std::borrow::Cow;
use std::fmt::Write;

/// Characters of a text that an error shows.
const SHOWN: usize = 40;
/// Bytes of a place that an error shows.
const PLACE_SHOWN: usize = 200;

pub enum Step {
    Name(String),
    Index(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

pub struct Input<'a> {
    text: &'a str,
    at: usize,
    items: usize,
    pub path: Vec<Step>,
}

/// Text as an error shows it.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

impl<'a> Input<'a> {
    pub fn new(text: &'a str) -> Input<'a> {
        Input {
            text,
            at: 0,
            items: 0,
            path: Vec::new(),
        }
    }

    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.path {
            let _ = match step {
                Step::Name(name) => write!(
                    place,
                    "/{}",
                    shown(name).replace('~', "~0").replace('/', "~1")
                ),
                Step::Index(i) => write!(place, "/{i}"),
            };
            if place.len() > PLACE_SHOWN {
                place.truncate(place.floor_char_boundary(PLACE_SHOWN));
                return place + "...";
            }
        }
        match place.is_empty() {
            true => "the arguments".to_string(),
            false => place,
        }
    }

    /// A value that is not what it should be, at the present place.
    pub fn bad(&self, why: impl AsRef<str>) -> Bad {
        Bad::Value(format!("{}: {}", self.place(), why.as_ref()))
    }

    fn broken(&self, why: &str) -> Bad {
        Bad::Value(format!("at byte {}: not JSON: {why}", self.at))
    }

    /// One more value, or `n` more bytes.
    pub fn count(&mut self, n: usize) -> Result<(), Bad> {
        self.items = self.items.saturating_add(n);
        match self.items <= ITEMS_MAX {
            true => Ok(()),
            false => Err(Bad::Limit(format!(
                "{}: more than {ITEMS_MAX} values",
                self.place()
            ))),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let blanks = rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.at += blanks;
        rest.get(blanks).copied()
    }

    /// Whether nothing is left.
    pub fn finish(&mut self) -> Result<(), Bad> {
        match self.byte() {
            None => Ok(()),
            Some(_) => Err(self.broken("more after the end")),
        }
    }

    pub fn kind(&mut self) -> Result<Kind, Bad> {
        Ok(match self.byte() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'-' | b'0'..=b'9') => Kind::Number,
            Some(b'"') => Kind::String,
            Some(b'[') => Kind::Array,
            Some(b'{') => Kind::Object,
            Some(_) => return Err(self.broken("no value begins so")),
            None => return Err(self.broken("it ends early")),
        })
    }

    /// `wanted` is what should be here.
    pub fn expect(&mut self, kind: Kind, wanted: &str) -> Result<(), Bad> {
        match self.kind()? == kind {
            true => Ok(()),
            false => Err(self.wrong(wanted)),
        }
    }

    /// The value here is not what is wanted.
    pub fn wrong(&mut self, wanted: &str) -> Bad {
        let got = match self.kind() {
            Err(bad) => return bad,
            Ok(Kind::Null) => self.word("null").map(|()| "null".to_string()),
            Ok(Kind::Bool) => self.bool().map(|b| b.to_string()),
            Ok(Kind::Number) => self.number().map(shown),
            Ok(Kind::String) => self.string().map(|s| format!("\"{}\"", shown(&s))),
            Ok(Kind::Array) => Ok("an array".to_string()),
            Ok(Kind::Object) => Ok("an object".to_string()),
        };
        match got {
            Ok(got) => self.bad(format!("expected {wanted}, got {got}")),
            Err(bad) => bad,
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Bad> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.broken("an unknown word"));
        }
        self.at += word.len();
        Ok(())
    }

    pub fn null(&mut self) -> Result<(), Bad> {
        self.expect(Kind::Null, "null")?;
        self.word("null")
    }

    pub fn bool(&mut self) -> Result<bool, Bad> {
        self.expect(Kind::Bool, "true or false")?;
        let truth = self.text.as_bytes()[self.at] == b't';
        self.word(if truth { "true" } else { "false" })?;
        Ok(truth)
    }

    fn digits(&mut self) -> Result<(), Bad> {
        let rest = &self.text.as_bytes()[self.at..];
        let n = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += n;
        match n {
            0 => Err(self.broken("a number without a digit")),
            _ => Ok(()),
        }
    }

    fn take(&mut self, any: &[u8]) -> bool {
        let there = self
            .text
            .as_bytes()
            .get(self.at)
            .is_some_and(|b| any.contains(b));
        self.at += usize::from(there);
        there
    }

    /// A number as it is written; the caller has seen that there is one.
    pub fn number(&mut self) -> Result<&'a str, Bad> {
        let start = self.at;
        self.take(b"-");
        if !self.take(b"0") {
            self.digits()?;
        }
        if self.take(b".") {
            self.digits()?;
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.digits()?;
        }
        match self.text.as_bytes().get(self.at) {
            Some(b'0'..=b'9' | b'.' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'+' | b'-') => {
                Err(self.broken("a malformed number"))
            }
            _ => Ok(&self.text[start..self.at]),
        }
    }

    /// A string; the caller has seen that there is one.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Bad> {
        self.at += 1;
        let mut made: Option<String> = None;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .bytes()
                .position(|b| b == b'"' || b == b'\\' || b < 0x20)
                .ok_or_else(|| self.broken("a string without its end"))?;
            let (run, rest) = rest.split_at(plain);
            self.at += plain;
            match rest.as_bytes()[0] {
                b'"' => {
                    self.at += 1;
                    return Ok(match made {
                        None => Cow::Borrowed(run),
                        Some(text) => Cow::Owned(text + run),
                    });
                }
                b'\\' => {
                    let text = made.get_or_insert_default();
                    text.push_str(run);
                    let c = self.escape()?;
                    made.get_or_insert_default().push(c);
                }
                _ => return Err(self.broken("a control character in a string")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Bad> {
        let what = self.text.as_bytes().get(self.at + 1).copied();
        let c = match what {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.broken("an unknown escape in a string")),
        };
        self.at += 2;
        Ok(c)
    }

    fn unit(&mut self) -> Result<u32, Bad> {
        let four = self.text.as_bytes().get(self.at + 2..self.at + 6);
        let unit = four
            .filter(|four| four.iter().all(u8::is_ascii_hexdigit))
            .and_then(|four| std::str::from_utf8(four).ok())
            .and_then(|four| u32::from_str_radix(four, 16).ok());
        let unit = unit.ok_or_else(|| self.broken("\\u without four digits"))?;
        self.at += 6;
        Ok(unit)
    }

    fn unicode(&mut self) -> Result<char, Bad> {
        let first = self.unit()?;
        let code = match first {
            0xd800..0xdc00 if self.text[self.at..].starts_with("\\u") => {
                let second = self.unit()?;
                match second {
                    0xdc00..0xe000 => 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => first,
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or_else(|| self.bad("half a surrogate pair is no character"))
    }

    /// Past the bracket that begins an array or object.
    pub fn enter(&mut self) {
        self.at += 1;
    }

    /// Whether another element follows, `first` being the first; past the comma, or past the end.
    pub fn more(&mut self, first: bool, end: u8) -> Result<bool, Bad> {
        match self.byte() {
            Some(b) if b == end => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !first => {
                self.at += 1;
                match self.byte() {
                    Some(b) if b == end => Err(self.broken("a comma before the end")),
                    _ => Ok(true),
                }
            }
            Some(_) if first => Ok(true),
            Some(_) => Err(self.broken("no comma between two values")),
            None => Err(self.broken("it ends early")),
        }
    }

    /// The value here as it is written, arrays and objects at most `levels` deep.
    pub fn raw(&mut self, levels: usize) -> Result<&'a str, Bad> {
        let kind = self.kind()?;
        let start = self.at;
        self.count(1)?;
        match kind {
            Kind::Null => self.word("null")?,
            Kind::Bool => _ = self.bool()?,
            Kind::Number => _ = self.number()?,
            Kind::String => _ = self.string()?,
            Kind::Array | Kind::Object => {
                let levels = levels.checked_sub(1);
                let levels = levels.ok_or_else(|| self.bad("too many levels"))?;
                self.members(kind, levels)?;
            }
        }
        Ok(&self.text[start..self.at])
    }

    fn members(&mut self, kind: Kind, levels: usize) -> Result<(), Bad> {
        let end = match kind {
            Kind::Object => b'}',
            _ => b']',
        };
        self.enter();
        let mut first = true;
        while self.more(first, end)? {
            first = false;
            if kind == Kind::Object {
                self.name()?;
            }
            self.raw(levels)?;
        }
        Ok(())
    }

    /// The name of a member, and past its colon.
    pub fn name(&mut self) -> Result<String, Bad> {
        if self.byte() != Some(b'"') {
            return Err(self.broken("a member without a name"));
        }
        let name = self.string()?.into_owned();
        match self.byte() {
            Some(b':') => {
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.broken("no colon after a name")),
        }
    }
}

/// The integer that a JSON number stands for, if it is one and small enough to be of a type.
pub fn integer(number: &str) -> Option<i128> {
    /// More digits than any type has.
    const DIGITS_MAX: i64 = 24;
    let (negative, rest) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (rest, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = || {
        whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|b| *b == b'0')
    };
    let significant = digits().count() as i64;
    if significant == 0 {
        return Some(0);
    }
    // An exponent that does not fit belongs to no integer of a type, digits being bounded.
    let exponent: i64 = exponent.map_or(Some(0), |e| e.parse().ok())?;
    let shift = exponent.checked_sub(fraction.len() as i64)?;
    let trailing = digits().rev_zeros();
    if significant.checked_add(shift)? > DIGITS_MAX || shift.checked_add(trailing)? < 0 {
        return None;
    }
    let kept = significant - (-shift).max(0);
    let mut value = 0i128;
    for digit in digits().take(kept as usize) {
        value = value * 10 + i128::from(digit - b'0');
    }
    for _ in 0..shift.max(0) {
        value *= 10;
    }
    Some(if negative { -value } else { value })
}

trait TrailingZeros {
    fn rev_zeros(self) -> i64;
}

impl<I: Iterator<Item = u8>> TrailingZeros for I {
    fn rev_zeros(self) -> i64 {
        self.fold(0, |n, b| if b == b'0' { n + 1 } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::integer;

    #[test]
    fn integers_in_every_spelling() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0e99999999999999999999", Some(0)),
            ("1.0", Some(1)),
            ("1e3", Some(1000)),
            ("1.5e1", Some(15)),
            ("100e-2", Some(1)),
            ("1000.00e-3", Some(1)),
            ("1.5", None),
            ("15e-1", None),
            ("1e-1", None),
            ("1e30", None),
            ("1e99999999999999999999", None),
            ("1e-99999999999999999999", None),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("-9223372036854775808", Some(i64::MIN.into())),
            ("184467440737095516150e-1", Some(u64::MAX.into())),
        ] {
            assert_eq!(integer(text), value, "{text}");
        }
    }
}
