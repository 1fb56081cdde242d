//! How byte streams are made: tcp and ipc.

use std::time::Duration;

use ferromq_transport::{Allowed, Keepalive};

use super::{Builder, SocketType};
use crate::error::BuildError;

impl<S: SocketType> Builder<S> {
    /// Which I/O threads may serve this socket's endpoints: bit 0 for the first one. Without one of
    /// the context's threads it is out of range. Default: 0, all of them.
    #[doc(alias = "ZMQ_AFFINITY")]
    pub fn affinity(mut self, threads: u64) -> Self {
        self.options.affinity = threads;
        self
    }

    /// How many connections wait to be accepted, at least one; the system may have a bound of its
    /// own. Default: 100.
    #[doc(alias = "ZMQ_BACKLOG")]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.options.transport.backlog = connections;
        self
    }

    /// Sizes of the kernel's buffers in bytes, sending and receiving: 1 to 2³¹ − 1, of which the
    /// system makes what it allows. Default: the system's.
    #[doc(alias = "ZMQ_SNDBUF")]
    #[doc(alias = "ZMQ_RCVBUF")]
    pub fn kernel_buffers(mut self, send: Option<usize>, receive: Option<usize>) -> Self {
        self.options.transport.send_buffer = send;
        self.options.transport.receive_buffer = receive;
        self
    }

    /// TCP keepalive probes: how long a silent connection is left alone, and when it is given up.
    /// Times are 1 to 32 767 s, probes 1 to 127. Default: the system's, which is usually none.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.options.transport.keepalive = Some(keepalive);
        self
    }

    /// How long sent bytes may stay unacknowledged before a TCP connection is given up; whole
    /// milliseconds, at least one. Linux only: elsewhere binding and dialing fail. Default: the
    /// system's, which is many minutes.
    #[doc(alias = "ZMQ_TCP_MAXRT")]
    pub fn retransmission_timeout(mut self, timeout: Duration) -> Self {
        self.options.transport.retransmission_timeout = Some(timeout);
        self
    }

    /// The type of service (IPv4) or traffic class (IPv6) of TCP packets: six bits of DSCP before
    /// two of ECN. Default: the system's, which is 0.
    #[doc(alias = "ZMQ_TOS")]
    pub fn type_of_service(mut self, value: u8) -> Self {
        self.options.transport.type_of_service = Some(value);
        self
    }

    /// The network interface that all TCP connections go through, whatever the routing table says
    /// (1 to 15 bytes). Linux only, where it may take a privilege: else binding and dialing fail.
    /// Default: any.
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub fn device(mut self, interface: impl Into<String>) -> Self {
        self.options.transport.device = Some(interface.into());
        self
    }

    /// Takes ipc connections of this user (effective id), besides those allowed otherwise. As soon
    /// as anything is allowed, others are closed as they come
    /// ([`Event::AcceptFailed`](crate::Event::AcceptFailed), `PermissionDenied`). Where the system
    /// does not tell credentials (other systems than Linux), that is everybody. Default: anybody.
    #[doc(alias = "ZMQ_IPC_FILTER_UID")]
    pub fn allow_user(mut self, uid: u32) -> Self {
        self.options.transport.allowed.push(Allowed::User(uid));
        self
    }

    /// Takes ipc connections of this group (effective id; libzmq: supplementary groups too), as
    /// [`allow_user`](Self::allow_user) those of a user.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_IPC_FILTER_GID")]
    pub fn allow_group(mut self, gid: u32) -> Self {
        self.options.transport.allowed.push(Allowed::Group(gid));
        self
    }

    /// Takes ipc connections of this process, as [`allow_user`](Self::allow_user) those of a user.
    #[doc(alias = "ZMQ_IPC_FILTER_PID")]
    pub fn allow_process(mut self, pid: u32) -> Self {
        self.options.transport.allowed.push(Allowed::Process(pid));
        self
    }

    /// Whether IPv6 addresses are used. Default: that of the
    /// [context](crate::ContextBuilder::ipv6), true (libzmq: false).
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(mut self, ipv6: bool) -> Self {
        self.options.ipv6 = Some(ipv6);
        self
    }

    pub(super) fn check_transport(&self) -> Result<(), BuildError> {
        let options = &self.options.transport;
        if options.backlog == 0 {
            return BuildError::out_of_range("backlog");
        }
        let buffers = [options.send_buffer, options.receive_buffer];
        if buffers
            .into_iter()
            .flatten()
            .any(|size| !(1..=LARGEST).contains(&size))
        {
            return BuildError::out_of_range("kernel_buffers");
        }
        if options
            .keepalive
            .is_some_and(|keepalive| !is_possible(keepalive))
        {
            return BuildError::out_of_range("keepalive");
        }
        let timeout = options
            .retransmission_timeout
            .map(|timeout| timeout.as_millis());
        if timeout.is_some_and(|millis| !(1..=LARGEST as u128).contains(&millis)) {
            return BuildError::out_of_range("retransmission_timeout");
        }
        let device = options.device.as_ref().map(String::len);
        if device.is_some_and(|len| !(1..=15).contains(&len)) {
            return BuildError::out_of_range("device");
        }
        Ok(())
    }
}

/// The system takes no larger number.
const LARGEST: usize = i32::MAX as usize;

/// Linux takes at most 32 767 seconds, and 127 probes.
fn is_possible(keepalive: Keepalive) -> bool {
    let possible =
        |time: Option<Duration>| time.is_none_or(|time| (1..=32_767).contains(&time.as_secs()));
    let probes = keepalive
        .count
        .is_none_or(|count| (1..=127).contains(&count));
    possible(keepalive.idle) && possible(keepalive.interval) && probes
}
