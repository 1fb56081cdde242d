//! Values as Python knows them: what JSON and pickle carry, printed as `repr` prints it.
//!
//! Invariants: the order of a dictionary's keys is kept; a value that came in goes out unchanged.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// One value; prints as in Python: `{'name': 'pipeline', 'ok': True, 'none': None}`.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer within 64 bits.
    Int(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// A float.
    Float(f64),
    /// A `str`.
    Text(String),
    /// A `bytes`.
    Bytes(Vec<u8>),
    /// A list; tuples and sets arrive as lists too.
    List(Vec<Value>),
    /// A dictionary, in order of insertion.
    Dict(Vec<(Value, Value)>),
}

/// A byte string; prints as in Python: `b'message1'`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes<'a>(pub &'a [u8]);

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Unsigned(value) => write!(f, "{value}"),
            Self::Float(value) => write_float(f, *value),
            Self::Text(text) => write_text(f, text),
            Self::Bytes(bytes) => write!(f, "{}", Bytes(bytes)),
            Self::List(items) => write_list(f, items),
            Self::Dict(entries) => write_dict(f, entries),
        }
    }
}

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = quote(self.0.contains(&b'\''), self.0.contains(&b'"'));
        write!(f, "b{quote}")?;
        for &byte in self.0 {
            let character = char::from(byte);
            match byte {
                b' '..=b'~' | b'\n' | b'\r' | b'\t' => write_character(f, character, quote)?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        f.write_char(quote)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Int(value) => to.serialize_i64(*value),
            Self::Unsigned(value) => to.serialize_u64(*value),
            Self::Float(value) => to.serialize_f64(*value),
            Self::Text(text) => to.serialize_str(text),
            Self::Bytes(bytes) => to.serialize_bytes(bytes),
            Self::List(items) => to.collect_seq(items),
            Self::Dict(entries) => {
                let mut map = to.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that Python has")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Unsigned(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = from.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Dict(entries))
    }
}

/// Python prefers single quotes and takes double ones where that saves escapes.
fn quote(has_single: bool, has_double: bool) -> char {
    if has_single && !has_double { '"' } else { '\'' }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = quote(text.contains('\''), text.contains('"'));
    f.write_char(quote)?;
    for character in text.chars() {
        write_character(f, character, quote)?;
    }
    f.write_char(quote)
}

fn write_character(f: &mut fmt::Formatter<'_>, character: char, quote: char) -> fmt::Result {
    match character {
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        _ if character == quote => write!(f, "\\{character}"),
        _ if character.is_control() => write!(f, "\\x{:02x}", u32::from(character)),
        _ => f.write_char(character),
    }
}

/// The shortest form that reads back the same; with an exponent below 1e-4 and from 1e16 on.
fn write_float(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    if !value.is_finite() {
        let name = if value.is_nan() { "nan" } else { "inf" };
        return write!(f, "{}{name}", if value < 0.0 { "-" } else { "" });
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e16).contains(&size) {
        let text = format!("{value}");
        let fraction = if text.contains('.') { "" } else { ".0" };
        return write!(f, "{text}{fraction}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let sign = if exponent.starts_with('-') { '-' } else { '+' };
    write!(f, "{digits}e{sign}{:0>2}", exponent.trim_start_matches('-'))
}

fn write_list(f: &mut fmt::Formatter<'_>, items: &[Value]) -> fmt::Result {
    f.write_char('[')?;
    for (index, item) in items.iter().enumerate() {
        write!(f, "{}{item}", separator(index))?;
    }
    f.write_char(']')
}

fn write_dict(f: &mut fmt::Formatter<'_>, entries: &[(Value, Value)]) -> fmt::Result {
    f.write_char('{')?;
    for (index, (key, value)) in entries.iter().enumerate() {
        write!(f, "{}{key}: {value}", separator(index))?;
    }
    f.write_char('}')
}

fn separator(index: usize) -> &'static str {
    if index == 0 { "" } else { ", " }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(value: Value) -> String {
        value.to_string()
    }

    #[test]
    fn dictionary_prints_as_python_does() {
        let json = r#"{"name":"pipeline","sizes":[1,2,3],"ratio":0.5,"ok":true,"none":null}"#;
        let value: Value = serde_json::from_str(json).unwrap();
        let expected =
            "{'name': 'pipeline', 'sizes': [1, 2, 3], 'ratio': 0.5, 'ok': True, 'none': None}";
        assert_eq!(printed(value.clone()), expected);
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
    }

    #[test]
    fn text_prints_with_the_quotes_and_escapes_of_python() {
        assert_eq!(printed(Value::from("größe ✓")), "'größe ✓'");
        assert_eq!(printed(Value::from("it's")), "\"it's\"");
        assert_eq!(printed(Value::from("it's \"x\"")), r#"'it\'s "x"'"#);
        assert_eq!(printed(Value::from("a\\b\n\u{1}")), r"'a\\b\n\x01'");
    }

    #[test]
    fn bytes_print_with_hexadecimal_escapes() {
        assert_eq!(Bytes(b"message3").to_string(), "b'message3'");
        assert_eq!(Bytes(b"").to_string(), "b''");
        assert_eq!(Bytes(b"\x00'\xff\n").to_string(), r#"b"\x00'\xff\n""#);
    }

    #[test]
    fn floats_print_as_short_as_python_does() {
        for (value, expected) in [
            (0.5, "0.5"),
            (2.0, "2.0"),
            (-0.0, "-0.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e300, "1.5e+300"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(printed(Value::Float(value)), expected);
        }
    }
}
