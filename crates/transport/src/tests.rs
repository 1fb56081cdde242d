//! One suite for every transport that has byte streams, then what is particular to each.

mod ipc;
mod suite;
mod tcp;
mod waiting;
