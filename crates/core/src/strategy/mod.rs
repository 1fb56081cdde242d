//! The strategies that patterns are made of: who is next, in which order, under which name.
//!
//! Each is a plain structure over [`PipeId`](crate::PipeId)s with operations in O(1) amortised
//! (fan-out: per pipe that is offered a message). None of them knows what a socket type is.
//!
//! | strategy | used by | question |
//! |---|---|---|
//! | [`RoundRobin`] | PUSH DEALER REQ | which peer is given the next message? |
//! | [`FairQueue`] | PULL DEALER REQ REP ROUTER SUB XSUB | whose message is received next? |
//! | [`FanOut`] | PUB XPUB XSUB | which peers are given this message? |
//! | [`ByRoutingId`] | ROUTER | which peer has this name? |
//!
//! [`PipeMap`] and [`Ring`] are what they are built from.

mod by_routing_id;
mod fair_queue;
mod fan_out;
mod pipe_map;
mod ring;
mod round_robin;

pub use by_routing_id::ByRoutingId;
pub use fair_queue::FairQueue;
pub use fan_out::FanOut;
pub use pipe_map::PipeMap;
pub use ring::Ring;
pub use round_robin::RoundRobin;

#[cfg(test)]
mod tests;
