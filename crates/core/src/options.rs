//! A socket's options: set on the builder, fixed when the socket is made.

use std::time::Duration;

use ferromq_transport::TransportOptions;
use ferromq_wire::{HeartbeatConfig, Limits, Part, ZmtpVersion};

use crate::authentication::Authenticator;
use crate::security::Security;

/// The options common to all socket types, with their defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) send_mark: u32,
    pub(crate) receive_mark: u32,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) receive_timeout: Option<Duration>,
    pub(crate) linger: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) heartbeat: HeartbeatConfig,
    pub(crate) reconnect: Reconnect,
    pub(crate) routing_id: Option<Part>,
    pub(crate) limits: Limits,
    pub(crate) min_zmtp: ZmtpVersion,
    pub(crate) security: Security,
    pub(crate) authenticator: Option<Authenticator>,
    pub(crate) zap_domain: String,
    pub(crate) transport: TransportOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            send_mark: 1000,
            receive_mark: 1000,
            send_timeout: None,
            receive_timeout: None,
            linger: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(30),
            heartbeat: HeartbeatConfig::default(),
            reconnect: Reconnect::default(),
            routing_id: None,
            limits: Limits::default(),
            min_zmtp: ZmtpVersion::default(),
            security: Security::default(),
            authenticator: None,
            zap_domain: String::new(),
            transport: TransportOptions::default(),
        }
    }
}

/// When a lost or refused connection is tried again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reconnect {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            most: Duration::from_secs(1),
        }
    }
}

impl Reconnect {
    /// The pause before attempt number `attempt` (0: the first retry): doubled each time up to the
    /// maximum, of which a random half is taken away.
    pub(crate) fn pause(&self, attempt: u32, random: u64) -> Duration {
        let doubled = self
            .first
            .saturating_mul(1u32.checked_shl(attempt.min(16)).unwrap_or(1));
        let whole = doubled.min(self.most.max(self.first));
        let half = whole / 2;
        let jitter = (random >> 32) as f64 / f64::from(u32::MAX);
        whole - half.mul_f64(jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_grows_to_the_maximum_and_never_beyond() {
        let policy = Reconnect::default();
        assert_eq!(policy.pause(0, 0), Duration::from_millis(100));
        assert_eq!(policy.pause(2, 0), Duration::from_millis(400));
        for attempt in 0..100 {
            for random in [0, 1 << 40, u64::MAX] {
                let pause = policy.pause(attempt, random);
                assert!(pause >= Duration::from_millis(50), "{pause:?}");
                assert!(pause <= Duration::from_secs(1), "{pause:?}");
            }
        }
    }
}
