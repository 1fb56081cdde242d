//! A scripted raw ZMTP peer, and what it sends.

pub mod frames;
mod pair;
mod peer;
mod wire;

#[cfg(test)]
mod tests;

pub use frames::{Frame, Frames};
pub use pair::Pair;
pub use peer::MockPeer;
pub use wire::{SimWire, Wire};
