//! The traffic of a peer of each version, however it is cut, and what we send of it in turn.

use ferromq_wire::{
    Bundle, Command, Decoder, Encoder, Framing, Incoming, Kind, Limits, Measured, V1_0, V2_0, V3_0,
    V3_1, Version, Violation,
};

use crate::Input;

/// The bytes of traffic as a whole, in pieces, and with room for one message at a time come to the
/// same messages and the same end; and what came, encoded, comes again.
pub(crate) fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let version = input.one_of(&[V3_1, V3_0, V2_0, V1_0]);
    let limits = limits(&mut input);
    let piece = usize::from(input.byte()) + 1;
    let direct = input.byte() % 2 == 1;
    let bytes = input.rest();
    let whole = Reader::new(version, limits, usize::MAX, false).run([bytes]);
    let pieces = bytes.chunks(piece);
    let cut = Reader::new(version, limits, 1, direct).run(pieces);
    assert_eq!(whole, cut);
    if let Some(violation) = whole.violation {
        assert_named(violation);
    }
    let sent = encode(version, &whole.incoming);
    let again = Reader::new(version, Limits::default(), usize::MAX, false).run([&sent[..]]);
    assert_eq!(again.violation, None);
    let expected = whole.incoming.iter().filter(|it| is_sent(version, it));
    assert!(again.incoming.iter().eq(expected), "{again:?}");
    for item in &whole.incoming {
        if let Incoming::Command(command) = item {
            assert_told(command);
        }
    }
    for at in 0..bytes.len().min(64) {
        assert_header(&bytes[at..]);
    }
}

/// What is wrong has a name of one word, and a text that goes into a sentence.
pub(crate) fn assert_named(violation: Violation) {
    let (name, text) = (format!("{violation:?}"), violation.to_string());
    assert!(name.chars().all(char::is_alphanumeric), "{name}");
    assert!(!text.ends_with('.') && text.contains(' '), "{name}: {text}");
}

/// A command comes to older peers as a message, or not at all; to others as what it is. It shows
/// itself by its name.
fn assert_told(command: &Command) {
    let shown = format!("{command:?}").to_uppercase();
    assert!(shown.starts_with(command.name()), "{shown}");
    for version in [V3_1, V3_0, V2_0, V1_0] {
        let mut sent = Vec::new();
        Encoder::new(version).encode_command(command, &mut sent);
        let came = Reader::new(version, Limits::default(), usize::MAX, false).run([&sent[..]]);
        assert_eq!(came.violation, None, "{command:?}");
        let expected = match command {
            _ if version == V1_0 => None,
            Command::Subscribe(topic) if version < V3_1 => Some(legacy(1, topic)),
            Command::Cancel(topic) if version < V3_1 => Some(legacy(0, topic)),
            _ if version == V2_0 => None,
            command => Some(Incoming::Command(command.clone())),
        };
        assert!(
            came.incoming.iter().eq(&expected),
            "{came:?} of {command:?}"
        );
    }
}

fn legacy(first: u8, topic: &[u8]) -> Incoming {
    Incoming::Message([&[first], topic].concat().into())
}

/// The header of a frame, where there is one, is that which its length and flag have.
fn assert_header(bytes: &[u8]) {
    for framing in [Framing::FlagsFirst, Framing::LengthFirst] {
        let Some((more, length, body)) = framing.split_header(bytes) else {
            continue;
        };
        let mut header = Vec::new();
        framing.put_header(&mut header, more, length);
        assert_eq!(framing.split_header(&header), Some((more, length, &[][..])));
        assert!(bytes.ends_with(body) && bytes.len() >= body.len() + header.len());
    }
    let parts = Framing::FlagsFirst.split_header(bytes);
    match (Framing::split(bytes), parts) {
        (Some((Kind::Part { more }, length, body)), parts) => {
            assert_eq!(parts, Some((more, length, body)));
        }
        (Some((Kind::Command, length, body)), parts) => {
            assert_eq!(parts, Some((false, length, body)));
        }
        (None, parts) => assert_eq!(parts, None),
    }
}

/// Limits small enough to be met.
pub(crate) fn limits(input: &mut Input<'_>) -> Limits {
    let size = input.byte();
    Limits {
        max_message_size: (size > 0).then(|| u64::from(size) * 64),
        max_parts: usize::from(input.byte()) + 1,
        max_command: usize::from(input.byte()) * 16 + 64,
        ..Limits::default()
    }
}

/// True if a peer of this version is sent the like: ERROR comes from who parts, and messages of
/// older peers that begin so are subscriptions.
fn is_sent(version: Version, incoming: &Incoming) -> bool {
    match incoming {
        Incoming::Message(_) => true,
        Incoming::Command(Command::Error { .. }) => version >= V3_1,
        Incoming::Command(_) => version >= V3_1,
        Incoming::Bundle(_) => false,
    }
}

fn encode(version: Version, incoming: &[Incoming]) -> Vec<u8> {
    let (encoder, mut out) = (Encoder::new(version), Vec::new());
    for item in incoming {
        match item {
            Incoming::Message(message) => encoder.encode_message(message, &mut out),
            Incoming::Command(command) if is_sent(version, item) => {
                encoder.encode_command(command, &mut out);
            }
            Incoming::Command(_) | Incoming::Bundle(_) => {}
        }
    }
    out
}

/// What bytes come to.
#[derive(Debug, PartialEq)]
struct Outcome {
    incoming: Vec<Incoming>,
    violation: Option<Violation>,
}

/// Reads as a connection does.
pub(crate) struct Reader {
    decoder: Decoder,
    tail: Vec<u8>,
    room: usize,
    /// Large bodies are read into the decoder's buffer, and whole messages taken apart later.
    direct: bool,
    incoming: Vec<Incoming>,
}

impl Reader {
    fn new(version: Version, limits: Limits, room: usize, direct: bool) -> Self {
        Self::with(Decoder::for_peer(version, limits), room, direct)
    }

    pub(crate) fn with(decoder: Decoder, room: usize, direct: bool) -> Self {
        Self {
            decoder,
            tail: Vec::new(),
            room,
            direct,
            incoming: Vec::new(),
        }
    }

    /// Everything that came.
    pub(crate) fn incoming(&self) -> &[Incoming] {
        &self.incoming
    }

    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Violation> {
        while self.direct
            && !bytes.is_empty()
            && let Some(body) = self.decoder.body()
        {
            let spare = body.buffer.capacity() - body.buffer.len();
            assert!(spare > 0, "the body has no place for a byte");
            let most = usize::try_from(body.missing).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(most.min(spare).min(bytes.len()));
            body.buffer.extend_from_slice(now);
            bytes = later;
            self.decode()?;
        }
        self.tail.extend_from_slice(bytes);
        self.decode()
    }

    fn decode(&mut self) -> Result<(), Violation> {
        let mut input = &self.tail[..];
        let result = loop {
            let before = input.len();
            if self.direct {
                take_whole(&self.decoder, &mut input, self.room, &mut self.incoming);
            }
            match self
                .decoder
                .decode(&mut input, self.room, &mut self.incoming)
            {
                Ok(0) if input.len() == before => break Ok(()),
                Ok(messages) => assert!(messages <= self.room),
                Err(violation) => break Err(violation),
            }
        };
        let taken = self.tail.len() - input.len();
        self.tail.drain(..taken);
        result
    }

    fn run<'a>(mut self, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let violation = pieces.into_iter().find_map(|piece| self.read(piece).err());
        Outcome {
            incoming: self.incoming,
            violation,
        }
    }
}

/// Takes whole messages apart later.
fn take_whole(decoder: &Decoder, input: &mut &[u8], room: usize, incoming: &mut Vec<Incoming>) {
    let Measured { messages, bytes } = decoder.measure(input, room);
    assert!(messages <= room);
    let before = incoming.len();
    let mut bundle = Bundle::new([b"ahead", *input].concat(), 5, messages);
    assert_eq!(bundle.len(), messages);
    incoming.extend(std::iter::from_fn(|| bundle.pop_front()).map(Incoming::Message));
    assert_eq!(incoming.len() - before, messages);
    *input = &input[bytes..];
}
