//! Reaching a dialed endpoint: looking up its name, racing its addresses, and pausing before the
//! next attempt, if there is to be one.

use std::io;
use std::sync::Arc;

use ferromq_transport::{Address, Endpoint};

use super::{Context, Fate, Phase, Session};
use crate::event::{ConnectionId, Event};
use crate::io::IoCommand;
use crate::io::racing::{Race, Standing, Track};
use crate::world::Stream;

impl Session {
    /// The addresses of the endpoint's name.
    pub(in crate::io) fn handle_resolved(
        &mut self,
        result: io::Result<Vec<Address>>,
        cx: &mut Context<'_>,
    ) -> Fate {
        if !matches!(self.phase, Phase::Resolving) {
            return Fate::Lives;
        }
        match result {
            Ok(addresses) => {
                let timeout = self.options.connect_timeout;
                let end = timeout.map(|timeout| cx.now + timeout);
                self.phase = Phase::Dialing(Race::new(addresses, self.options.transport.ipv6, end));
                self.go_on_dialing(cx)
            }
            Err(error) => self.fail_dial(&error, cx),
        }
    }

    pub(super) fn resolve(&mut self, cx: &mut Context<'_>) {
        self.phase = Phase::Resolving;
        let (io, key) = (cx.io.clone(), self.key);
        let reply = move |result| io.post(IoCommand::Resolved(key, result));
        let proxy = self.options.proxy_for(&self.endpoint);
        let proxy = proxy.map(|proxy| Endpoint::Tcp(proxy.address));
        let endpoint = proxy.as_ref().unwrap_or(&self.endpoint);
        cx.world.resolve(endpoint, Box::new(reply));
    }

    pub(super) fn go_on_dialing(&mut self, cx: &mut Context<'_>) -> Fate {
        let Phase::Dialing(race) = &mut self.phase else {
            return Fate::Lives;
        };
        let options = &self.options.transport;
        let key = self.key;
        match race.advance(&Track { key, options, cx }) {
            Standing::Open(Some(at)) => self.set_deadline(at, cx),
            Standing::Open(None) => {}
            Standing::Won(stream) => return self.connected(stream, cx),
            Standing::Lost(error) => return self.fail_dial(&error, cx),
        }
        Fate::Lives
    }

    pub(super) fn connected(&mut self, stream: Arc<dyn Stream>, cx: &mut Context<'_>) -> Fate {
        self.connection = ConnectionId(cx.world.random());
        self.deadline = None;
        self.port.events.report(|| Event::Connected {
            connection: self.connection,
            endpoint: self.endpoint.clone(),
            peer_address: stream.peer_address(),
        });
        match self.shake(stream, cx) {
            Ok(()) => self.go_on_shaking(cx),
            Err(error) => self.fail_dial(&error, cx),
        }
    }

    pub(super) fn fail_dial(&mut self, error: &io::Error, cx: &mut Context<'_>) -> Fate {
        self.port.events.report(|| Event::ConnectFailed {
            endpoint: self.endpoint.clone(),
            error: error.kind(),
            code: error.raw_os_error(),
        });
        match self.options.reconnect.stop.refused {
            true if error.kind() == io::ErrorKind::ConnectionRefused => self.let_go(),
            _ => self.pause(cx),
        }
    }

    /// Waits for the next attempt, unless there is to be none.
    pub(super) fn pause(&mut self, cx: &mut Context<'_>) -> Fate {
        let stop = self.options.reconnect.stop;
        if stop.always || stop.disconnected && self.closing.is_some() {
            return self.let_go();
        }
        let policy = self.port.options().reconnect;
        // Else who ends each connection as soon as it is made would be dialed as often as can be.
        let established = self.established.take();
        let lasted = established.map(|since| cx.now.saturating_duration_since(since));
        if lasted.is_some_and(|lasted| lasted >= policy.longest_pause(self.attempt)) {
            self.attempt = 0;
        }
        let after = policy.pause(self.attempt, cx.world.random());
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Pausing;
        self.set_deadline(cx.now + after, cx);
        self.port.events.report(|| Event::Retry {
            endpoint: self.endpoint.clone(),
            after,
        });
        Fate::Lives
    }
}
