//! One suite for every transport that has byte streams, then what is particular to each.

#[cfg(all(target_os = "linux", feature = "tcp", feature = "ipc"))]
mod adopting;
#[cfg(all(unix, feature = "ipc"))]
mod ipc;
mod left_out;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod suite;
#[cfg(feature = "tcp")]
mod tcp;
#[cfg(any(feature = "tcp", all(unix, feature = "ipc")))]
mod waiting;
