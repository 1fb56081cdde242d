//! Who connects and speaks no ZMTP, or not to the end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use ferromq::{Context, Endpoint, Pull};
use ferromq_testkit::sim::Random;

use crate::visit::{Scene, WAIT, text};
use crate::{CALM, Outcome};

/// How a ZMTP 3.1 peer with the mechanism NULL begins.
const GREETING: &[u8] = b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// A socket that strangers come to.
pub(crate) struct Strangers {
    pull: Pull,
    endpoint: Endpoint,
}

/// A connection.
trait Wire: Read + Write {}
impl Wire for TcpStream {}
impl Wire for UnixStream {}

impl Strangers {
    /// Over tcp or ipc.
    pub(crate) fn new(transport: &str) -> Outcome<Self> {
        let pull = Pull::new(&Context::new());
        let wildcard = match transport {
            "tcp" => "tcp://127.0.0.1:*",
            _ => "ipc://*",
        };
        let endpoint = pull.bind(wildcard).map_err(text)?;
        Ok(Self { pull, endpoint })
    }

    fn connect(&self) -> Outcome<Box<dyn Wire>> {
        let endpoint = self.endpoint.to_string();
        let patience = Some(WAIT);
        Ok(match endpoint.split_once("://") {
            Some(("tcp", address)) => {
                let stream = TcpStream::connect(address).map_err(text)?;
                stream.set_read_timeout(patience).map_err(text)?;
                Box::new(stream)
            }
            Some((_, path)) => {
                let stream = UnixStream::connect(path).map_err(text)?;
                stream.set_read_timeout(patience).map_err(text)?;
                Box::new(stream)
            }
            None => return Err(format!("no address: {endpoint}")),
        })
    }
}

impl Scene for Strangers {
    /// Says a piece of a greeting, or something else, and goes; it may be refused meanwhile.
    fn visit(&self, dice: &mut Random) -> Outcome {
        let mut stream = self.connect()?;
        let _ = match dice.below(3) {
            0 => stream.write(&GREETING[..dice.below(GREETING.len())]),
            1 => stream.write(b"GET / HTTP/1.1\r\n\r\n"),
            // At least the signature that we send.
            _ => stream.read(&mut [0; 10]),
        };
        drop(stream);
        let deadline = Instant::now() + CALM;
        while self.pull.pipes() > 0 {
            if Instant::now() > deadline {
                return Err("a stranger has a pipe".to_owned());
            }
            thread::park_timeout(Duration::from_micros(200));
        }
        Ok(())
    }

    fn orphan(&self) -> Option<String> {
        (self.pull.pipes() > 0).then(|| format!("a stranger at {}", self.endpoint))
    }
}
