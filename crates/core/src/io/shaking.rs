//! A handshake over its stream: reads, answers and watches as far as it goes.
//!
//! The machine is [`Handshake`]; what is here brings it its bytes. What the peer sent behind its
//! handshake stays in `input`, for the decoder.

use std::io;
use std::sync::Arc;

use ferromq_wire::{Established, Handshake, HandshakeConfig, Null, Output};

use crate::event::Reason;
use crate::world::{Interest, Reactor, Stream};

/// Handshakes are small: nothing larger than this is read ahead of them.
const HANDSHAKE_READ: usize = 4 * 1024;

/// A connection whose handshake is under way.
pub(super) struct Shaking {
    pub(super) stream: Arc<dyn Stream>,
    pub(super) input: Vec<u8>,
    handshake: Handshake,
    output: Vec<u8>,
    written: usize,
    established: Option<Box<Established>>,
}

impl Shaking {
    /// A handshake at its beginning.
    pub(super) fn new(stream: Arc<dyn Stream>, config: HandshakeConfig) -> Self {
        Self {
            stream,
            handshake: Handshake::new(config, Box::new(Null::new())),
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            established: None,
        }
    }

    /// Reads, answers and watches as far as it goes. `Some`: established, and everything said.
    pub(super) fn advance(
        &mut self,
        reactor: &Arc<dyn Reactor>,
        key: u64,
    ) -> Result<Option<Box<Established>>, Reason> {
        loop {
            let failed = self.step();
            let flushed = self.flush();
            failed?;
            if self.is_over() {
                return Ok(self.established.take());
            }
            // What the peer has said is heard even if it hears nothing any more.
            if self.established.is_some() || !self.read()? {
                flushed?;
                break;
            }
        }
        let interest = Interest {
            read: self.established.is_none(),
            write: self.written < self.output.len(),
        };
        reactor
            .arm(self.stream.source(), key, interest)
            .map_err(|error| Reason::Io(error.kind()))?;
        Ok(None)
    }

    fn is_over(&self) -> bool {
        self.established.is_some() && self.written == self.output.len()
    }

    /// Feeds the machine what was read, and collects what it says.
    fn step(&mut self) -> Result<(), Reason> {
        let mut input = self.input.as_slice();
        let handled = match self.established {
            Some(_) => Ok(()),
            None => self.handshake.handle_input(&mut input),
        };
        let used = self.input.len() - input.len();
        self.input.drain(..used);
        loop {
            match self.handshake.poll_output() {
                Output::Send(bytes) => self.output.extend_from_slice(&bytes),
                Output::NeedInput => break,
                Output::Done(established) => {
                    self.established = Some(established);
                    break;
                }
            }
        }
        handled.map_err(Reason::Violation)
    }

    /// Writes what fits.
    fn flush(&mut self) -> Result<(), Reason> {
        while self.written < self.output.len() {
            let rest = io::IoSlice::new(&self.output[self.written..]);
            match self.stream.write(&[rest]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
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
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Reason::Io(error.kind())),
        }
    }
}
