//! Both sides of a security handshake, command by command, one of which is changed on its way.

use ferromq_wire::{
    Claim, CurveClient, Framing, Kind, Mechanism, Open, Opened, PlainClient, PlainServer,
    PublicKey, Seal, Violation,
};

use crate::Input;
use crate::handshake::{self, keys};
use crate::hidden::{PASSWORD, assert_hidden};
use crate::traffic::assert_named;

/// What the line does to one of the commands.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// The command of this turn. Of two more turns, in which nobody has anything to say, it is one
    /// too many; and of those behind them only boxes are changed.
    turn: u8,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Another letter in the name.
    Letter(u8, u8),
    /// The name ends here, or goes on.
    Name(u8),
    /// Another name.
    Other(&'static str),
    /// Another byte in the data.
    Byte(usize, u8),
    /// The data end here, or go on.
    Data(usize),
    /// A key of zeros here, with which everybody agrees on the same.
    Zeros(usize),
}

const NAMES: [&str; 6] = ["HELLO", "WELCOME", "INITIATE", "READY", "MESSAGE", "ERROR"];

impl Change {
    fn new(input: &mut Input<'_>) -> Self {
        let (turn, what) = (input.byte() % 8, input.byte());
        let (at, value) = (input.number(), input.byte());
        let [_, low] = (at as u16).to_be_bytes();
        let what = match what % 6 {
            0 => What::Letter(low, value),
            1 => What::Name(low),
            2 => What::Other(NAMES[at % NAMES.len()]),
            3 => What::Byte(at, value),
            4 => What::Data(at),
            _ => What::Zeros(at),
        };
        Self { turn, what }
    }

    fn apply(self, name: &mut Vec<u8>, data: &mut Vec<u8>) {
        match self.what {
            What::Letter(at, value) => {
                if let Some(letter) = name.get_mut(usize::from(at)) {
                    *letter ^= value;
                }
            }
            What::Name(length) => name.resize(length.into(), b'X'),
            What::Other(other) => *name = other.into(),
            What::Byte(at, value) => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= value;
                }
            }
            What::Data(length) => data.resize(length % 1024, 0),
            What::Zeros(at) => {
                if let Some(key) = data.get_mut(at..at.saturating_add(32)) {
                    key.fill(0);
                }
            }
        }
    }
}

/// Who talks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pairing {
    Null,
    Plain,
    Curve,
    /// The client's server key is none.
    CurveWithoutKey,
}

/// Two sides, client first.
struct Sides {
    sides: [Box<dyn Mechanism>; 2],
    /// One of them came as another.
    changed: bool,
    /// The data that came last to each.
    heard: [Vec<u8>; 2],
}

/// Any command of a handshake may come as another one: a name that is not expected is refused; in
/// CURVE, whatever was changed, no two sides are done.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let pairing = input.one_of(&[
        Pairing::Plain,
        Pairing::Curve,
        Pairing::CurveWithoutKey,
        Pairing::Null,
    ]);
    let user = vec![b'u'; input.number() % 512];
    for _ in 0..128 {
        let change = Change::new(&mut input);
        let mut sides = Sides::new(pairing, &user);
        let result = sides.talk(change, data, &user);
        let [client, server] = &sides.sides;
        let is_done = client.is_done() && server.is_done();
        match pairing {
            Pairing::Null | Pairing::Plain if is_done && result.is_ok() => {
                let told = sides.sides.iter().map(|side| side.peer_metadata());
                assert!(told.eq(sides.heard.iter().map(|it| Some(&it[..]))));
            }
            Pairing::Null | Pairing::Plain => {
                assert!(result.is_err() && sides.changed, "{change:?}")
            }
            Pairing::Curve => assert_eq!(is_done, !sides.changed, "{change:?}"),
            Pairing::CurveWithoutKey => assert!(!is_done),
        }
        sides.assert_sessions(change);
        if input.is_empty() {
            break;
        }
    }
}

impl Sides {
    fn new(pairing: Pairing, user: &[u8]) -> Self {
        let sides: [Box<dyn Mechanism>; 2] = match pairing {
            Pairing::Null => [
                handshake::Kind::Null.mechanism(),
                handshake::Kind::Asking.mechanism(),
            ],
            Pairing::Plain => {
                let client = PlainClient::new(user, PASSWORD);
                assert_eq!(client.fits(), user.len() <= 255);
                [Box::new(client), Box::new(PlainServer::new())]
            }
            Pairing::Curve => [
                handshake::Kind::CurveClient.mechanism(),
                handshake::Kind::CurveServer.mechanism(),
            ],
            Pairing::CurveWithoutKey => {
                let server = PublicKey::from_bytes([0; 32]);
                let entropy = [7; CurveClient::ENTROPY].into();
                let client = CurveClient::new(keys(2), server, entropy);
                [Box::new(client), handshake::Kind::CurveServer.mechanism()]
            }
        };
        Self {
            sides,
            changed: false,
            heard: Default::default(),
        }
    }

    /// Lets them say all that they have to say.
    fn talk(&mut self, change: Change, data: &[u8], user: &[u8]) -> Result<(), Violation> {
        for turn in 0..6u8 {
            let from = usize::from(turn % 2);
            let to = 1 - from;
            self.sides.iter().for_each(|side| assert_hidden(side, data));
            let own = [&b"of the client"[..], b"of the server"][from];
            let said = self.sides[from].next_command(own);
            assert_eq!(self.sides[from].next_command(own), None);
            match said {
                Some((name, body)) if turn == change.turn => {
                    self.hear(to, name, body, Some(change))
                }
                Some((name, body)) => self.hear(to, name, body, None),
                None if turn == change.turn => {
                    self.changed = true;
                    let heard = self.hear(to, "READY", Vec::new(), Some(change));
                    assert_eq!(heard, Err(Violation::UnexpectedCommand));
                    heard
                }
                None => Ok(()),
            }?;
            self.decide(to, data, user);
        }
        Ok(())
    }

    fn hear(
        &mut self,
        to: usize,
        name: &'static str,
        said: Vec<u8>,
        change: Option<Change>,
    ) -> Result<(), Violation> {
        let (mut named, mut body) = (name.as_bytes().to_vec(), said.clone());
        if let Some(change) = change {
            change.apply(&mut named, &mut body);
        }
        let has_other_name = named != name.as_bytes();
        self.changed |= has_other_name || said != body;
        if self.sides[to].claim().is_none() {
            // Nobody is asked about now: that changes nothing.
            self.sides[to].allow();
        }
        let result = self.sides[to].handle_command(&named, &body);
        let _ = result.inspect_err(|violation| assert_named(*violation));
        assert!(!has_other_name || result == Err(Violation::UnexpectedCommand));
        self.heard[to] = body;
        result
    }

    /// Everybody is welcome.
    fn decide(&mut self, side: usize, data: &[u8], user: &[u8]) {
        let Some(claim) = self.sides[side].claim() else {
            return;
        };
        assert_eq!(claim.mechanism(), self.sides[side].name());
        assert_hidden(&claim, data);
        match claim.clone().without_password() {
            Claim::Plain { username, password } => {
                assert!(password.is_empty());
                let expected = &user[..user.len().min(255)];
                assert!(self.changed || username == expected);
            }
            kept => {
                assert!(kept == Claim::Null || kept == Claim::Curve(keys(2).public));
                assert_eq!(kept, claim);
            }
        }
        self.sides[side].allow();
        assert_eq!(self.sides[side].claim(), None);
    }

    /// What is sealed at one side opens at the other one, once, and if it is what was sealed.
    fn assert_sessions(&mut self, change: Change) {
        let is_done = self.sides.iter().map(|side| side.is_done());
        let is_done: Vec<bool> = is_done.collect();
        let sessions = self.sides.iter_mut().map(|side| {
            let session = side.take_session();
            assert!(side.take_session().is_none(), "boxes are given once");
            session
        });
        let sessions: Vec<_> = sessions.collect();
        let Ok([Some(client), Some(server)]) = <[_; 2]>::try_from(sessions) else {
            return;
        };
        assert_eq!(is_done, [true, true]);
        let sides = [
            (client.sealer, server.opener),
            (server.sealer, client.opener),
        ];
        for (mut sealer, mut opener) in sides {
            // Keys of boxes are made of others: they show no bytes at all.
            let shown = format!("{sealer:?} {opener:?}");
            assert!(!shown.contains('['), "{shown}");
            assert_boxes(&mut *sealer, &mut *opener, change);
        }
    }
}

fn assert_boxes(sealer: &mut dyn Seal, opener: &mut dyn Open, change: Change) {
    let kinds = [
        Kind::Part { more: true },
        Kind::Command,
        Kind::Part { more: false },
    ];
    for (kind, length) in kinds.into_iter().zip([0, 5, 4000]) {
        let text = vec![length as u8; length];
        let mut frame = Vec::new();
        assert_eq!(sealer.seal(kind, &text, &mut frame), Ok(()));
        let Some((Kind::Part { more: false }, size, body)) = Framing::split(&frame) else {
            panic!("no frame of a message: {frame:?}");
        };
        assert_eq!(size, body.len());
        assert_eq!(opener.overhead(), (size - length) as u64);
        let mut changed = body.to_vec();
        change.apply(&mut Vec::new(), &mut changed);
        if changed != body {
            match opener.open(&mut changed) {
                Ok(opened) => panic!("{change:?} gives {opened:?}"),
                Err(violation) => assert_named(violation),
            }
        }
        let mut came = body.to_vec();
        match opener.open(&mut came) {
            Ok(Opened { kind: found, body }) => assert_eq!((found, &came[body]), (kind, &text[..])),
            Err(violation) => panic!("{violation:?}"),
        }
        assert_eq!(opener.open(&mut body.to_vec()), Err(Violation::BadNonce));
    }
}
