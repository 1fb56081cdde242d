//! How byte streams are made: tcp and ipc.

use ferromq_transport::Keepalive;

use super::{Builder, SocketType};

impl<S: SocketType> Builder<S> {
    /// How many connections wait to be accepted. Default: 100.
    #[doc(alias = "ZMQ_BACKLOG")]
    pub fn backlog(mut self, connections: u32) -> Self {
        self.options.transport.backlog = connections;
        self
    }

    /// Sizes of the kernel's buffers in bytes, sending and receiving. Default: the system's.
    #[doc(alias = "ZMQ_SNDBUF")]
    #[doc(alias = "ZMQ_RCVBUF")]
    pub fn kernel_buffers(mut self, send: Option<usize>, receive: Option<usize>) -> Self {
        self.options.transport.send_buffer = send;
        self.options.transport.receive_buffer = receive;
        self
    }

    /// TCP keepalive. Default: the system's.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.options.transport.keepalive = Some(keepalive);
        self
    }

    /// Whether IPv6 addresses are used. Default: true (libzmq: false).
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(mut self, ipv6: bool) -> Self {
        self.options.transport.ipv6 = ipv6;
        self
    }
}
