//! What can be set on listening and connected streams.

use std::time::Duration;

/// Options of listeners and streams; they are applied when one is made.
///
/// TCP streams always have `TCP_NODELAY`. Options that do not concern a transport (`ipv6` for ipc)
/// have no effect on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportOptions {
    /// Connections that may wait to be accepted; default 100. The system may allow fewer.
    #[doc(alias = "ZMQ_BACKLOG")]
    pub backlog: u32,
    /// Size of the kernel's send buffer in bytes; default `None`: the system's choice.
    #[doc(alias = "ZMQ_SNDBUF")]
    pub send_buffer: Option<usize>,
    /// Size of the kernel's receive buffer in bytes; default `None`: the system's choice.
    #[doc(alias = "ZMQ_RCVBUF")]
    pub receive_buffer: Option<usize>,
    /// TCP keepalive; default `None`: the system's choice, which is usually off.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    pub keepalive: Option<Keepalive>,
    /// Whether TCP uses IPv6 as well as IPv4; default `true`. If `false`, `*` binds `0.0.0.0`,
    /// names resolve to IPv4 addresses only, and IPv6 addresses are refused.
    #[doc(alias = "ZMQ_IPV6")]
    pub ipv6: bool,
    /// Type of service (IPv4) or traffic class (IPv6), 0 to 255; default `None`: the system's
    /// choice. Set on TCP streams, accepted and connected. Windows refuses it, so that binding
    /// and dialing fail, unless its administrator allows it.
    #[doc(alias = "ZMQ_TOS")]
    pub type_of_service: Option<u8>,
    /// How long sent bytes may stay unacknowledged before a TCP connection is given up, in whole
    /// milliseconds; default `None`: the system's choice. Linux only: elsewhere binding and dialing
    /// fail.
    #[doc(alias = "ZMQ_TCP_MAXRT")]
    pub retransmission_timeout: Option<Duration>,
    /// The network interface that TCP goes through; default `None`: any. Linux only: elsewhere
    /// binding and dialing fail.
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub device: Option<String>,
    /// Whose ipc connections a listener takes; default empty: anybody's.
    pub allowed: Vec<Allowed>,
}

/// Somebody whose ipc connections a listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Allowed {
    /// The user with this effective id.
    #[doc(alias = "ZMQ_IPC_FILTER_UID")]
    User(u32),
    /// The group with this effective id.
    #[doc(alias = "ZMQ_IPC_FILTER_GID")]
    Group(u32),
    /// The process with this id.
    #[doc(alias = "ZMQ_IPC_FILTER_PID")]
    Process(u32),
}

/// TCP keepalive probes. What is `None` stays as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe; whole seconds, at least one.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    pub idle: Option<Duration>,
    /// Time between probes; whole seconds, at least one.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    pub interval: Option<Duration>,
    /// Unanswered probes after which the connection is given up.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    pub count: Option<u32>,
}

impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            backlog: 100,
            send_buffer: None,
            receive_buffer: None,
            keepalive: None,
            ipv6: true,
            type_of_service: None,
            retransmission_timeout: None,
            device: None,
            allowed: Vec::new(),
        }
    }
}
