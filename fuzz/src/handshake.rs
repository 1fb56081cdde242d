//! A handshake of each mechanism, role and version with a peer that sends anything.

use ferromq_wire::{
    CurveClient, CurveServer, Denial, Handshake, HandshakeConfig, KeyPair, Mechanism, Null, Output,
    Part, PlainClient, PlainServer, SecretKey, SocketType, Violation, Zeroizing, ZmtpVersion,
};

use crate::Input;
use crate::hidden::{PASSWORD, assert_hidden};
use crate::traffic::{Reader, assert_named};

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
    /// NULL that asks who is there.
    Asking,
}

pub(crate) const KINDS: [Kind; 6] = [
    Kind::Null,
    Kind::PlainClient,
    Kind::PlainServer,
    Kind::CurveClient,
    Kind::CurveServer,
    Kind::Asking,
];

/// Keys that are the same in every run: what was found has to be found again.
pub(crate) fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

impl Kind {
    pub(crate) fn mechanism(self) -> Box<dyn Mechanism> {
        match self {
            Self::Asking => Box::new(Null::asking()),
            Self::Null => Box::new(Null::new()),
            Self::PlainClient => Box::new(PlainClient::new("user", PASSWORD)),
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
    /// The name of its mechanism.
    mechanism: &'static str,
    /// All that came.
    heard: Vec<u8>,
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
            0 => ZmtpVersion::V3_0,
            1 => ZmtpVersion::V3_1,
            2 => ZmtpVersion::V2_0,
            _ => ZmtpVersion::V1_0,
        };
        let denials = [Denial::Temporary, Denial::Unauthorized, Denial::Internal];
        if options & 32 != 0 {
            config.limits.max_handshake = 80;
        }
        let verdict = (options & 16 != 0).then(|| input.one_of(&denials));
        let mechanism = kind.mechanism();
        let mut side = Self {
            mechanism: mechanism.name(),
            handshake: Handshake::new(config, mechanism),
            verdict,
            heard: Vec::new(),
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
        self.heard.extend_from_slice(bytes);
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

    /// What the handshake tells of itself and its peer.
    fn assert_shown(&self) {
        assert_hidden(&self.handshake, &self.heard);
        assert_hidden(&self.sealer, &self.heard);
        let (reason, denial) = (self.handshake.peer_reason(), self.handshake.peer_denial());
        if let Some(denial) = denial {
            assert_eq!(reason, Some(denial.code().as_bytes()));
        }
        // Given out together with the traffic's two directions.
        assert!(self.reader.is_none() || self.handshake.peer().is_none());
    }

    /// Does what the handshake asks for. True: a decision was made, so that it can go on.
    fn speak(&mut self) -> bool {
        let mut asked = false;
        loop {
            assert_hidden(&self.handshake, &self.heard);
            let peer = self.handshake.peer().cloned();
            let output = self.handshake.poll_output();
            assert_hidden(&output, &self.heard);
            match output {
                Output::Send(bytes) => self.said.extend(bytes),
                Output::NeedInput => return asked,
                Output::Decide(claim) => {
                    asked = true;
                    assert_eq!(claim.mechanism(), self.mechanism);
                    // Nothing is taken before it is decided.
                    let mut more = &b"more"[..];
                    assert_eq!(self.handshake.handle_input(&mut more), Ok(()));
                    assert_eq!(more, b"more");
                    match self.verdict {
                        None => self.handshake.allow(),
                        Some(denial) => self.handshake.deny(denial),
                    }
                }
                Output::Done(established) => {
                    assert_eq!(peer, Some(established.peer));
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
    let in_pieces = bytes.chunks(piece).try_for_each(|piece| {
        // Nobody is asked about between two pieces: that decides nothing.
        cut.handshake.deny(Denial::Internal);
        cut.handshake.allow();
        cut.hear(piece)
    });
    assert_eq!(at_once, in_pieces);
    assert_eq!(whole.said, cut.said);
    let incoming = |side: &Side| side.reader.as_ref().map(|it| it.incoming().to_vec());
    assert_eq!(incoming(&whole), incoming(&cut));
    whole.assert_shown();
    if let Err(violation) = at_once {
        assert_named(violation);
        // Who has failed stays so.
        assert!(whole.reader.is_some() || whole.hear(b"more") == Err(violation));
    }
}
