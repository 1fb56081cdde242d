//! Forwarding whole messages between two sockets.
//!
//! A message is taken from one side only if the other one has room, so what nobody takes stays
//! where it is, and the senders feel it. While it runs, the proxy's thread is the leader of the
//! sockets that it takes messages from, as a receiver is (`socket/leading.rs`), and reads their few
//! connections itself. Where nothing can be forwarded, it sleeps: it registers with every socket,
//! looks once more, then waits for its bell and those connections. Whoever steers it changes what
//! is ordered and rings: either it is seen before the wait, or the ring ends that.

mod handle;

use std::fmt;
use std::sync::Arc;

use ferromq_wire::Message;

use self::handle::{Control, Count, Order};
pub use self::handle::{ProxyHandle, ProxyStats, Traffic};
use crate::error::{ClosedError, RecvError, SendErrorKind};
use crate::pattern::{Receives, Sends};
use crate::poll::Pollable;
use crate::socket::{Claim, Shared, Socket, flush_left, sleep};
use crate::wait::Waiter;
use crate::world::{Bell, World};

/// The most messages that one direction forwards before the other has its turn.
const BATCH: usize = 1000;

/// Forwards whole messages between two sockets, on the thread that [runs](Self::run) it.
///
/// ROUTER and DEALER make a broker of requests, XSUB and XPUB one of publications (subscriptions go
/// the other way), PULL and PUSH a streamer. Whatever a socket type does with a message it does
/// here: a reply goes to the peer that its first part names, and XPUB drops for subscribers that
/// are behind.
///
/// *Ordering and delivery*: messages keep their order. One is taken only while the other side (and
/// the capture socket) has room: otherwise it stays where it is, and its sender comes to its
/// high-water mark. Nothing is lost by stopping: what was taken was handed on, or is in
/// [`Stopped::undelivered`]. (A copy that the capture socket has no room for then is dropped.) A
/// ROUTER accepts messages while any of its peers has room; a message for one that has none is held
/// until that has, and those behind it wait.
///
/// *Compatibility*: zmq_proxy_steerable is steered by messages, this by a [`ProxyHandle`]. libzmq
/// drops what a ROUTER cannot send; here it waits for a peer that is behind, and what is for nobody
/// is counted.
///
/// # Examples
///
/// ```no_run
/// # use ferromq_core::{ClosedError, Proxy, Receives, Sends, Socket};
/// # fn serve(clients: Socket<impl Sends + Receives>, workers: Socket<impl Sends + Receives>) {
/// let proxy = Proxy::new(&clients, &workers);
/// let handle = proxy.handle();
/// std::thread::scope(|scope| {
///     let running = scope.spawn(|| proxy.run());
///     // …
///     println!("{:?}", handle.stats());
///     handle.terminate();
///     let stopped = running.join().expect("it does not panic");
///     assert!(stopped.undelivered.is_empty());
/// });
/// # }
/// ```
#[doc(alias = "zmq_proxy")]
#[doc(alias = "zmq_proxy_steerable")]
pub struct Proxy<'a> {
    world: &'a Arc<dyn World>,
    ways: Vec<Way<'a>>,
    capture: Option<&'a dyn Target>,
    control: Arc<Control>,
}

/// How a proxy came to stop.
#[derive(Debug)]
#[must_use = "messages that were not delivered are in it"]
#[non_exhaustive]
pub struct Stopped {
    /// A socket was closed, or its context shut down; `None`: it was
    /// [told](ProxyHandle::terminate) to.
    pub closed: Option<ClosedError>,
    /// What was taken from one side and not accepted by the other: at most one message for each
    /// direction, and rarely any.
    pub undelivered: Vec<Message>,
}

impl<'a> Proxy<'a> {
    /// Forwards both ways.
    pub fn new<F, B>(front: &'a Socket<F>, back: &'a Socket<B>) -> Self
    where
        F: Sends + Receives,
        B: Sends + Receives,
    {
        let (front, back) = (&**front.shared(), &**back.shared());
        Self::over(front, vec![Way::new(front, back), Way::new(back, front)])
    }

    /// Forwards what is received on `front` to `back`, and nothing the other way: PULL to PUSH, SUB
    /// to PUB.
    pub fn one_way<F: Receives, B: Sends>(front: &'a Socket<F>, back: &'a Socket<B>) -> Self {
        let (front, back) = (&**front.shared(), &**back.shared());
        Self::over(front, vec![Way::new(front, back)])
    }

    /// Sends a copy of each message that was handed on, of either direction, to this socket too. If
    /// it has no room, both directions wait for it (PUB always has). Payloads are not copied.
    pub fn capture<C: Sends>(mut self, capture: &'a Socket<C>) -> Self {
        self.capture = Some(&**capture.shared());
        self
    }

    /// How other threads steer it.
    pub fn handle(&self) -> ProxyHandle {
        ProxyHandle::new(&self.control)
    }

    /// Forwards until it is told to stop or a socket is closed.
    ///
    /// *Blocking*: takes no processor time while there is nothing to forward, or no room for it.
    pub fn run(mut self) -> Stopped {
        let bell = self.world.bell();
        self.control.begin(&bell);
        let closed = self.serve(&bell).err();
        self.ways.iter_mut().for_each(Way::end_leading);
        self.control.end();
        flush_left();
        let held = self.ways.into_iter().map(|way| way.held);
        Stopped {
            closed,
            undelivered: held.filter(|message| !message.is_empty()).collect(),
        }
    }

    fn over(front: &'a dyn Source, ways: Vec<Way<'a>>) -> Self {
        Self {
            world: front.world(),
            ways,
            capture: None,
            control: Arc::default(),
        }
    }

    fn serve(&mut self, bell: &Arc<dyn Bell>) -> Result<(), ClosedError> {
        let waiter = Arc::new(Waiter::Thread(Arc::clone(bell)));
        loop {
            let order = self.control.order();
            if order == Order::Stop {
                return Ok(());
            }
            if self.forward(order, Reads::Connections)? {
                continue;
            }
            let sockets = self.sockets();
            sockets.for_each(|socket| socket.watch_leading(&waiter));
            // What reaches a connection from now on ends the wait.
            let more = self.forward(order, Reads::Nothing);
            if more == Ok(false) && self.control.order() == order {
                flush_left();
                let claims = self.ways.iter().filter_map(|way| way.claim.as_deref());
                sleep(claims, &**bell, None);
            }
            self.sockets().for_each(|socket| socket.unwatch(&waiter));
            more?;
        }
    }

    /// Forwards what is there, in either direction. True: there may be more.
    fn forward(&mut self, order: Order, reads: Reads) -> Result<bool, ClosedError> {
        let closed = self.sockets().find_map(|socket| socket.closed());
        closed.map_or(Ok(()), Err)?;
        let mut more = false;
        if order == Order::Run {
            for (way, count) in self.ways.iter_mut().zip(&self.control.counts) {
                more |= way.forward(self.capture, count, reads)?;
            }
            flush_left();
        } else {
            self.ways.iter_mut().for_each(Way::end_leading);
        }
        Ok(more)
    }

    /// All sockets, each at least once.
    fn sockets(&self) -> impl Iterator<Item = &dyn Pollable> {
        let sides = self.ways.iter().flat_map(|way| {
            let sides: [&dyn Pollable; 2] = [way.from, way.to];
            sides
        });
        let capture = self.capture.map(|capture| capture as &dyn Pollable);
        sides.chain(capture)
    }
}

impl fmt::Debug for Proxy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("ways", &self.ways.len())
            .field("captures", &self.capture.is_some())
            .field("control", &self.control)
            .finish()
    }
}

/// What a look for messages reads beside the queues.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Nothing,
    Connections,
}

/// One direction.
struct Way<'a> {
    from: &'a dyn Source,
    /// The connections that are read here; `None`: the I/O threads read them.
    claim: Option<Arc<Claim>>,
    to: &'a dyn Target,
    /// Taken, and not accepted yet; empty if there is none.
    held: Message,
    /// The same of the copy for the capture socket.
    copy: Message,
}

impl<'a> Way<'a> {
    fn new(from: &'a dyn Source, to: &'a dyn Target) -> Self {
        Self {
            from,
            claim: None,
            to,
            held: Message::new(),
            copy: Message::new(),
        }
    }

    /// Forwards as many messages as there are and have room, at most [`BATCH`]. True: there may be
    /// more.
    fn forward(
        &mut self,
        capture: Option<&dyn Target>,
        count: &Count,
        reads: Reads,
    ) -> Result<bool, ClosedError> {
        let mut has_room = self.hand_on(capture, count)?;
        for _ in 0..BATCH {
            has_room &= self.to.has_room() && capture.is_none_or(|socket| socket.has_room());
            if !has_room {
                // What can be read would end every wait.
                self.end_leading();
                return Ok(false);
            }
            if !self.take(reads)? {
                return Ok(false);
            }
            has_room = self.hand_on(capture, count)?;
        }
        Ok(true)
    }

    /// Becomes the leader, if it may, or again if connections came or went.
    fn lead(&mut self) {
        let claim = self.claim.as_ref();
        if !claim.is_some_and(|claim| self.from.is_leading(claim)) {
            self.end_leading();
            self.claim = self.from.begin_leading();
        }
    }

    /// The I/O threads read the connections.
    fn end_leading(&mut self) {
        if let Some(claim) = self.claim.take() {
            self.from.end_leading(&claim);
        }
    }

    /// Takes the next message. False: there is none.
    fn take(&mut self, reads: Reads) -> Result<bool, ClosedError> {
        if self.from.take(&mut self.held)? {
            return Ok(true);
        }
        if reads == Reads::Nothing {
            return Ok(false);
        }
        self.lead();
        match &self.claim {
            Some(claim) => {
                self.from.read(claim);
                self.from.take(&mut self.held)
            }
            None => Ok(false),
        }
    }

    /// Hands on what is held, and its copy. False: something is held still.
    fn hand_on(
        &mut self,
        capture: Option<&dyn Target>,
        count: &Count,
    ) -> Result<bool, ClosedError> {
        if !self.held.is_empty() {
            let copy = capture.map(|_| self.held.clone());
            let size = self.held.size() as u64;
            match offer(self.to, &mut self.held)? {
                Offered::Accepted => {
                    count.forward(size);
                    self.copy = copy.unwrap_or_default();
                }
                Offered::Refused => count.refuse(),
                Offered::Full => return Ok(false),
            }
        }
        let Some(capture) = capture.filter(|_| !self.copy.is_empty()) else {
            return Ok(true);
        };
        Ok(!matches!(offer(capture, &mut self.copy)?, Offered::Full))
    }
}

/// What became of a message.
enum Offered {
    Accepted,
    Refused,
    Full,
}

/// Offers a message to a socket; nothing is left of it unless that has no room.
fn offer(to: &dyn Target, message: &mut Message) -> Result<Offered, ClosedError> {
    let offered = match to.offer(message) {
        Ok(()) => Offered::Accepted,
        Err(SendErrorKind::Closed(closed)) => return Err(closed),
        Err(SendErrorKind::Full | SendErrorKind::TimedOut) => return Ok(Offered::Full),
        Err(SendErrorKind::NoParts | SendErrorKind::NoThread(_) | SendErrorKind::Refused(_)) => {
            Offered::Refused
        }
    };
    *message = Message::new();
    Ok(offered)
}

/// A socket that a proxy takes messages from.
trait Source: Pollable {
    /// The next message of those that were read, into an empty one. False: there is none.
    fn take(&self, into: &mut Message) -> Result<bool, ClosedError>;
    fn begin_leading(&self) -> Option<Arc<Claim>>;
    fn is_leading(&self, claim: &Arc<Claim>) -> bool;
    fn read(&self, claim: &Claim);
    fn end_leading(&self, claim: &Claim);
}

/// A socket that a proxy hands messages to.
trait Target: Pollable {
    /// Would a send be accepted now?
    fn has_room(&self) -> bool;

    /// Sends the message, which is moved out or left as it was.
    fn offer(&self, message: &mut Message) -> Result<(), SendErrorKind>;
}

impl<P: Receives> Source for Shared<P> {
    fn take(&self, into: &mut Message) -> Result<bool, ClosedError> {
        match self.take(into) {
            Ok(taken) => Ok(taken),
            Err(RecvError::Closed(closed)) => Err(closed),
            // The pattern waits for a reply first: what there is stays.
            Err(_) => Ok(false),
        }
    }

    fn begin_leading(&self) -> Option<Arc<Claim>> {
        self.begin_leading()
    }

    fn is_leading(&self, claim: &Arc<Claim>) -> bool {
        self.is_leading(claim)
    }

    fn read(&self, claim: &Claim) {
        self.read_leading(claim);
    }

    fn end_leading(&self, claim: &Claim) {
        self.end_leading(claim);
    }
}

impl<P: Sends> Target for Shared<P> {
    fn has_room(&self) -> bool {
        self.can_send()
    }

    fn offer(&self, message: &mut Message) -> Result<(), SendErrorKind> {
        self.try_send_batched(message)
    }
}
