//! Evidence of the second kind: what the patterns promise, on whole sockets over each transport.

use crate::case::Trial;

/// Every case over every transport.
pub(crate) fn trials() -> Vec<Trial> {
    Vec::new()
}
