//! Options that are changed while the socket is used: those that have a method, and all others.

use std::sync::Arc;
use std::time::Duration;

use super::Socket;
use crate::builder::{Builder, SocketType};
use crate::context::LONGEST_LINGER;
use crate::error::{BuildError, UpdateError};
use crate::options::{Options, Reconnect};
use crate::pattern::Pattern;

impl<P: Pattern> Socket<P> {
    /// How long `send` waits at most, in calls that begin after this one; `None`: without limit.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn set_send_timeout(&self, timeout: Option<Duration>) {
        self.shared()
            .port()
            .change(|options| options.send_timeout = timeout);
    }

    /// How long `recv` waits at most, in calls that begin after this one; `None`: without limit.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn set_receive_timeout(&self, timeout: Option<Duration>) {
        self.shared()
            .port()
            .change(|options| options.receive_timeout = timeout);
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
        self.shared()
            .port()
            .change(|options| options.linger = Some(linger));
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
        let reconnect = Reconnect {
            first,
            most,
            ..Reconnect::default()
        };
        if !reconnect.is_valid() {
            return BuildError::out_of_range("reconnect_interval");
        }
        self.shared().port().change(|options| {
            options.reconnect.first = first;
            options.reconnect.most = most;
        });
        Ok(())
    }

    /// What [`socket_type!`](crate::socket_type) makes `update_options` of.
    #[doc(hidden)]
    pub fn update<S>(
        &self,
        mut change: impl FnMut(Builder<S>) -> Builder<S>,
    ) -> Result<(), UpdateError>
    where
        S: SocketType<Pattern = P>,
    {
        let context = &self.shared().context;
        loop {
            // This fails in a forked child, before any other lock.
            let settings = self.with_pattern(|pattern, _| S::settings(pattern))?;
            let before = self.shared().port().options();
            let present = Builder::of(Options::clone(&before), settings.clone());
            let (mut options, wanted) = change(present).checked(context)?;
            context.complete(&mut options);
            if let Some(option) = before.fixed(&options) {
                return Err(UpdateError::Fixed { option });
            }
            if self.exchange::<S>((&before, &settings), (options, wanted))? {
                return Ok(());
            }
        }
    }

    /// Puts other options in the place of those that were `before`. False: it is others by now.
    fn exchange<S>(
        &self,
        before: (&Arc<Options>, &S::Settings),
        after: (Options, S::Settings),
    ) -> Result<bool, UpdateError>
    where
        S: SocketType<Pattern = P>,
    {
        let (options, settings) = after;
        let options = Arc::new(options);
        // What was before is dropped when the socket is unlocked.
        let old = self.shared().with(|state| {
            if let Some(closed) = state.body.closed {
                return Err(UpdateError::Closed(closed));
            }
            if S::settings(&state.pattern) != *before.1 {
                return Ok(None);
            }
            let adjust = || S::adjust(&mut state.pattern, settings);
            let old = self
                .shared()
                .port()
                .exchange(before.0, Arc::clone(&options), adjust);
            let old = old.map_err(|option| UpdateError::Fixed { option })?;
            if old.is_some() {
                state.body.ready.set_marks(&options);
                // Who waits may have to wait no longer.
                state.body.wake_everybody();
            }
            Ok(old)
        })?;
        Ok(old.is_some())
    }
}
