//! A simulated world for whole sockets: one thread, a virtual clock, a network with weather, a
//! seed.
//!
//! [`SimWorld`] implements `ferromq_core::world::World`. Nothing runs by itself: workers have
//! turns, bytes arrive and time passes only while somebody waits in `Bell::wait` or the test calls
//! one of the `run` methods. Everything that is left to chance follows from the seed: the same test
//! with the same seed gives the same trace, and [`SimWorld::trace_hash`] tells.
//!
//! Limits: only one thread may use a world at a time: the test's, or one that [`SimWorld::spawn`]
//! has started. What blocks outside of the world's seam (a mutex, a
//! channel) blocks for good. A world whose workers never stop is leaked, for they hold it.

mod conditions;
mod fault;
mod lane;
mod link;
mod network;
mod place;
mod random;
mod reactor;
mod scheduler;
mod seeds;
mod state;
mod stream;
mod thread;
mod trace;
mod world;

#[cfg(test)]
mod tests;

pub use conditions::Conditions;
pub use fault::{Call, Fault};
pub use link::{LinkId, Side};
pub use random::Random;
pub use seeds::for_seeds;
pub use thread::SimThread;
pub use trace::Event;
pub use world::SimWorld;
