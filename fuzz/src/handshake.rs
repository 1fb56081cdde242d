//! A handshake of each mechanism, role and version with a peer that sends anything.

use ferromq_wire::{
    CurveClient, CurveServer, Denial, Handshake, HandshakeConfig, KeyPair, Mechanism, Null, Output,
    Part, PlainClient, PlainServer, SecretKey, SocketType, Violation, Zeroizing, ZmtpVersion,
};

use crate::Input;
use crate::traffic::Reader;

/// The socket types that there are peers for.
pub(crate) const TYPES: [SocketType; 11] = [
    SocketType::Dealer,
    SocketType::Router,
    SocketType::Req,
    SocketType::Rep,
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Xpub,
    SocketType::Xsub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pair,
];

/// What a side brings.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Null,
    PlainClient,
    PlainServer,
    CurveClient,
    CurveServer,
}

pub(crate) const KINDS: [Kind; 5] = [
    Kind::Null,
    Kind::PlainClient,
    Kind::PlainServer,
    Kind::CurveClient,
    Kind::CurveServer,
];

/// Keys that are the same in every run: what was found has to be found again.
fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

impl Kind {
    fn mechanism(self) -> Box<dyn Mechanism> {
        match self {
            Self::Null => Box::new(Null::new()),
            Self::PlainClient => Box::new(PlainClient::new("user", "password")),
            Self::PlainServer => Box::new(PlainServer::new()),
            Self::CurveClient => {
                let entropy = Zeroizing::new([7; CurveClient::ENTROPY]);
                Box::new(CurveClient::new(keys(2), keys(1).public, entropy))
            }
            Self::CurveServer => {
                let mut entropy = Zeroizing::new([9; CurveServer::ENTROPY]);
                entropy[32..64].fill(8);
                Box::new(CurveServer::new(keys(1), entropy))
            }
        }
    }

    fn is_server(self) -> bool {
        matches!(self, Self::PlainServer | Self::CurveServer)
    }
}

/// One side of a connection, from its beginning on.
pub(crate) struct Side {
    handshake: Handshake,
    /// What is done about a claim.
    verdict: Option<Denial>,
    /// What came and was not taken.
    rest: Vec<u8>,
    /// What is to be sent.
    pub(crate) said: Vec<u8>,
    pub(crate) sealer: Option<Box<dyn ferromq_wire::Seal>>,
    pub(crate) encoder: Option<ferromq_wire::Encoder>,
    /// What reads the traffic, once it is there.
    pub(crate) reader: Option<Reader>,
}

impl Side {
    /// A side that the input describes.
    pub(crate) fn new(kind: Kind, socket_type: SocketType, input: &mut Input<'_>) -> Self {
        let mut config = HandshakeConfig::new(socket_type);
        config.as_server = kind.is_server();
        config.limits = crate::traffic::limits(input);
        let options = input.byte();
        if options & 1 != 0 {
            config.routing_id = Some(Part::from("name"));
        }
        if options & 2 != 0 {
            config
                .metadata
                .push(("X-More".to_owned(), Part::from("value")));
        }
        config.minimum = match options >> 2 & 3 {
            0 | 1 => ZmtpVersion::V3_0,
            2 => ZmtpVersion::V2_0,
            _ => ZmtpVersion::V1_0,
        };
        let denials = [Denial::Temporary, Denial::Unauthorized, Denial::Internal];
        let verdict = (options & 16 != 0).then(|| input.one_of(&denials));
        let mut side = Self {
            handshake: Handshake::new(config, kind.mechanism()),
            verdict,
            rest: Vec::new(),
            said: Vec::new(),
            sealer: None,
            encoder: None,
            reader: None,
        };
        side.speak();
        side
    }

    /// Takes bytes of the peer.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if let Some(reader) = &mut self.reader {
            return reader.read(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let rest = std::mem::take(&mut self.rest);
        let mut input = &rest[..];
        loop {
            let before = input.len();
            let heard = self.handshake.handle_input(&mut input);
            let asked = self.speak();
            heard?;
            if !asked && input.len() == before {
                break;
            }
        }
        match &mut self.reader {
            Some(reader) => reader.read(input),
            None => {
                self.rest = input.to_vec();
                Ok(())
            }
        }
    }

    /// Does what the handshake asks for. True: a decision was made, so that it can go on.
    fn speak(&mut self) -> bool {
        let mut asked = false;
        loop {
            match self.handshake.poll_output() {
                Output::Send(bytes) => self.said.extend(bytes),
                Output::NeedInput => return asked,
                Output::Decide(_) => {
                    asked = true;
                    match self.verdict {
                        None => self.handshake.allow(),
                        Some(denial) => self.handshake.deny(denial),
                    }
                }
                Output::Done(established) => {
                    self.sealer = established.sealer;
                    self.encoder = Some(established.encoder);
                    self.reader = Some(Reader::with(established.decoder, 1, false));
                }
            }
        }
    }
}

/// Any bytes as what a peer says: whole or in pieces, it ends alike and is told the same.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let (kind, socket_type) = (input.one_of(&KINDS), input.one_of(&TYPES));
    let piece = usize::from(input.byte()) + 1;
    let mut cut = Side::new(kind, socket_type, &mut input.clone());
    let mut whole = Side::new(kind, socket_type, &mut input);
    let bytes = input.rest();
    let at_once = whole.hear(bytes);
    let in_pieces = bytes.chunks(piece).try_for_each(|piece| cut.hear(piece));
    assert_eq!(at_once, in_pieces);
    assert_eq!(whole.said, cut.said);
    let incoming = |side: &Side| side.reader.as_ref().map(|it| it.incoming().to_vec());
    assert_eq!(incoming(&whole), incoming(&cut));
    if let Err(violation) = at_once {
        // Who has failed stays so.
        assert!(whole.reader.is_some() || whole.hear(b"more") == Err(violation));
    }
}
