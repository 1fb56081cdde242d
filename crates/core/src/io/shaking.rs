//! A handshake over its stream: reads, answers and watches as far as it goes.
//!
//! The machine is [`Handshake`]; what is here brings it its bytes. What the peer sent behind its
//! handshake stays in `input`, for the decoder.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Wake, Waker};

use ferromq_wire::{Claim, Established, Handshake, HandshakeConfig, Mechanism, Output, PeerInfo};

use super::socks::Socks;
use super::{IoCommand, IoHandle};
use crate::authentication::{Applicant, Decision, User, Verdict};
use crate::event::{ConnectionId, Reason};
use crate::pattern::{Peer, PipeId};
use crate::world::{Interest, Reactor, Stream, is_for_later};

/// Handshakes are small: nothing larger than this is read ahead of them.
const HANDSHAKE_READ: usize = 4 * 1024;

/// A connection whose handshake is under way.
pub(super) struct Shaking {
    pub(super) stream: Arc<dyn Stream>,
    pub(super) input: Vec<u8>,
    /// The proxy that is asked for the connection first.
    socks: Option<Socks>,
    handshake: Handshake,
    output: Vec<u8>,
    written: usize,
    established: Option<Box<Established>>,
    /// Asked by the machine, and not yet by the session.
    claim: Option<Claim>,
    /// About whom it is decided, until it is; without the password.
    decision: Option<(Applicant, Decision)>,
    /// Who was refused, and why.
    denied: Option<(Applicant, String)>,
    /// Who was allowed.
    user: Option<User>,
}

/// How far a handshake has come.
pub(super) enum Progress {
    /// It waits for the peer, or for a decision.
    Waits,
    /// Somebody has to decide about the peer.
    Asks(Claim),
    /// Established, and everything said.
    Over(Box<Established>),
}

impl Shaking {
    /// A handshake at its beginning.
    pub(super) fn new(
        stream: Arc<dyn Stream>,
        config: HandshakeConfig,
        mechanism: Box<dyn Mechanism>,
        socks: Option<Socks>,
    ) -> Self {
        Self {
            stream,
            handshake: Handshake::new(config, mechanism),
            input: Vec::new(),
            socks,
            output: Vec::new(),
            written: 0,
            established: None,
            claim: None,
            decision: None,
            denied: None,
            user: None,
        }
    }

    /// Who it is, now that it is known.
    pub(super) fn describe(
        &mut self,
        told: PeerInfo,
        pipe: PipeId,
        connection: ConnectionId,
    ) -> Arc<Peer> {
        Arc::new(Peer {
            pipe,
            connection,
            version: Some(told.version),
            socket_type: told.socket_type,
            routing_id: told.routing_id,
            address: self.stream.peer_address(),
            metadata: told.metadata,
            user: self.user.take(),
        })
    }

    /// About whom is to be decided.
    pub(super) fn applicant(&self, claim: Claim, domain: &str) -> Applicant {
        let peer = self.handshake.peer();
        Applicant {
            claim,
            address: host(self.stream.peer_address()),
            domain: domain.to_owned(),
            routing_id: peer.map(|peer| peer.routing_id.clone()).unwrap_or_default(),
            metadata: peer.map(|peer| peer.metadata.clone()).unwrap_or_default(),
        }
    }

    /// The handshake goes on when this is decided.
    pub(super) fn wait_for(&mut self, applicant: Applicant, decision: Decision) {
        self.decision = Some((applicant, decision));
    }

    /// The peer was given time to speak first.
    pub(super) fn speak_up(&mut self) {
        self.handshake.speak_up();
    }

    /// Who was refused, and why in words.
    pub(super) fn denied(&mut self) -> Option<(Box<Applicant>, String)> {
        let (applicant, text) = self.denied.take()?;
        Some((Box::new(applicant), text))
    }

    /// Reads, answers and watches as far as it goes. Nothing is read while it waits for a decision.
    pub(super) fn advance(
        &mut self,
        reactor: &Arc<dyn Reactor>,
        key: u64,
    ) -> Result<Progress, Reason> {
        loop {
            let failed = self.decide().and_then(|()| self.step());
            let flushed = self.flush();
            failed?;
            if self.written == self.output.len()
                && let Some(established) = self.established.take()
            {
                return Ok(Progress::Over(established));
            }
            if let Some(claim) = self.claim.take() {
                return Ok(Progress::Asks(claim));
            }
            // What the peer has said is heard even if it hears nothing any more.
            if !self.listens() || !self.read()? {
                flushed?;
                break;
            }
        }
        let interest = Interest {
            read: self.listens(),
            write: self.written < self.output.len(),
        };
        reactor
            .arm(self.stream.source(), key, interest)
            .map_err(|error| Reason::Io(error.kind()))?;
        Ok(Progress::Waits)
    }

    fn listens(&self) -> bool {
        self.established.is_none() && self.decision.is_none()
    }

    /// Looks whether a decision was made, and carries it out.
    fn decide(&mut self) -> Result<(), Reason> {
        let Some((_, decision)) = &mut self.decision else {
            return Ok(());
        };
        match (decision.poll(), self.decision.take()) {
            (None, waiting) => self.decision = waiting,
            (Some(Verdict::Allow(user)), _) => {
                self.user = Some(user).filter(|user| *user != User::default());
                self.handshake.allow();
            }
            (Some(Verdict::Deny { denial, text }), decided) => {
                self.denied = decided.map(|(applicant, _)| (applicant, text));
                self.handshake.deny(denial);
                self.speak();
                return Err(Reason::Denied(denial));
            }
        }
        Ok(())
    }

    /// Feeds the proxy's machine what was read, and collects what it says. False: it goes on.
    fn step_proxy(&mut self) -> Result<bool, Reason> {
        let Some(socks) = &mut self.socks else {
            return Ok(true);
        };
        let mut input = self.input.as_slice();
        let handled = socks.handle_input(&mut input);
        let used = self.input.len() - input.len();
        self.input.drain(..used);
        self.output.append(&mut socks.take_output());
        handled?;
        let over = socks.is_over();
        if over {
            self.socks = None;
        }
        Ok(over)
    }

    /// Feeds the machine what was read, and collects what it says.
    fn step(&mut self) -> Result<(), Reason> {
        if !self.step_proxy()? {
            return Ok(());
        }
        let mut input = self.input.as_slice();
        let handled = match self.established {
            Some(_) => Ok(()),
            None => self.handshake.handle_input(&mut input),
        };
        let used = self.input.len() - input.len();
        self.input.drain(..used);
        self.speak();
        handled.map_err(|violation| match self.handshake.peer_denial() {
            Some(denial) => Reason::DeniedByPeer(denial),
            None => Reason::Violation(violation),
        })
    }

    /// Collects what the machine has to say, or to ask.
    fn speak(&mut self) {
        loop {
            match self.handshake.poll_output() {
                Output::Send(bytes) => self.output.extend_from_slice(&bytes),
                Output::NeedInput => return,
                Output::Decide(claim) => self.claim = Some(claim),
                Output::Done(established) => {
                    self.established = Some(established);
                    return;
                }
            }
        }
    }

    /// Writes what fits.
    fn flush(&mut self) -> Result<(), Reason> {
        while let Some(rest @ [_, ..]) = self.output.get(self.written..) {
            match self.stream.write(&[io::IoSlice::new(rest)]) {
                Ok(written) => self.written += written,
                Err(error) if is_for_later(&error) => break,
                Err(error) => return Err(Reason::Io(error.kind())),
            }
        }
        Ok(())
    }

    /// Reads a little. False: nothing is there now.
    fn read(&mut self) -> Result<bool, Reason> {
        self.input.reserve(HANDSHAKE_READ);
        match self.stream.read(&mut self.input, HANDSHAKE_READ) {
            Ok(0) => Err(Reason::Ended),
            Ok(_) => Ok(true),
            Err(error) if is_for_later(&error) => Ok(false),
            Err(error) => Err(Reason::Io(error.kind())),
        }
    }
}

/// Wakes an I/O thread for a handshake that may have been decided about.
pub(super) fn decided(io: &IoHandle, key: u64) -> Waker {
    let io = io.clone();
    Waker::from(Arc::new(Decided { io, key }))
}

struct Decided {
    io: IoHandle,
    key: u64,
}

impl Wake for Decided {
    fn wake(self: Arc<Self>) {
        self.io.post(IoCommand::Decided(self.key));
    }
}

/// An address without its port, where it has one.
fn host(address: String) -> String {
    match address.parse::<SocketAddr>() {
        Ok(address) => address.ip().to_canonical().to_string(),
        Err(_) => address,
    }
}
