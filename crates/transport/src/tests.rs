//! One suite for every transport that has byte streams, then what is particular to each.

#[cfg(all(unix, feature = "ipc"))]
mod ipc;
mod left_out;
#[cfg(all(unix, any(feature = "tcp", feature = "ipc")))]
mod suite;
#[cfg(all(unix, feature = "tcp"))]
mod tcp;
#[cfg(all(unix, any(feature = "tcp", feature = "ipc")))]
mod waiting;
