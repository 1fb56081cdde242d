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
        assert!(!is_leaked(&shown, data, secret), "{shown}");
    }
}

/// True if these bytes are shown in a form that the input does not have them in.
fn is_leaked(shown: &str, data: &[u8], secret: &[u8]) -> bool {
    let has = |bytes: &[u8]| data.windows(bytes.len()).any(|part| part == bytes);
    let mut leaks = forms(shown, secret).into_iter();
    !has(secret) && leaks.any(|(form, is_shown)| is_shown && !has(form.as_bytes()))
}

/// True if these bytes are shown: as text, as numbers, or as hexadecimal ones.
pub(crate) fn shows(shown: &str, secret: &[u8]) -> bool {
    forms(shown, secret).iter().any(|(_, is_shown)| *is_shown)
}

/// The forms that these bytes may have, and whether they are shown in each.
fn forms(shown: &str, secret: &[u8]) -> [(String, bool); 3] {
    let (text, numbers, digits) = (text(secret), numbers(secret), digits(secret));
    let as_text = shown.contains(&text);
    let as_numbers = shows_numbers(shown, &numbers);
    let as_bytes = shows_bytes(shown, &digits);
    [(text, as_text), (numbers, as_numbers), (digits, as_bytes)]
}

fn text(secret: &[u8]) -> String {
    secret.escape_ascii().to_string()
}

fn numbers(secret: &[u8]) -> String {
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    numbers.join(", ")
}

fn digits(secret: &[u8]) -> String {
    secret.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// True if these numbers are shown as whole ones: 2, 2 is no part of 12, 2 and of 2, 25.
fn shows_numbers(shown: &str, numbers: &str) -> bool {
    let mut places = 0..shown.len();
    places.any(|at| {
        let (before, after) = shown.as_bytes().split_at(at);
        let rest = after.strip_prefix(numbers.as_bytes());
        let goes_on = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
        rest.is_some_and(|rest| !goes_on(before.last()) && !goes_on(rest.first()))
    })
}

/// True if these hexadecimal digits are shown as whole bytes: 02 02 is no part of 20 20 20.
fn shows_bytes(shown: &str, digits: &str) -> bool {
    let mut places = 0..shown.len();
    places.any(|at| {
        let (before, after) = shown.as_bytes().split_at(at);
        let others = before.iter().rev().take_while(|it| it.is_ascii_hexdigit());
        after.starts_with(digits.as_bytes()) && others.count() % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_is_noticed_in_every_form_and_other_bytes_are_not_taken_for_it() {
        let secret = [2; 4];
        for shown in [
            "Key([2, 2, 2, 2])",
            r"\x02\x02\x02\x02",
            "0x01020202025f… (76 bytes)",
        ] {
            assert!(shows(shown, &secret), "{shown}");
        }
        for shown in [
            "Key(..)",
            "[2, 2, 2, 25]",
            "[12, 2, 2, 2, 0]",
            "0x2020202020… (76 bytes)",
            "0x02020203",
        ] {
            assert!(!shows(shown, &secret), "{shown}");
        }
        assert!(shows("[12, 2, 2, 2, 2, 25]", &secret));
    }

    #[test]
    fn input_may_come_back_in_every_form() {
        for known in [
            &b"a password"[..],
            b"70617373776f7264",
            b"112, 97, 115, 115, 119, 111, 114, 100",
        ] {
            assert_hidden(&String::from_utf8_lossy(known), known);
        }
        assert!(is_leaked("password", b"70617373776f7264", PASSWORD));
        assert!(is_leaked("70617373776f7264", b"70617373776f72", PASSWORD));
    }
}
