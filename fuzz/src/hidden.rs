//! What `Debug` shows: never a secret.

use std::fmt::{Debug, Write};

/// The secrets of the two sides that the bodies have talk: seeds of keys, bytes of nonces, and a
/// password. Of each only the beginning is looked for, since `Debug` may show but that.
const SECRETS: [&[u8]; 6] = [&[1; 8], &[2; 8], &[7; 8], &[8; 8], &[9; 8], PASSWORD];

/// The password of clients.
pub(crate) const PASSWORD: &[u8] = b"password";

/// Asserts that a value shows no secret. What is part of the input itself may come back.
pub(crate) fn assert_hidden(value: &dyn Debug, data: &[u8]) {
    let shown = format!("{value:?}");
    for secret in SECRETS {
        let is_known = data.windows(secret.len()).any(|part| part == secret);
        assert!(is_known || !shows(&shown, secret), "{shown}");
    }
}

/// True if these bytes are shown: as text, as numbers, or as hexadecimal ones.
pub(crate) fn shows(shown: &str, secret: &[u8]) -> bool {
    let text = secret.escape_ascii().to_string();
    let decimal = secret.iter().map(u8::to_string).collect::<Vec<_>>();
    let mut digits = String::new();
    for byte in secret {
        let _ = write!(digits, "{byte:02x}");
    }
    let forms = [text, decimal.join(", "), digits];
    forms.iter().any(|form| shown.contains(form))
}
