//! The PLAIN mechanism: a client shows a user name and a password, in the clear (RFC 24).
//!
//! ```text
//!   client  Hello ──HELLO──► Welcome ──◄WELCOME, INITIATE──► Ready ──◄READY──► Done
//!   server  Hello ──◄HELLO──► Asking ──allowed, WELCOME──► Initiate ──◄INITIATE, READY──► Done
//! ```
//!
//! Only the server tells errors, as the grammar has it.

use std::fmt;

use super::{Claim, Mechanism};
use crate::Violation;
use crate::encode::put_short_string;
use crate::reader::Reader;

/// The name in the greeting.
const NAME: &str = "PLAIN";

/// The side that shows who it is.
#[derive(Clone)]
pub struct PlainClient {
    username: Vec<u8>,
    password: Vec<u8>,
    state: ClientState,
    peer_metadata: Option<Vec<u8>>,
}

/// What a client does next, or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientState {
    SendHello,
    Welcome,
    SendInitiate,
    Ready,
    Done,
}

impl PlainClient {
    /// A client at its beginning. Of name and password, the first 255 bytes each are sent.
    pub fn new(username: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            state: ClientState::SendHello,
            peer_metadata: None,
        }
    }

    /// True if name and password are sent whole.
    pub fn fits(&self) -> bool {
        self.username.len() <= 255 && self.password.len() <= 255
    }

    fn hello(&self) -> Vec<u8> {
        let mut data = Vec::new();
        put_short_string(&mut data, &self.username);
        put_short_string(&mut data, &self.password);
        data
    }
}

impl Mechanism for PlainClient {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        match (self.state, name) {
            (ClientState::Welcome, b"WELCOME") if data.is_empty() => {
                self.state = ClientState::SendInitiate;
            }
            (ClientState::Welcome, b"WELCOME") => return Err(Violation::MalformedWelcome),
            (ClientState::Ready, b"READY") => {
                self.peer_metadata = Some(data.to_vec());
                self.state = ClientState::Done;
            }
            _ => return Err(Violation::UnexpectedCommand),
        }
        Ok(())
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match self.state {
            ClientState::SendHello => {
                self.state = ClientState::Welcome;
                Some(("HELLO", self.hello()))
            }
            ClientState::SendInitiate => {
                self.state = ClientState::Ready;
                Some(("INITIATE", metadata.to_vec()))
            }
            ClientState::Welcome | ClientState::Ready | ClientState::Done => None,
        }
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.peer_metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        self.state == ClientState::Done
    }

    fn tells_errors(&self) -> bool {
        false
    }
}

/// Without the password.
impl fmt::Debug for PlainClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainClient")
            .field("username", &self.username.escape_ascii().to_string())
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The side that asks who is there. It decides nothing: the claim waits to be allowed.
#[derive(Debug, Default)]
pub struct PlainServer {
    state: ServerState,
    peer_metadata: Option<Vec<u8>>,
}

/// What a server does next, or waits for.
#[derive(Debug, Default)]
enum ServerState {
    #[default]
    Hello,
    Asking(Claim),
    SendWelcome,
    Initiate,
    SendReady,
    Done,
}

impl PlainServer {
    /// A server at its beginning.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Mechanism for PlainServer {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handle_command(&mut self, name: &[u8], data: &[u8]) -> Result<(), Violation> {
        match (&self.state, name) {
            (ServerState::Hello, b"HELLO") => {
                let claim = parse_hello(data).ok_or(Violation::MalformedHello)?;
                self.state = ServerState::Asking(claim);
            }
            (ServerState::Initiate, b"INITIATE") => {
                self.peer_metadata = Some(data.to_vec());
                self.state = ServerState::SendReady;
            }
            _ => return Err(Violation::UnexpectedCommand),
        }
        Ok(())
    }

    fn next_command(&mut self, metadata: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match self.state {
            ServerState::SendWelcome => {
                self.state = ServerState::Initiate;
                Some(("WELCOME", Vec::new()))
            }
            ServerState::SendReady => {
                self.state = ServerState::Done;
                Some(("READY", metadata.to_vec()))
            }
            _ => None,
        }
    }

    fn peer_metadata(&self) -> Option<&[u8]> {
        self.peer_metadata.as_deref()
    }

    fn is_done(&self) -> bool {
        matches!(self.state, ServerState::Done)
    }

    fn claim(&self) -> Option<Claim> {
        match &self.state {
            ServerState::Asking(claim) => Some(claim.clone()),
            _ => None,
        }
    }

    fn allow(&mut self) {
        if let ServerState::Asking(_) = self.state {
            self.state = ServerState::SendWelcome;
        }
    }
}

/// Name and password, and nothing behind them.
fn parse_hello(data: &[u8]) -> Option<Claim> {
    let mut reader = Reader::new(data);
    let (username, password) = (reader.short_string()?, reader.short_string()?);
    reader.is_empty().then(|| Claim::Plain {
        username: username.to_vec(),
        password: password.to_vec(),
    })
}
