//! ZAP 1.0: asks a handler in the same context, bound to `inproc://zeromq.zap.01` (RFC 27).
//!
//! Each question has a socket of its own, which speaks as a REQ, and is gone with the answer. A
//! handler that does not answer costs its peer the rest of the handshake's time.

use std::sync::Arc;

use ferromq_transport::Endpoint;
use ferromq_wire::{Claim, Denial, Limits, Message, Part, SocketType, metadata};

use super::{Applicant, User, Verdict};
use crate::context::ContextInner;
use crate::options::Options;
use crate::pattern::{
    Actions, Admit, Kind, Origin, Pattern, PipeId, Readiness, Receives, Refusal, Refused, Room,
    Route, Sends,
};
use crate::socket::Socket;
use crate::strategy::{FairQueue, RoundRobin};

/// Where handlers are.
const ENDPOINT: &str = "inproc://zeromq.zap.01";
const VERSION: &str = "1.0";
/// Each question is alone on its connection; this is what libzmq's handlers get, too.
const REQUEST_ID: &str = "1";

/// True if there is a handler.
pub(super) fn has_handler(context: &ContextInner) -> bool {
    match ENDPOINT.parse() {
        Ok(Endpoint::Inproc(name)) => context.names().lookup(&name).is_some(),
        _ => false,
    }
}

/// Asks the handler.
pub(super) async fn ask(context: Arc<ContextInner>, applicant: Applicant) -> Verdict {
    let options = Options {
        linger: Some(std::time::Duration::ZERO),
        ..Options::default()
    };
    let socket = Socket::<Asking>::inside(&context, options);
    drop(context);
    if socket.connect(ENDPOINT).is_err() {
        return Verdict::failure("the ZAP handler is no REP and no ROUTER");
    }
    if socket.send_async(request(applicant)).await.is_err() {
        return Verdict::failure("the ZAP handler cannot be asked");
    }
    match socket.recv_async().await {
        Ok(reply) => read(&reply),
        Err(_) => Verdict::failure("the ZAP handler has not answered"),
    }
}

/// RFC 27, "Message Format".
fn request(applicant: Applicant) -> Message {
    let mechanism = applicant.claim.mechanism();
    let mut request = Message::from(["", VERSION, REQUEST_ID]);
    request.push_back(applicant.domain);
    request.push_back(applicant.address);
    request.push_back(applicant.routing_id);
    request.push_back(mechanism);
    match applicant.claim {
        Claim::Plain { username, password } => {
            request.push_back(username);
            request.push_back(password);
        }
        #[cfg(feature = "curve")]
        Claim::Curve(key) => request.push_back(key.as_bytes()),
        _ => {}
    }
    request
}

fn read(reply: &Message) -> Verdict {
    parse(reply).unwrap_or_else(|| Verdict::failure("the ZAP handler's answer is malformed"))
}

/// Delimiter, version, request id, status, text, user id, metadata.
fn parse(reply: &Message) -> Option<Verdict> {
    let at = |index| reply.part(index).map(Part::as_bytes);
    let text = |index| Some(String::from_utf8_lossy(at(index)?).into_owned());
    let head = [at(0)?, at(1)?, at(2)?];
    if reply.len() != 7 || head != [b"", VERSION.as_bytes(), REQUEST_ID.as_bytes()] {
        return None;
    }
    if at(3)? == b"200" {
        return Some(Verdict::Allow(User {
            id: text(5)?,
            metadata: metadata::parse(at(6)?, &Limits::default()).ok()?,
        }));
    }
    Some(Verdict::Deny {
        denial: Denial::from_code(at(3)?)?,
        text: text(4)?,
    })
}

/// Who asks: to others a REQ. Only REP and ROUTER take one, and only these answer who has asked.
#[derive(Debug, Default)]
struct Asking {
    outgoing: RoundRobin,
    incoming: FairQueue,
}

impl Pattern for Asking {
    const KIND: Kind = Kind {
        socket_type: SocketType::Req,
        announces_routing_id: false,
        requeues: false,
        eager: false,
        receives: true,
        drops_at_close: true,
    };

    fn attach(&mut self, pipe: PipeId, _: &Origin, _: &mut Actions) -> Result<(), Refusal> {
        self.outgoing.attach(pipe);
        Ok(())
    }

    fn detach(&mut self, pipe: PipeId, _: &mut Actions) {
        self.outgoing.detach(pipe);
        self.incoming.detach(pipe);
    }

    fn writable(&mut self, pipe: PipeId) {
        self.outgoing.writable(pipe);
    }

    fn readable(&mut self, pipe: PipeId) {
        self.incoming.readable(pipe);
    }

    fn drained(&mut self, pipe: PipeId) {
        self.incoming.drained(pipe);
    }

    fn route(&mut self, _: &Message, room: &dyn Room, _: &mut Actions) -> Route<'_> {
        match self.outgoing.pick(room) {
            Some(pipe) => Route::To {
                pipe,
                strip: 0,
                prefix: &[],
            },
            None => Route::Park,
        }
    }

    fn next(&mut self) -> Result<Option<PipeId>, Refused> {
        Ok(self.incoming.next())
    }

    fn admit(&mut self, pipe: PipeId, _: &mut Message, _: &mut Actions) -> Admit {
        self.incoming.served(pipe);
        Admit::Deliver
    }

    fn readiness(&self, room: &dyn Room) -> Readiness {
        Readiness {
            send: self.outgoing.has_room(room),
            receive: true,
        }
    }
}

impl Sends for Asking {}
impl Receives for Asking {}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    fn reply(parts: [&[u8]; 7]) -> Verdict {
        read(&Message::from(parts.map(<[u8]>::to_vec)))
    }

    #[test]
    fn answers_are_read_as_specified() {
        let metadata = b"\x05Group\0\0\0\x05staff";
        let verdict = reply([b"", b"1.0", b"1", b"200", b"OK", b"joe", metadata]);
        let expected = Verdict::Allow(User {
            id: "joe".to_owned(),
            metadata: vec![("Group".to_owned(), Part::from("staff"))],
        });
        assert_eq!(verdict, expected);
        for (status, denial) in [
            (&b"300"[..], Denial::Temporary),
            (b"400", Denial::Unauthorized),
            (b"500", Denial::Internal),
        ] {
            let text = "why".to_owned();
            let verdict = reply([b"", b"1.0", b"1", status, b"why", b"", b""]);
            assert_eq!(verdict, Verdict::Deny { denial, text });
        }
    }

    #[test]
    fn malformed_answers_deny() {
        let good: [&[u8]; 7] = [b"", b"1.0", b"1", b"200", b"", b"joe", b""];
        let malformed = Verdict::failure("the ZAP handler's answer is malformed");
        for (at, part) in [
            (0, &b"x"[..]),
            (1, b"2.0"),
            (2, b"2"),
            (3, b"201"),
            (3, b"20"),
            (3, b"2000"),
            (3, b""),
            (6, b"\x05Group"),
        ] {
            let mut bad = good;
            bad[at] = part;
            assert_eq!(reply(bad), malformed, "{at} {part:?}");
        }
        let short = Message::from(
            good[..6]
                .iter()
                .map(|part| part.to_vec())
                .collect::<Vec<_>>(),
        );
        assert_eq!(read(&short), malformed);
        let mut long = Message::from(good.map(<[u8]>::to_vec));
        long.push_back("more");
        assert_eq!(read(&long), malformed);
        assert_eq!(read(&Message::new()), malformed);
    }

    #[test]
    fn questions_have_their_frames() {
        let applicant = |claim| Applicant {
            claim,
            address: "192.0.2.7".to_owned(),
            domain: "test".to_owned(),
            routing_id: Part::from("BOB"),
            metadata: Vec::new(),
        };
        let question = request(applicant(Claim::Null));
        let expected = ["", "1.0", "1", "test", "192.0.2.7", "BOB", "NULL"];
        assert_eq!(question, Message::from(expected));
        let question = request(applicant(Claim::Plain {
            username: b"admin".to_vec(),
            password: b"secret".to_vec(),
        }));
        assert_eq!(question.len(), 9);
        assert_eq!(
            (question.part_str(7), question.part_str(8)),
            (Ok("admin"), Ok("secret"))
        );
    }
}
