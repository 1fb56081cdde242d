//! Who a socket is to its peers.

use ferromq_wire::Part;

use super::{Builder, SocketType};

impl<S: SocketType> Builder<S> {
    /// The routing id announced to peers: a ROUTER knows this socket by it. 1 to 255 bytes, not
    /// beginning with a zero byte. Default: none. Announced by REQ, DEALER and ROUTER sockets.
    #[doc(alias = "ZMQ_ROUTING_ID")]
    pub fn routing_id(mut self, id: impl Into<Part>) -> Self {
        self.options.routing_id = Some(id.into());
        self
    }

    /// Announces a property to every peer, beside those announced already; the peer's application
    /// sees it in [`Peer::metadata`](crate::Peer::metadata). The name begins with `X-` and has at
    /// most 255 letters, digits and `-_.+` (RFC 37, "Connection Metadata"); there is one value for
    /// a name, whatever its case. At most 100 properties, of 60 KiB in all. Default: none.
    #[doc(alias = "ZMQ_METADATA")]
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Part>) -> Self {
        self.options.metadata.push((name.into(), value.into()));
        self
    }
}
