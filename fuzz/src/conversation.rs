//! Two sides that talk with each other over a line that cuts, changes, drops and repeats bytes.

use ferromq_wire::{Incoming, Kind, Message, SocketType};

use crate::Input;
use crate::handshake::{KINDS, Kind as Security, Side};
use crate::traffic::assert_named;

/// What the line does with the next bytes.
fn pass(bytes: Vec<u8>, input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = bytes;
    let at = |input: &mut Input<'_>, length: usize| input.number() % length.max(1);
    match input.byte() {
        1 => {
            let at = at(input, bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= input.byte();
            }
        }
        2 => bytes.truncate(at(input, bytes.len())),
        3 => {
            let (at, more) = (at(input, bytes.len()), input.byte());
            let more = input.bytes(more.into()).to_vec();
            bytes.splice(at..at, more);
        }
        4 => {
            let from = at(input, bytes.len());
            bytes.extend_from_within(from..);
        }
        _ => {}
    }
    bytes
}

/// Whatever the line does: no panic, and what comes out of boxes was put into them, in its order. A
/// line that drops a whole box is not noticed: RFC 26 asks for nonces that grow.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let kinds = match input.byte() {
        0 => [Security::Null, Security::Null],
        1 => [Security::PlainClient, Security::PlainServer],
        2 => [Security::CurveClient, Security::CurveServer],
        _ => [input.one_of(&KINDS), input.one_of(&KINDS)],
    };
    let mut sides = [
        Side::new(kinds[0], SocketType::Dealer, &mut input),
        Side::new(kinds[1], SocketType::Router, &mut input),
    ];
    let mut sent = [Vec::new(), Vec::new()];
    for _ in 0..8 {
        for from in 0..2 {
            if input.byte() == 5 {
                say(&mut sides[from], input.byte(), &mut sent[from]);
            }
            let bytes = pass(std::mem::take(&mut sides[from].said), &mut input);
            if let Err(violation) = sides[1 - from].hear(&bytes) {
                assert_named(violation);
                return;
            }
        }
    }
    let is_boxed = matches!(kinds, [Security::CurveClient, Security::CurveServer]);
    for (from, sent) in sent.iter().enumerate() {
        if let Some(reader) = sides[1 - from].reader.as_ref().filter(|_| is_boxed) {
            let came = reader.incoming();
            let mut sent_before = sent.iter();
            let was_sent = |one| sent_before.any(|other| other == one);
            assert!(came.iter().all(was_sent), "{came:?} of {sent:?}");
        }
    }
}

/// Sends a message of this length, in words, if the handshake is over.
fn say(side: &mut Side, length: u8, sent: &mut Vec<Incoming>) {
    let message = Message::from(vec![length; usize::from(length) * 4]);
    match (&mut side.sealer, &side.encoder) {
        (Some(sealer), _) => {
            let part = message
                .part(0)
                .map(|part| part.to_vec())
                .unwrap_or_default();
            let kind = Kind::Part { more: false };
            if sealer.seal(kind, &part, &mut side.said).is_err() {
                return;
            }
        }
        (None, Some(encoder)) => encoder.encode_message(&message, &mut side.said),
        (None, None) => return,
    }
    sent.push(Incoming::Message(message));
}
