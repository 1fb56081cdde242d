//! Two handshakes that talk to each other, and what every mechanism must stand: cuts at every byte,
//! changed bytes, and a peer that says what was said before.

use super::super::{Denial, Established, Handshake, HandshakeConfig, Output};
use crate::{Claim, Mechanism, Violation};

/// One side of a handshake, and what came of it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) handshake: Handshake,
    pub(super) established: Option<Box<Established>>,
    pub(super) failed: Option<Violation>,
    /// What was asked, in order.
    pub(super) claims: Vec<Claim>,
    /// The answer.
    pub(super) denial: Option<Denial>,
    /// All that it has sent.
    pub(super) sent: Vec<u8>,
    told: usize,
}

impl Side {
    pub(super) fn new(config: HandshakeConfig, mechanism: Box<dyn Mechanism>) -> Self {
        Self {
            handshake: Handshake::new(config, mechanism),
            established: None,
            failed: None,
            claims: Vec::new(),
            denial: None,
            sent: Vec::new(),
            told: 0,
        }
    }

    /// Hears so many bytes, and says what follows from them. Gives what was not taken.
    pub(super) fn hear<'a>(&mut self, mut input: &'a [u8]) -> &'a [u8] {
        loop {
            let before = input.len();
            if self.failed.is_none() && self.established.is_none() {
                self.failed = self.handshake.handle_input(&mut input).err();
            }
            let decided = self.speak();
            if !decided && (input.is_empty() || before == input.len()) {
                return input;
            }
        }
    }

    /// Takes what there is to say. True: something was decided.
    fn speak(&mut self) -> bool {
        let mut decided = false;
        loop {
            match self.handshake.poll_output() {
                Output::Send(bytes) => self.sent.extend(bytes),
                Output::NeedInput => return decided,
                Output::Decide(claim) => {
                    self.claims.push(claim);
                    decided = true;
                    match self.denial {
                        None => self.handshake.allow(),
                        Some(denial) => self.handshake.deny(denial),
                    }
                }
                Output::Done(established) => self.established = Some(established),
            }
        }
    }

    /// What it has said since this was last asked.
    pub(super) fn news(&mut self) -> Vec<u8> {
        let news = self.sent[self.told..].to_vec();
        self.told = self.sent.len();
        news
    }

    pub(super) fn is_open(&self) -> bool {
        self.failed.is_none() && self.established.is_none()
    }
}

/// Lets the two talk until both are silent; `change` may alter what goes to the second side
/// (`true`) and to the first.
pub(super) fn talk(
    first: &mut Side,
    second: &mut Side,
    mut change: impl FnMut(bool, &mut Vec<u8>),
) {
    first.hear(&[]);
    second.hear(&[]);
    loop {
        let (mut there, mut back) = (first.news(), second.news());
        change(true, &mut there);
        change(false, &mut back);
        if there.is_empty() && back.is_empty() {
            return;
        }
        second.hear(&there);
        first.hear(&back);
    }
}

/// A client and a server of one mechanism, new each time.
pub(super) type Pair<'a> = &'a dyn Fn() -> (Side, Side);

/// The two come together, whichever way their bytes are cut.
pub(super) fn both_establish(pair: Pair<'_>) -> (Side, Side) {
    let (mut client, mut server) = pair();
    talk(&mut client, &mut server, |_, _| ());
    for side in [&client, &server] {
        assert_eq!(side.failed, None);
        assert!(side.established.is_some(), "{side:?}");
    }
    let (mut slow, mut other) = pair();
    slow.hear(&[]);
    other.hear(&[]);
    loop {
        let (there, back) = (slow.news(), other.news());
        if there.is_empty() && back.is_empty() {
            break;
        }
        there
            .iter()
            .for_each(|byte| assert!(other.hear(&[*byte]).is_empty()));
        back.iter()
            .for_each(|byte| assert!(slow.hear(&[*byte]).is_empty()));
    }
    assert!(slow.established.is_some() && other.established.is_some());
    (client, server)
}

/// A side to which only the first bytes of the other's whole handshake come waits for more, and
/// nothing is established.
pub(super) fn truncated_handshakes_wait(pair: Pair<'_>) {
    for to_server in [true, false] {
        let (client, server) = both_establish(pair);
        let whole = if to_server { client } else { server }.sent.len();
        for cut in 0..whole {
            let (mut client, mut server) = pair();
            let mut passed = 0;
            talk(&mut client, &mut server, |there, bytes| {
                if there == to_server {
                    bytes.truncate(cut - passed);
                    passed += bytes.len();
                }
            });
            let cut_off = if to_server { server } else { client };
            assert!(cut_off.is_open(), "{cut} bytes: {cut_off:?}");
        }
    }
}
