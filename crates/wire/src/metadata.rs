//! Metadata: the properties that peers tell each other in the handshake (RFC 37, "Connection
//! Metadata").
//!
//! ```text
//!   property = name-length (1 octet)  name  value-length (4 octets)  value
//! ```

use crate::encode::put_short_string;
use crate::reader::Reader;
use crate::{Limits, Part, Violation};

/// The property that names the sender's socket type.
pub const SOCKET_TYPE: &str = "Socket-Type";
/// The property that carries the sender's routing id.
pub const IDENTITY: &str = "Identity";

/// The longest value, in bytes: 2^31-1.
const VALUE_MAX: u32 = i32::MAX as u32;

/// Properties in the order in which they are sent: names with values.
pub type Properties = Vec<(String, Part)>;

/// Why a property cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PropertyError {
    /// The name is empty, longer than 255 bytes, or has characters other than letters, digits and
    /// `-_.+`.
    #[error("metadata name is not allowed")]
    Name,
    /// The name is one that the handshake itself uses.
    #[error("metadata name is reserved")]
    Reserved,
    /// The value is longer than 2^31-1 bytes.
    #[error("metadata value is too long")]
    ValueTooLong,
}

/// Checks a property that an application wants to announce.
///
/// # Errors
///
/// See [`PropertyError`]; such a property would be left out of the handshake.
pub fn check(name: &str, value: &[u8]) -> Result<(), PropertyError> {
    if name.len() > 255 || !is_name(name.as_bytes()) {
        return Err(PropertyError::Name);
    }
    if is_own(name) {
        return Err(PropertyError::Reserved);
    }
    value_len(value)
        .map(|_| ())
        .ok_or(PropertyError::ValueTooLong)
}

/// Appends one property. One that cannot be encoded (see [`check`]) is left out.
pub fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let Some(len) = value_len(value).filter(|_| name.len() <= 255 && is_name(name.as_bytes()))
    else {
        return;
    };
    put_short_string(out, name.as_bytes());
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(value);
}

/// Reads properties until the end of `bytes`.
///
/// # Errors
///
/// - [`Violation::MalformedReady`]: the bytes end within a property.
/// - [`Violation::MetadataName`]: a name is empty or has characters that are not allowed.
/// - [`Violation::MetadataTooLarge`]: more properties than the limit.
/// - [`Violation::MetadataValueTooLong`]: a value's length is over 2^31-1.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Properties, Violation> {
    let mut reader = Reader::new(bytes);
    let mut properties = Properties::new();
    while !reader.is_empty() {
        if properties.len() >= limits.max_properties {
            return Err(Violation::MetadataTooLarge);
        }
        let name = reader.short_string().ok_or(Violation::MalformedReady)?;
        let name = Some(name)
            .filter(|name| is_name(name))
            .ok_or(Violation::MetadataName)?;
        let len = reader.u32().ok_or(Violation::MalformedReady)?;
        if len > VALUE_MAX {
            return Err(Violation::MetadataValueTooLong);
        }
        let len = usize::try_from(len).map_err(|_| Violation::MalformedReady)?;
        let value = reader.take(len).ok_or(Violation::MalformedReady)?;
        properties.push((
            name.iter().copied().map(char::from).collect(),
            Part::copy_from(value),
        ));
    }
    Ok(properties)
}

/// The value of the first property of this name, in upper or lower case.
pub fn lookup<'a>(properties: &'a [(String, Part)], name: &str) -> Option<&'a Part> {
    let (_, value) = properties
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    Some(value)
}

/// True for the properties that the handshake itself writes and reads.
pub(crate) fn is_own(name: &str) -> bool {
    [SOCKET_TYPE, IDENTITY]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name))
}

fn is_name(name: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
    !name.is_empty() && name.iter().all(allowed)
}

fn value_len(value: &[u8]) -> Option<u32> {
    u32::try_from(value.len())
        .ok()
        .filter(|&len| len <= VALUE_MAX)
}

#[cfg(test)]
mod tests;
