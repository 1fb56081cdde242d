//! What the application takes back from lost peers.

use ferromq_wire::Message;

use super::Socket;
use crate::pattern::Requeues;

impl<P: Requeues> Socket<P> {
    /// Takes the messages back that lost peers were not given, each as it was sent, in the order of
    /// sending to each peer; none unless the socket was built with
    /// [`OnPeerLost::Return`](crate::OnPeerLost::Return).
    ///
    /// Never waits: [`Event::Returned`](crate::Event::Returned) tells when there is something to
    /// take, and can be waited for in each form that [`events`](Socket::events) has. What is not
    /// taken is kept, also while the socket is closed, and counts against no high-water mark. It is
    /// at most what was queued for the peers that were lost.
    pub fn take_returned(&self) -> Vec<Message> {
        let shared = self.shared();
        let mut returned = shared.with(|state| std::mem::take(&mut state.body.returned));
        std::iter::from_fn(|| returned.pop_front())
            .map(|mut message| {
                P::restore(&mut message);
                message
            })
            .collect()
    }
}
