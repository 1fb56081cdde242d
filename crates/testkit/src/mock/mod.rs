//! A scripted raw ZMTP peer, and what it sends.

mod decode;
pub mod frames;
mod older;
mod pair;
mod peer;
mod wire;

#[cfg(test)]
mod tests;

pub use decode::check_decode;
pub use frames::{Frame, Frames};
pub use older::{OlderPeer, OlderVersion};
pub use pair::Pair;
pub use peer::MockPeer;
pub use wire::{SimWire, Wire};
