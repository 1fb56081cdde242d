//! What the founding programs share: arguments, and values that print as Python prints them.

#![forbid(unsafe_code)]

mod arguments;
mod python;

pub use arguments::{Arguments, Seconds};
pub use python::{Bytes, Value};
