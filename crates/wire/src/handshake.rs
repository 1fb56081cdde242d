//! From the first byte to the first message: greeting, mechanism, metadata.
//!
//! ```text
//!   Greeting ──64 bytes of the peer──► Commands ──peer's metadata accepted──► Done ──► Over
//!       │  └──peer of 2.0 or 1.0──► Older ──its greeting read──► Done           │
//!       └───────────── any violation ──────────┴─────────────► Failed(violation)
//! ```
//!
//! The driving law: bytes of the peer go into [`Handshake::handle_input`]; after that, and once at
//! the beginning, [`Handshake::poll_output`] is called until it says [`Output::NeedInput`]. Input
//! is taken up to the end of the peer's last handshake command and not a byte further; none is
//! taken between [`Output::Decide`] and [`allow`](Handshake::allow) or [`deny`](Handshake::deny).

use std::fmt;

use crate::command::{parse_reason, split_name};
use crate::encode::{put_command, put_error};
use crate::frame::FrameHeader;
use crate::greeting::{Greeting, Heard, Older};
use crate::metadata::{self, Properties};
use crate::version::{V1_0, V3_0, Version, ZmtpVersion};
use crate::{
    Bytes, Claim, Command, Decoder, Encoder, Limits, Mechanism, Part, Seal, SocketType, Violation,
};

/// How PLAIN servers of libzmq, up to 4.3.5 at least, begin an ERROR: in C, `"\x5ERROR"` is not
/// what it looks like. No command that is known has such a name, of 94 bytes.
const LIBZMQ_ERROR: &[u8] = b"^RROR";

/// What one side brings into a handshake.
#[derive(Clone, Debug)]
pub struct HandshakeConfig {
    /// Our socket type; it decides which peers are accepted.
    pub socket_type: SocketType,
    /// Announced as Identity if there is one, even if it is empty. At most 255 bytes, the first not
    /// zero; the caller has checked that.
    pub routing_id: Option<Part>,
    /// Further properties to announce. Those that [`metadata::check`] refuses are left out.
    pub metadata: Properties,
    /// What is accepted from the peer.
    pub limits: Limits,
    /// We are the server of the mechanism. Announced unless the mechanism is NULL, which has none.
    pub as_server: bool,
    /// Peers of an older version are refused; with another mechanism than NULL, also those below
    /// 3.0. A minimum below 3.0 costs half a round trip, a whole one at most if both sides have it.
    pub minimum: ZmtpVersion,
}

impl HandshakeConfig {
    /// A socket of this type with nothing else to tell, default limits, and ZMTP 3.0 as minimum.
    pub fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            routing_id: None,
            metadata: Properties::new(),
            limits: Limits::default(),
            as_server: false,
            minimum: ZmtpVersion::default(),
        }
    }

    fn encoded_metadata(&self) -> Vec<u8> {
        let mut out = Vec::new();
        metadata::put(
            &mut out,
            metadata::SOCKET_TYPE,
            self.socket_type.as_str().as_bytes(),
        );
        if let Some(routing_id) = &self.routing_id {
            metadata::put(&mut out, metadata::IDENTITY, routing_id);
        }
        for (name, value) in self
            .metadata
            .iter()
            .filter(|(name, _)| !metadata::is_own(name))
        {
            metadata::put(&mut out, name, value);
        }
        out
    }
}

/// One side of the beginning of a connection.
///
/// # Examples
///
/// ```
/// use ferromq_wire::{Handshake, HandshakeConfig, Null, Output, SocketType, Violation};
///
/// let config = HandshakeConfig::new(SocketType::Pull);
/// let mut handshake = Handshake::new(config, Box::new(Null::new()));
/// assert!(matches!(handshake.poll_output(), Output::Send(greeting) if greeting.len() == 64));
/// assert!(matches!(handshake.poll_output(), Output::NeedInput));
///
/// let mut input: &[u8] = b"GET / HTTP/1.1\r\n";
/// assert_eq!(handshake.handle_input(&mut input), Err(Violation::BadSignature));
/// ```
pub struct Handshake {
    config: HandshakeConfig,
    mechanism: Box<dyn Mechanism>,
    state: State,
    /// To be sent.
    output: Vec<u8>,
    /// The beginning of a command that has not arrived as a whole.
    pending: Vec<u8>,
    /// Bytes of the peer that were taken.
    taken: usize,
    version: Version,
    peer_reason: Option<Vec<u8>>,
    /// A decision on the peer's claim is awaited.
    undecided: bool,
}

impl Handshake {
    /// A handshake at its beginning: the greeting is to be sent.
    pub fn new(config: HandshakeConfig, mechanism: Box<dyn Mechanism>) -> Self {
        let mut greeting = Greeting::new(&config, &*mechanism);
        let (mut output, pending, peer_reason) = (Vec::new(), Vec::new(), None);
        greeting.tell(&mut output);
        Self {
            config,
            mechanism,
            state: State::Greeting(greeting),
            output,
            pending,
            taken: 0,
            version: (0, 0),
            peer_reason,
            undecided: false,
        }
    }

    /// Takes bytes of the peer from the front of `input`: all of them, unless the handshake ends.
    /// What is left then is traffic, for the decoder.
    ///
    /// # Errors
    ///
    /// The peer broke the protocol, or is refused, or has refused us
    /// ([`Violation::PeerReportedError`], see [`peer_reason`](Self::peer_reason)). There may be
    /// output still: what tells the peer. Further calls give the same error.
    pub fn handle_input(&mut self, input: &mut &[u8]) -> Result<(), Violation> {
        let limit = self.config.limits.max_handshake;
        let allowed = limit.saturating_sub(self.taken);
        let (mut within, beyond) = input.split_at_checked(allowed).unwrap_or((input, &[]));
        let given = within.len();
        let advanced = self.advance(&mut within);
        let taken = given.saturating_sub(within.len());
        self.taken = self.taken.saturating_add(taken);
        *input = input.get(taken..).unwrap_or_default();
        let fits = beyond.is_empty() || !within.is_empty() || !self.takes_input();
        advanced
            .and_then(|()| fits.then_some(()).ok_or(Violation::HandshakeTooLarge))
            .inspect_err(|&violation| self.fail(violation))
    }

    /// What is to be done next. To be called until it gives [`Output::NeedInput`]; after a
    /// violation that means that there is nothing more to send.
    pub fn poll_output(&mut self) -> Output {
        if !self.output.is_empty() {
            return Output::Send(std::mem::take(&mut self.output));
        }
        if let Some(claim) = self.next_claim() {
            self.undecided = true;
            return Output::Decide(claim);
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Done(peer) if peer.version < V3_0 || self.mechanism.is_done() => {
                Output::Done(Box::new(self.established(peer)))
            }
            state => {
                self.state = state;
                Output::NeedInput
            }
        }
    }

    /// The peer is who it claims to be, and welcome: the handshake goes on. Nothing if that was not
    /// asked.
    pub fn allow(&mut self) {
        if std::mem::take(&mut self.undecided) {
            self.mechanism.allow();
            self.pump();
        }
    }

    /// The peer is refused. It is told so by ERROR, unless it may come again
    /// ([`Denial::Temporary`]): then the connection just closes, as libzmq's does. What is left to
    /// be done is to send that. Nothing if it was not asked.
    pub fn deny(&mut self, denial: Denial) {
        if std::mem::take(&mut self.undecided) {
            if denial != Denial::Temporary {
                put_error(&mut self.output, denial.code().as_bytes());
            }
            self.state = State::Over;
        }
    }

    /// The peer was given time to speak first: what waited for that is sent.
    pub fn speak_up(&mut self) {
        self.mechanism.speak_up();
        if matches!(self.state, State::Commands) {
            self.pump();
        }
    }

    /// What is known of the peer's properties, if they have come.
    pub fn peer(&self) -> Option<&PeerInfo> {
        match &self.state {
            State::Done(peer) => Some(peer),
            _ => None,
        }
    }

    /// The reason in the peer's ERROR, if it sent one: printable text by the specification, but any
    /// bytes in fact.
    pub fn peer_reason(&self) -> Option<&[u8]> {
        self.peer_reason.as_deref()
    }

    /// The denial in the peer's ERROR, if that is what it sent.
    pub fn peer_denial(&self) -> Option<Denial> {
        Denial::from_code(self.peer_reason()?)
    }

    fn next_claim(&self) -> Option<Claim> {
        let is_time = matches!(self.state, State::Commands | State::Done(_)) && !self.undecided;
        is_time.then(|| self.mechanism.claim()).flatten()
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<(), Violation> {
        if self.undecided {
            return Ok(());
        }
        if let State::Greeting(greeting) = &mut self.state {
            match greeting.read(input, &mut self.output)? {
                None => return Ok(()),
                Some(Heard::Whole(version)) => {
                    self.version = version;
                    self.state = State::Commands;
                    self.pump();
                }
                Some(Heard::Older(older)) => {
                    older.tell(&self.config, &mut self.output);
                    self.state = State::Older(older);
                }
            }
        }
        if let State::Older(older) = &mut self.state
            && let Some(peer) = older.read(input, self.config.socket_type)?
        {
            self.state = State::Done(peer);
        }
        while self.takes_commands() && self.read_command(input)? {
            let frame = std::mem::take(&mut self.pending);
            self.handle_frame(&frame)?;
        }
        match self.state {
            State::Failed(violation) => Err(violation),
            _ => Ok(()),
        }
    }

    fn takes_input(&self) -> bool {
        matches!(self.state, State::Greeting(_) | State::Older(_)) || self.takes_commands()
    }

    fn takes_commands(&self) -> bool {
        matches!(self.state, State::Commands) && self.mechanism.claim().is_none()
    }

    /// Moves bytes from `input` to `pending` until there is one whole command. False: not yet.
    fn read_command(&mut self, input: &mut &[u8]) -> Result<bool, Violation> {
        loop {
            let missing = match FrameHeader::parse(&self.pending)? {
                None => 1,
                Some((header, body)) => {
                    self.check(header)?;
                    header.len.saturating_sub(body.len() as u64)
                }
            };
            if missing == 0 {
                return Ok(true);
            }
            if input.is_empty() {
                return Ok(false);
            }
            let most = usize::try_from(missing).unwrap_or(usize::MAX);
            let (taken, rest) = input.split_at_checked(most).unwrap_or((input, &[]));
            self.pending.extend_from_slice(taken);
            *input = rest;
        }
    }

    fn check(&self, header: FrameHeader) -> Result<(), Violation> {
        if !header.command {
            return Err(Violation::UnexpectedMessage);
        }
        let fits = header.len <= self.config.limits.max_command as u64;
        if fits {
            Ok(())
        } else {
            Err(Violation::CommandTooLarge)
        }
    }

    fn handle_frame(&mut self, frame: &[u8]) -> Result<(), Violation> {
        let body = FrameHeader::parse(frame)?.map_or(&[][..], |(_, body)| body);
        let (name, data) = match body.strip_prefix(LIBZMQ_ERROR) {
            Some(reason) => (&b"ERROR"[..], reason),
            None => split_name(body)?,
        };
        if name == b"ERROR" {
            self.peer_reason = Some(parse_reason(data)?.to_vec());
            return Err(Violation::PeerReportedError);
        }
        self.mechanism.handle_command(name, data)?;
        if let Some(metadata) = self.mechanism.peer_metadata() {
            let properties = metadata::parse(metadata, &self.config.limits)?;
            self.state = State::Done(PeerInfo::new(self.version, properties, &self.config)?);
        }
        self.pump();
        Ok(())
    }

    /// Sends what the mechanism has to say.
    fn pump(&mut self) {
        let metadata = self.config.encoded_metadata();
        while let Some((name, data)) = self.mechanism.next_command(&metadata) {
            put_command(&mut self.output, name, &[&data]);
        }
    }

    fn established(&mut self, peer: PeerInfo) -> Established {
        let decoder = Decoder::for_peer(peer.version, self.config.limits);
        let (decoder, sealer) = match self.mechanism.take_session() {
            Some(session) => (decoder.opening(session.opener), Some(session.sealer)),
            None => (decoder, None),
        };
        let publishes = matches!(self.config.socket_type, SocketType::Pub | SocketType::Xpub);
        Established {
            encoder: Encoder::new(peer.version),
            decoder,
            sealer,
            implied: (publishes && peer.version == V1_0).then(|| Command::Subscribe(Bytes::new())),
            peer,
        }
    }

    /// Ends the handshake. A peer that is past its greeting is told why, unless it said so itself.
    fn fail(&mut self, violation: Violation) {
        let tell = match self.state {
            State::Greeting(_) | State::Older(_) | State::Failed(_) => false,
            State::Commands | State::Done(_) | State::Over => {
                self.mechanism.tells_errors() && violation != Violation::PeerReportedError
            }
        };
        if tell {
            put_error(&mut self.output, format!("{violation:?}").as_bytes());
        }
        self.state = State::Failed(violation);
    }
}

/// Without the bytes that come and go: there may be a password among them.
impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("config", &self.config)
            .field("mechanism", &self.mechanism)
            .field("state", &self.state)
            .field("version", &self.version)
            .field("undecided", &self.undecided)
            .finish_non_exhaustive()
    }
}

/// What a [`Handshake`] asks for.
pub enum Output {
    /// Send these bytes, in order.
    Send(Vec<u8>),
    /// Nothing to do before more bytes arrive.
    NeedInput,
    /// Decide whether the peer is who it claims to be, and is welcome: then call
    /// [`Handshake::allow`] or [`Handshake::deny`]. Given once.
    Decide(Claim),
    /// The handshake is over; the peer's next byte is traffic. Given once.
    Done(Box<Established>),
}

/// Without the bytes to be sent: there may be a password among them.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(_) => f.debug_tuple("Send").finish_non_exhaustive(),
            Self::NeedInput => f.write_str("NeedInput"),
            Self::Decide(claim) => f.debug_tuple("Decide").field(claim).finish(),
            Self::Done(established) => f.debug_tuple("Done").field(established).finish(),
        }
    }
}

/// Why a peer is refused, as RFC 27 ("Message Format") numbers it; what an ERROR then says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// 300: it cannot be decided now; the peer may try again.
    #[error("not possible at the moment")]
    Temporary,
    /// 400: the peer is not who it claims to be, or not welcome.
    #[error("not authorized")]
    Unauthorized,
    /// 500: what decides has failed.
    #[error("authentication has failed internally")]
    Internal,
}

impl Denial {
    /// The number as text.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Temporary => "300",
            Self::Unauthorized => "400",
            Self::Internal => "500",
        }
    }

    /// The denial with this number.
    pub fn from_code(code: &[u8]) -> Option<Self> {
        let all = [Self::Temporary, Self::Unauthorized, Self::Internal];
        all.into_iter()
            .find(|denial| denial.code().as_bytes() == code)
    }
}

/// A connection past its handshake: who is there, and the two directions.
#[derive(Debug)]
pub struct Established {
    /// What is known about the peer.
    pub peer: PeerInfo,
    /// For what we send.
    pub encoder: Encoder,
    /// For what the peer sends.
    pub decoder: Decoder,
    /// Each frame that we send goes through this, if there is one.
    pub sealer: Option<Box<dyn Seal>>,
    /// What the peer asks for without saying so, before all that it sends. Subscribers of ZMTP 1.0
    /// send nothing and filter for themselves (RFC 13, "Broadcast Content"): to a publisher, that
    /// is a subscription to everything.
    pub implied: Option<Command>,
}

/// What the peer told about itself in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The version in its greeting: major, minor. (2, 0) and (1, 0) for those older peers.
    pub version: Version,
    /// Its socket type, where it announced one.
    pub socket_type: Option<SocketType>,
    /// The routing id that it announced; empty if none, or if its socket type has none.
    pub routing_id: Part,
    /// The other properties: names as sent.
    pub metadata: Properties,
}

impl PeerInfo {
    /// Checks what the peer announced.
    fn new(
        version: Version,
        mut metadata: Properties,
        config: &HandshakeConfig,
    ) -> Result<Self, Violation> {
        let socket_type = match metadata::lookup(&metadata, metadata::SOCKET_TYPE) {
            Some(name) => Some(accepted_type(name, config.socket_type)?),
            None => None,
        };
        let routing_id = match metadata::lookup(&metadata, metadata::IDENTITY) {
            Some(routing_id) if has_routing_id(socket_type) => checked_routing_id(routing_id)?,
            _ => Part::EMPTY,
        };
        metadata.retain(|(name, _)| !metadata::is_own(name));
        Ok(Self {
            version,
            socket_type,
            routing_id,
            metadata,
        })
    }
}

#[derive(Debug)]
enum State {
    Greeting(Greeting),
    Older(Older),
    Commands,
    Done(PeerInfo),
    Failed(Violation),
    Over,
}

fn accepted_type(name: &[u8], ours: SocketType) -> Result<SocketType, Violation> {
    SocketType::from_name(name)
        .filter(|&peer| ours.accepts(peer))
        .ok_or(Violation::IncompatibleSocketType)
}

/// For other types the Identity property is ignored (RFC 37, "The Identity Property").
pub(crate) fn has_routing_id(socket_type: Option<SocketType>) -> bool {
    use SocketType::{Dealer, Req, Router};
    matches!(socket_type, None | Some(Req | Dealer | Router))
}

pub(crate) fn checked_routing_id(routing_id: &Part) -> Result<Part, Violation> {
    match routing_id.first() {
        Some(0) => Err(Violation::RoutingIdReserved),
        _ if routing_id.len() > 255 => Err(Violation::RoutingIdTooLong),
        _ => Ok(routing_id.clone()),
    }
}

#[cfg(test)]
mod tests;
