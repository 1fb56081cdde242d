//! Options that may be changed while the socket is used.

use std::time::Duration;

use super::Socket;
use crate::context::LONGEST_LINGER;
use crate::error::BuildError;
use crate::pattern::Pattern;

impl<P: Pattern> Socket<P> {
    /// How long `send` waits at most, in calls that begin after this one; `None`: without limit.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        let port = self.shared().port();
        port.change(|options| options.send_timeout = timeout);
    }

    /// How long `recv` waits at most, in calls that begin after this one; `None`: without limit.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn set_receive_timeout(&self, timeout: Option<Duration>) {
        let port = self.shared().port();
        port.change(|options| options.receive_timeout = timeout);
    }

    /// How long what is queued may be flushed after the socket is closed, or an endpoint let go of,
    /// later than this; zero drops it.
    ///
    /// *Errors*: [`BuildError::OutOfRange`]: more than a day. Nothing changes.
    #[doc(alias = "ZMQ_LINGER")]
    pub fn set_linger(&self, linger: Duration) -> Result<(), BuildError> {
        if linger > LONGEST_LINGER {
            return BuildError::out_of_range("linger");
        }
        let port = self.shared().port();
        port.change(|options| options.linger = linger);
        Ok(())
    }

    /// The pause before the first attempt to reconnect, and the longest one, of every endpoint from
    /// its next pause on: see [`Builder::reconnect_interval`](crate::Builder::reconnect_interval).
    ///
    /// *Errors*: [`BuildError::OutOfRange`]: the first is zero or longer than the longest, or that
    /// is more than a day. Nothing changes.
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub fn set_reconnect_interval(
        &self,
        first: Duration,
        most: Duration,
    ) -> Result<(), BuildError> {
        let port = self.shared().port();
        let mut reconnect = port.changeable().reconnect;
        (reconnect.first, reconnect.most) = (first, most);
        if !reconnect.is_valid() {
            return BuildError::out_of_range("reconnect_interval");
        }
        port.change(|options| options.reconnect = reconnect);
        Ok(())
    }
}
