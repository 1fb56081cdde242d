//! The sans-I/O connection by itself: handshake, decoder and encoder, without socket and stream.
//!
//! What a raw peer writes goes in, what it reads has come out; nothing waits.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferromq_testkit::mock::Wire;
use ferromq_wire::{
    Command, Decoder, Encoder, Handshake, HandshakeConfig, Incoming, Message, Null, Output,
    Violation,
};
use parking_lot::Mutex;

/// One side of a connection.
#[derive(Debug)]
pub(super) struct Machine {
    phase: Phase,
    output: Vec<u8>,
    /// What the peer sent and the phase has not taken yet.
    input: Vec<u8>,
    delivered: Vec<Incoming>,
    ended: Option<Violation>,
}

#[derive(Debug)]
enum Phase {
    Shaking(Box<Handshake>),
    Live(Decoder, Encoder),
}

impl Machine {
    pub(super) fn new(config: HandshakeConfig) -> Self {
        let mut machine = Self {
            phase: Phase::Shaking(Box::new(Handshake::new(config, Box::new(Null::new())))),
            output: Vec::new(),
            input: Vec::new(),
            delivered: Vec::new(),
            ended: None,
        };
        machine.advance();
        machine
    }

    /// Why the connection is over, if it is.
    pub(super) fn ended(&self) -> Option<Violation> {
        self.ended
    }

    /// True once the handshake is over.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live(..))
    }

    /// Takes what was delivered.
    pub(super) fn take_delivered(&mut self) -> Vec<Incoming> {
        std::mem::take(&mut self.delivered)
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: &Message) {
        match &self.phase {
            Phase::Live(_, encoder) => encoder.encode_message(message, &mut self.output),
            Phase::Shaking(_) => panic!("the handshake is not over"),
        }
    }

    /// Sends a command.
    pub(super) fn command(&mut self, command: &Command) {
        match &self.phase {
            Phase::Live(_, encoder) => encoder.encode_command(command, &mut self.output),
            Phase::Shaking(_) => panic!("the handshake is not over"),
        }
    }

    fn take_in(&mut self, bytes: &[u8]) {
        if self.ended.is_none() {
            self.input.extend_from_slice(bytes);
            self.advance();
        }
    }

    fn advance(&mut self) {
        if let Phase::Shaking(handshake) = &mut self.phase {
            let mut rest = self.input.as_slice();
            self.ended = handshake.handle_input(&mut rest).err();
            self.input = rest.to_vec();
            let established = loop {
                match handshake.poll_output() {
                    Output::Send(bytes) => self.output.extend(bytes),
                    Output::NeedInput => break None,
                    Output::Decide(_) => handshake.allow(),
                    Output::Done(established) => break Some(established),
                }
            };
            let Some(established) = established else {
                return;
            };
            self.delivered
                .extend(established.implied.map(Incoming::Command));
            self.phase = Phase::Live(established.decoder, established.encoder);
        }
        if let Phase::Live(decoder, _) = &mut self.phase {
            let mut rest = self.input.as_slice();
            let decoded = decoder.decode(&mut rest, usize::MAX, &mut self.delivered);
            self.input = rest.to_vec();
            self.ended = decoded.err();
        }
    }
}

/// The wire to a machine; it is shared with who looks at what it delivers.
#[derive(Debug)]
pub(super) struct MachineWire(pub(super) Arc<Mutex<Machine>>);

impl Wire for MachineWire {
    fn write_all(&mut self, bytes: &[u8], _: Duration) -> io::Result<()> {
        self.0.lock().take_in(bytes);
        Ok(())
    }

    fn read(&mut self, into: &mut Vec<u8>, _: Duration) -> io::Result<usize> {
        let mut machine = self.0.lock();
        match (machine.output.len(), machine.ended) {
            (0, None) => Err(io::ErrorKind::TimedOut.into()),
            (count, _) => {
                into.append(&mut machine.output);
                Ok(count)
            }
        }
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn explain(&self) -> String {
        format!("{:?}", self.0.lock())
    }
}
