//! Base64 of RFC 4648 with padding: one text for each sequence of bytes.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of what is no digit.
const NONE: u8 = 255;

/// Digits to values.
const VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut i = 0;
    while i < 64 {
        table[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    table
};

pub fn len(bytes: usize) -> usize {
    bytes.div_ceil(3).saturating_mul(4)
}

pub fn encode(bytes: &[u8], to: &mut String) {
    let digit = |word: u32, i: u32| char::from(ALPHABET[(word >> (18 - 6 * i)) as usize & 63]);
    to.reserve(len(bytes.len()));
    let (groups, rest) = bytes.as_chunks::<3>();
    for group in groups {
        let word = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        to.extend((0..4).map(|i| digit(word, i)));
    }
    if let Some(first) = rest.first() {
        let word = u32::from_be_bytes([0, *first, rest.get(1).copied().unwrap_or(0), 0]);
        to.push(digit(word, 0));
        to.push(digit(word, 1));
        to.push(if rest.len() > 1 { digit(word, 2) } else { '=' });
        to.push('=');
    }
}

/// None if `text` is not what `encode` makes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_bytes().as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut bytes = Vec::with_capacity(groups.len() * 3);
    let (last, whole) = match groups.split_last() {
        Some((last, whole)) if last[3] == b'=' => (Some(last), whole),
        _ => (None, groups),
    };
    for group in whole {
        let values = group.map(|digit| VALUES[usize::from(digit)]);
        if values.contains(&NONE) {
            return None;
        }
        bytes.extend_from_slice(&word(values)[1..]);
    }
    if let Some(last) = last {
        let n = if last[2] == b'=' { 1 } else { 2 };
        let mut values = [0; 4];
        for (value, digit) in values.iter_mut().zip(&last[..=n]) {
            *value = VALUES[usize::from(*digit)];
        }
        let word = word(values);
        // What is left over must be zero.
        if values.contains(&NONE) || word[n + 1..].iter().any(|b| *b != 0) {
            return None;
        }
        bytes.extend_from_slice(&word[1..=n]);
    }
    Some(bytes)
}

/// Four digits as three bytes, after a zero.
fn word(values: [u8; 4]) -> [u8; 4] {
    let join = |word: u32, value| word << 6 | u32::from(value);
    values.into_iter().fold(0u32, join).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut made = String::new();
            encode(bytes.as_bytes(), &mut made);
            assert_eq!(made, text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        let all: Vec<u8> = (0..=255).collect();
        let mut made = String::new();
        encode(&all, &mut made);
        assert_eq!(decode(&made).unwrap(), all);
    }

    #[test]
    fn another_spelling_is_refused() {
        for text in [
            "Zg", "Zg=", "Zh==", "Zm9=", "Zg===", "=", "====", "Zg==Zg==", "Zm9v\n", "Zm9_",
            " Zm9", "Z===", "Zm=v",
        ] {
            assert!(decode(text).is_none(), "{text}");
        }
    }
}
