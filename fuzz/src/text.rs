//! Text and properties: endpoints, keys, metadata.

use ferromq::{Endpoint, PublicKey, SecretKey};
use ferromq_wire::{Limits, PropertyError, metadata};

use crate::Input;
use crate::hidden::shows;

/// Any text as an endpoint: parsed, it shows itself as text of the same endpoint.
pub(crate) fn endpoint(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(endpoint) = text.parse::<Endpoint>() else {
        return;
    };
    let shown = endpoint.to_string();
    assert_eq!(shown.parse(), Ok(endpoint.clone()), "{text:?} as {shown:?}");
    // Where it cannot be used that is an error, and no panic.
    let _ = (endpoint.check_bind(), endpoint.check_connect());
}

/// Any text as a key: parsed, it shows itself as that text.
pub(crate) fn key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
        assert_eq!(format!("{key:?}"), format!("PublicKey({text})"));
    }
    if let Ok(key) = text.parse::<SecretKey>() {
        assert_eq!(key.expose_text(), text);
        let shown = format!("{key:?}");
        assert!(!shown.contains(text) && !shows(&shown, &key.expose_bytes()[..8]));
    }
}

/// Any bytes as properties: what is parsed can be encoded and parsed again, if it may be sent. Any
/// text as a name: it is put if it may be sent.
pub(crate) fn metadata(data: &[u8]) {
    let mut input = Input::new(data);
    if let Ok(name) = std::str::from_utf8(data) {
        let mut put = Vec::new();
        metadata::put(&mut put, name, b"value");
        let refused = metadata::check(name, b"value") == Err(PropertyError::Name);
        assert_eq!(put.is_empty(), refused, "{name}");
    }
    let limits = Limits {
        max_properties: input.byte().into(),
        ..Limits::default()
    };
    let Ok(properties) = metadata::parse(input.rest(), &limits) else {
        return;
    };
    assert!(properties.len() <= limits.max_properties);
    let mut encoded = Vec::new();
    for (name, value) in &properties {
        let sendable = metadata::check(name, value);
        assert!(matches!(sendable, Ok(()) | Err(PropertyError::Reserved)));
        metadata::put(&mut encoded, name, value);
        assert!(metadata::lookup(&properties, &name.to_uppercase()).is_some());
    }
    assert_eq!(metadata::parse(&encoded, &limits), Ok(properties));
}
