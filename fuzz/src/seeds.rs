//! Inputs that are made rather than found: by what they say, one for what others do not reach.
//!
//! `cargo xtask fuzz --seeds` writes them into the corpora, and a test compares them with those
//! files.

/// What one body is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The name of the body.
    pub target: &'static str,
    /// The name of the file.
    pub name: String,
    /// What is in it.
    pub data: Vec<u8>,
}

/// All of them.
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut put = |target, name: &str, data: Vec<u8>| {
        let name = format!("made-{name}");
        seeds.push(Seed { target, name, data });
    };
    traffic(&mut |name, data| put("traffic", name, data));
    mechanism(&mut |name, data| put("mechanism", name, data));
    greetings(&mut |name, data| put("handshake", name, data));
    commands(&mut |name, data| put("handshake", name, data));
    heartbeat(&mut |name, data| put("heartbeat", name, data));
    put("message", "forms", message());
    put("message", "texts", texts());
    put("metadata", "long-name", b"n".repeat(256));
    put("conversation", "box-too-large", boxes(200));
    put("conversation", "part-too-large", boxes(150));
    put("conversation", "no-vouch", changed(2, 113, 0x80));
    put("conversation", "no-nonce", changed(4, 121, 3));
    seeds
}

type Put<'a> = &'a mut dyn FnMut(&str, Vec<u8>);

/// A short frame.
fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [&[flags, body.len() as u8], body].concat()
}

fn command(name: &[u8], data: &[u8]) -> Vec<u8> {
    frame(4, &[&[name.len() as u8], name, data].concat())
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_be_bytes();
    [&[name.len() as u8], name.as_bytes(), &length, value].concat()
}

fn greeting(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = 0xFF;
    bytes[9] = 0x7F;
    (bytes[10], bytes[11]) = (major, minor);
    bytes[12..][..mechanism.len()].copy_from_slice(mechanism.as_bytes());
    bytes
}

/// Every name that is almost one of these: with another letter, one less, one more.
fn near(names: &[&str]) -> Vec<Vec<u8>> {
    let mut near = Vec::new();
    for name in names.iter().map(|name| name.as_bytes()) {
        for at in 0..name.len() {
            let mut other = name.to_vec();
            other[at] ^= 0x20;
            near.push(other);
        }
        near.push(name[..name.len() - 1].to_vec());
        near.push([name, b"X"].concat());
    }
    near
}

fn traffic(put: Put<'_>) {
    let start = |version: u8| vec![version, 0, 255, 255, 3, 0];
    let names = near(&["SUBSCRIBE", "CANCEL", "PING", "PONG", "ERROR", "READY"]);
    let unknown: Vec<u8> = names.iter().flat_map(|name| command(name, b"?")).collect();
    put("near-names", [start(0), unknown].concat());
    // Long lengths with ever fewer zeros in front; of the longest ones the bodies are missing.
    for zeros in 2..6 {
        let mut header = vec![0xFF; 1];
        header.extend(vec![0; zeros]);
        header.push(1);
        header.resize(10, 0);
        put(
            &format!("length-first-{zeros}"),
            [start(3), header].concat(),
        );
    }
    let headers = [
        frame(0, b"part"),
        frame(1, b""),
        frame(4, b"\x04PONG"),
        vec![2, 0, 0, 0, 0, 0, 0, 0, 3, 7, 7, 7],
        vec![2, 0xFF, 0, 0, 0, 0, 0, 0, 3],
        vec![5, 0],
        vec![9, 0],
        // In ZMTP 1.0, the longest part that has a long header although it would fit.
        vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 255, 0],
        vec![0xFF; 10],
    ];
    put("headers", [start(0), headers.concat()].concat());
}

/// What is changed; see the body.
const LETTER: u8 = 0;
const NAME: u8 = 1;
const OTHER: u8 = 2;
const BYTE: u8 = 3;
const DATA: u8 = 4;
const ZEROS: u8 = 5;

fn change(turn: u8, what: u8, at: usize, value: u8) -> [u8; 5] {
    let [high, low] = (at as u16).to_be_bytes();
    [turn, what, high, low, value]
}

fn mechanism(put: Put<'_>) {
    let wrong = wrong_names().concat();
    put("names-plain", [&[0, 0, 4], &wrong[..]].concat());
    put("names-curve", [&[1, 0, 4], &wrong[..]].concat());
    put("names-null", [&[3, 0, 4], &wrong[..]].concat());
    put("no-key", vec![2, 0, 4, 7, LETTER, 0, 0, 0]);
    let plain = [
        change(0, DATA, 0, 0),
        change(0, DATA, 3, 0),
        change(0, DATA, 30, 0),
        change(1, DATA, 1, 0),
        change(2, BYTE, 0, 1),
        change(3, BYTE, 0, 1),
        change(7, LETTER, 0, 0),
    ];
    put("plain", [&[0, 1, 44], &plain.concat()[..]].concat());
    let boxes = changed_boxes().concat();
    put("curve", [&[1, 0, 4], &boxes[..]].concat());
}

/// Each command by a name that is almost its own, and by those of others; and one more of them.
fn wrong_names() -> Vec<[u8; 5]> {
    let names = ["HELLO", "WELCOME", "INITIATE", "READY"];
    let mut wrong = Vec::new();
    for (turn, name) in (0..).zip(names) {
        for at in 0..name.len() {
            wrong.push(change(turn, LETTER, at, 0x20));
        }
        wrong.push(change(turn, NAME, name.len() - 1, 0));
        wrong.push(change(turn, NAME, name.len() + 1, 0));
    }
    for turn in 0..6 {
        wrong.extend((0..6).map(|other| change(turn, OTHER, other, 0)));
    }
    wrong
}

/// Each field of each command of CURVE.
fn changed_boxes() -> Vec<[u8; 5]> {
    let handshake = [
        // HELLO: version, padding, C', number, and the bit of a key that does not count.
        change(0, BYTE, 0, 1),
        change(0, BYTE, 2, 1),
        change(0, ZEROS, 74, 0),
        change(0, BYTE, 113, 1),
        change(0, BYTE, 105, 0x80),
        change(0, BYTE, 130, 1),
        change(0, DATA, 100, 0),
        // WELCOME: nonce, box.
        change(1, BYTE, 0, 1),
        change(1, BYTE, 60, 1),
        change(1, DATA, 100, 0),
        // INITIATE: the cookie's nonce and box, number, box.
        change(2, BYTE, 0, 1),
        change(2, BYTE, 40, 1),
        change(2, BYTE, 103, 3),
        change(2, BYTE, 103, 4),
        change(2, BYTE, 150, 1),
        change(2, DATA, 100, 0),
        // READY: number, box.
        change(3, BYTE, 7, 2),
        change(3, BYTE, 20, 1),
        change(3, DATA, 7, 0),
        change(3, DATA, 20, 0),
    ];
    // MESSAGE: name, number, tag, text.
    let bytes = [0, 7, 15, 20, 32, 33].map(|at| change(7, BYTE, at, 3));
    let cuts = [0, 7, 12, 16, 20, 31, 32, 33, 900].map(|length| change(7, DATA, length, 0));
    handshake.into_iter().chain(bytes).chain(cuts).collect()
}

/// A side, of the kind and type, with options and what it decides.
fn side(kind: u8, socket_type: u8, options: u8) -> Vec<u8> {
    vec![kind, socket_type, 7, 0, 255, 255, options]
}

const NULL: u8 = 0;
const PLAIN_CLIENT: u8 = 1;
const ASKING: u8 = 5;
const ROUTER: u8 = 1;
const SERVES_3_1: u8 = 1 << 2;
const SERVES_2_0: u8 = 2 << 2;
const SERVES_1_0: u8 = 3 << 2;
const SMALL: u8 = 32;

fn ready(socket_type: &str) -> Vec<u8> {
    command(b"READY", &property("Socket-Type", socket_type.as_bytes()))
}

fn greetings(put: Put<'_>) {
    let short = |options: u8, bytes: &[u8]| [&side(NULL, ROUTER, options)[..], bytes].concat();
    let signature = |last: u8| [&[0xFF][..], &[0; 8], &[last]].concat();
    put("zero", short(0, &[0]));
    put("odd-flags", short(0, &signature(0x7D)));
    put("even-flags", short(0, &signature(0)));
    put("even-flags-served", short(SERVES_1_0, &signature(0)));
    for (major, options) in [(0, 0), (2, 0), (2, SERVES_2_0), (3, SERVES_2_0)] {
        let version = [signature(0x7F), vec![major, 0]].concat();
        put(
            &format!("major-{major}-{options}"),
            short(options, &version),
        );
    }
    put("3-0-refused", short(SERVES_3_1, &greeting(3, 0, "NULL")));
    put(
        "2-0-beyond",
        short(SERVES_2_0, &[&signature(0x7F)[..], &[1, 11]].concat()),
    );
    put(
        "2-0-begun",
        short(SERVES_2_0, &[&signature(0x7F)[..], &[1]].concat()),
    );
    // A routing id up to the limit of 80 bytes, with traffic behind it; and one beyond.
    for length in [66, 200] {
        let id = [vec![1, 5, 0, length], vec![b'i'; length.into()]].concat();
        let bytes = [signature(0x7F), id, frame(0, b"a")].concat();
        put(
            &format!("2-0-id-{length}"),
            short(SERVES_2_0 | SMALL, &bytes),
        );
    }
    for octet in [6, 9, 10] {
        let greeting = [&signature(0x7F)[..], &[1, octet, 0, 0]].concat();
        put(&format!("2-0-octet-{octet}"), short(SERVES_2_0, &greeting));
    }
    const DEALER_AND_REP: [(u8, u8); 2] = [(0, 4), (3, 5)];
    for (socket_type, octet) in DEALER_AND_REP {
        let greeting = [&signature(0x7F)[..], &[1, octet, 0, 0]].concat();
        let side = side(NULL, socket_type, SERVES_2_0);
        put(&format!("2-0-octet-{octet}"), [side, greeting].concat());
    }
    let long = [&[0xFF][..], &[0, 0, 0, 0, 0, 0, 1, 1, 0]].concat();
    put("1-0-id-too-long", short(SERVES_1_0, &long));
}

fn commands(put: Put<'_>) {
    let greeted = |kind: u8, options: u8, mechanism: &str| {
        [side(kind, ROUTER, options), greeting(3, 1, mechanism)].concat()
    };
    let null = |options: u8| greeted(NULL, options, "NULL");
    let text = b"^RROR\x03400";
    put(
        "libzmq-error",
        [greeted(PLAIN_CLIENT, 0, "PLAIN"), frame(4, text)].concat(),
    );
    put(
        "error-and-more",
        [null(0), command(b"ERROR", b"\x02no more")].concat(),
    );
    put("too-much", [null(SMALL), ready("DEALER")].concat());
    // Too much of it, and wrong as a whole.
    put(
        "too-much-and-wrong",
        [null(SMALL), ready("STREAM")].concat(),
    );
    put("value-too-long", {
        let data = [&[1, b'a'][..], &[0x80, 0, 0, 0]].concat();
        [null(0), command(b"READY", &data)].concat()
    });
    put(
        "value-missing",
        [null(0), command(b"READY", &[1, b'a', 0, 0])].concat(),
    );
    let both = [frame(0, b"a"), command(b"READY", b"")].concat();
    put("ready-twice", [null(0), ready("DEALER"), both].concat());
    put(
        "asking",
        [greeted(ASKING, 0, "NULL"), ready("DEALER"), frame(0, b"a")].concat(),
    );
    put(
        "top-bit",
        [null(0), [&[6][..], &[0xFF; 8]].concat()].concat(),
    );
    put("more-command", [null(0), vec![5, 0]].concat());
}

/// A configuration, and operations; see the body.
fn heartbeat(put: Put<'_>) {
    const VERSION_3_1: u8 = 0;
    let pass = |millis: u16| [&[0][..], &millis.to_be_bytes()].concat();
    let ping = |tenths: u16| [&[2][..], &tenths.to_be_bytes()].concat();
    let look = |taken: u8, flags: u8| vec![7, taken, flags];
    let config = |interval: u16, timeout: u16, ttl: u16| {
        let numbers = [
            interval.to_be_bytes(),
            timeout.to_be_bytes(),
            ttl.to_be_bytes(),
        ];
        let [interval, timeout, ttl] = numbers;
        [&interval[..], &[1], &timeout, &ttl, &[VERSION_3_1]].concat()
    };
    let round = [pass(100), look(0, 0)].concat();
    put("storm", [config(100, 0, 0), round.repeat(14)].concat());
    let late = [
        pass(100),
        look(0, 0),
        vec![6],
        look(1, 1),
        pass(100),
        look(1, 1),
    ];
    let later = [pass(100), look(1, 0), pass(100), look(0, 0)];
    let excused = [late.concat(), later.concat()].concat();
    put("excused", [config(100, 100, 0), excused].concat());
    let forever = [ping(0xFFFF), pass(200), look(0, 0), pass(100), look(0, 0)].concat();
    put("for-ever", [config(100, 0xFFFF, 0xFFFF), forever].concat());
}

/// Every operation on messages of none, one and several parts, short ones and long ones.
fn message() -> Vec<u8> {
    let back = |length: u8| [vec![0, length], vec![b'b'; length.into()]].concat();
    let front = |length: u8| [vec![1, length], vec![0xF0; length.into()]].concat();
    let all = |length: u8| {
        let mut all = Vec::new();
        for action in [4, 5, 6, 7, 8, 9, 10, 2, 3] {
            all.extend(back(length));
            all.extend([6, 0, 9, 0, 7, 0, 10, 0, action, 0]);
            all.extend(front(length));
            all.extend([action, 0, 6, 0, 9, 0]);
        }
        all.extend([2, 0].repeat(20));
        all
    };
    [all(0), all(3), all(100)].concat()
}

/// Text whose 32nd byte is within a character, text with quotes, and what is none.
fn texts() -> Vec<u8> {
    let text = |text: &str| [&[11, text.len() as u8], text.as_bytes()].concat();
    let long = format!("a{}", "\u{e9}".repeat(40));
    [text(&long), text("\"\u{301}\n"), text("x"), vec![6, 0]].concat()
}

/// Boxes of messages, the last ones of so many words, where a message may have 128 and a command
/// 176 of them.
fn boxes(last: u8) -> Vec<u8> {
    let side = [8, 255, 40, 0];
    let mut input = [&[2][..], &side, &side, &[0; 12]].concat();
    for words in [0, 16, 17, 96, last] {
        input.extend([5, words, 0].repeat(2));
    }
    input
}

/// A handshake of CURVE in which one byte of one command is another one.
fn changed(turn: usize, at: u8, by: u8) -> Vec<u8> {
    let side = [0, 255, 255, 0];
    [
        &[2][..],
        &side,
        &side,
        &[0, 0].repeat(turn),
        &[0, 1, 0, at, by],
    ]
    .concat()
}
