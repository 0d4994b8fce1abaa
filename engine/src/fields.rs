//! HTTP fields: names, values and the rules for both.

use crate::bindings::wasi::http::types::HeaderError;
use crate::http::{fields_bytes, fields_weight};
use crate::kept::{Keeper, Kept};
use crate::ports::http::List;
use std::sync::Arc;
use wasmtime::{Result, bail};

/// Entries of one list.
const COUNT_MAX: usize = 1024;
/// Bytes of all names and values of one list.
const BYTES_MAX: usize = 128 * 1024;

/// What concerns the connection belongs to whoever makes it.
const FORBIDDEN: &[&str] = &[
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// `wasi:http/types.fields`.  Names are kept in lower case.
pub struct Fields {
    list: Arc<Listed>,
    /// A view of the headers of a request or response.
    pub frozen: bool,
}

struct Listed {
    entries: List,
    kept: Kept,
}

impl Listed {
    fn new(entries: List, keeper: &Keeper) -> Result<Arc<Listed>> {
        let kept = keeper.keep(fields_weight(&entries))?;
        Ok(Arc::new(Listed { entries, kept }))
    }
}

type Answer<T> = std::result::Result<T, HeaderError>;

/// Whether `s` is a token of RFC 9110.
pub fn is_token(s: &str) -> bool {
    let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !s.is_empty() && s.bytes().all(tchar)
}

fn check_name(name: &str) -> Answer<String> {
    if !is_token(name) {
        return Err(HeaderError::InvalidSyntax);
    }
    let name = name.to_ascii_lowercase();
    match FORBIDDEN.contains(&name.as_str()) {
        true => Err(HeaderError::Forbidden),
        false => Ok(name),
    }
}

fn check_value(value: &[u8]) -> Answer<()> {
    let vchar = |&b: &u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    match value.iter().all(vchar) {
        true => Ok(()),
        false => Err(HeaderError::InvalidSyntax),
    }
}

/// A list beyond the caps: WIT 0.2 has no error for it, the guest traps.
fn check_size(list: &[(String, Vec<u8>)]) -> Result<()> {
    if list.len() > COUNT_MAX || fields_bytes(list) > BYTES_MAX {
        bail!("HTTP fields of more than {COUNT_MAX} entries or {BYTES_MAX} bytes");
    }
    Ok(())
}

impl Fields {
    fn of(entries: List, frozen: bool, keeper: &Keeper) -> Result<Fields> {
        let list = Listed::new(entries, keeper)?;
        Ok(Fields { list, frozen })
    }

    pub fn empty(keeper: &Keeper) -> Result<Fields> {
        Fields::of(List::new(), false, keeper)
    }

    pub fn from_list(entries: List, keeper: &Keeper) -> Result<Answer<Fields>> {
        check_size(&entries)?;
        let mut list = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            match check_name(&name).and_then(|name| check_value(&value).map(|()| name)) {
                Ok(name) => list.push((name, value)),
                Err(e) => return Ok(Err(e)),
            }
        }
        Ok(Ok(Fields::of(list, false, keeper)?))
    }

    /// What a peer sent; whoever received it has checked it.  What a guest may not say is left out:
    /// it can copy the rest into a message of its own.
    pub fn received(mut list: List, keeper: &Keeper) -> Result<Fields> {
        list.retain(|(name, _)| !FORBIDDEN.contains(&name.as_str()));
        Fields::of(list, true, keeper)
    }

    pub fn get(&self, name: &str) -> Vec<Vec<u8>> {
        self.named(name).map(|(_, value)| value.clone()).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a (String, Vec<u8>)> {
        self.list
            .entries
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
    }

    pub fn entries(&self) -> Vec<(String, Vec<u8>)> {
        self.list.entries.clone()
    }

    /// Replace (`keep` false) or extend what stands under `name`.
    pub fn put(&mut self, name: &str, values: Vec<Vec<u8>>, keep: bool) -> Result<Answer<()>> {
        let name = match check_name(name) {
            Ok(name) => name,
            Err(e) => return Ok(Err(e)),
        };
        if let Err(e) = values.iter().try_for_each(|v| check_value(v)) {
            return Ok(Err(e));
        }
        if self.frozen {
            return Ok(Err(HeaderError::Immutable));
        }
        let mut list = match Arc::get_mut(&mut self.list) {
            Some(own) => std::mem::take(&mut own.entries),
            None => self.list.entries.clone(),
        };
        if !keep {
            list.retain(|(n, _)| *n != name);
        }
        list.extend(values.into_iter().map(|v| (name.clone(), v)));
        check_size(&list)?;
        self.list = Listed::new(list, self.list.kept.keeper())?;
        Ok(Ok(()))
    }

    /// What content-length says, if it says one number.  Another one is for whoever judges the
    /// message: that it was tried shall be on record.
    pub fn content_length(&self) -> Option<u64> {
        let mut found = self.named("content-length");
        let (_, value) = found.next()?;
        let digits = value.iter().all(u8::is_ascii_digit);
        match found.next() {
            None if digits => std::str::from_utf8(value).ok()?.parse().ok(),
            _ => None,
        }
    }

    /// The same list, not to be changed.
    pub fn view(&self) -> Fields {
        Fields {
            list: self.list.clone(),
            frozen: true,
        }
    }

    /// The same list, the caller's own.
    pub fn copy(&self) -> Fields {
        Fields {
            list: self.list.clone(),
            frozen: false,
        }
    }
}
