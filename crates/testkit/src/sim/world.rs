//! The simulated world's front: what tests say to it, and its side of the seam.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use ferromq_core::world::{Bell, Listener, Reactor, Resolved, Running, Stream, Worker, World};
use ferromq_transport::{Address, Endpoint, ListenError, TransportOptions};

use super::conditions::Conditions;
use super::fault::{Call, Fault, Faults};
use super::link::{LinkId, Side};
use super::network::stream_source;
use super::place::{Place, resolve};
use super::reactor::{SimReactor, number};
use super::scheduler::{Shared, SimBell, SimRunning, Step};
use super::state::{Due, Running as Turning, State};
use super::stream::{SimListener, SimStream};
use super::thread::{SimThread, own_bell};
use super::trace::Event;

/// A simulated world; clones are handles to the same one, as seen from the same host.
///
/// Where a method takes the text of an endpoint (`tcp://127.0.0.1:5555`), it means a listener
/// there, present or not.
#[derive(Clone)]
pub struct SimWorld {
    shared: Arc<Shared>,
    bell: Arc<SimBell>,
    host: usize,
}

/// Making and looking.
impl SimWorld {
    /// A world under default [`Conditions`], in which everything left to chance follows from
    /// `seed`.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Conditions::default())
    }

    /// A world under these conditions.
    pub fn with(seed: u64, conditions: Conditions) -> Self {
        let shared = Arc::new(Shared::new(seed, conditions));
        let bell = Arc::new(SimBell::new(shared.clone()));
        let world = Self {
            shared,
            bell,
            host: 0,
        };
        world.add_name("localhost", &[IpAddr::from([127, 0, 0, 1])]);
        world
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.shared.lock().seed
    }

    /// The virtual time since the world was made. Looking costs nothing.
    pub fn elapsed(&self) -> Duration {
        self.shared.lock().clock
    }

    /// The hash of everything that has happened: equal for equal seeds if the code under test takes
    /// time, chance and input from the world only.
    pub fn trace_hash(&self) -> u64 {
        self.shared.lock().trace.hash()
    }

    /// The last few thousand events, with their virtual times.
    pub fn trace(&self) -> Vec<(Duration, Event)> {
        self.shared.lock().trace.entries()
    }

    /// How many events there have been.
    pub fn traced(&self) -> u64 {
        self.shared.lock().trace.count
    }

    /// The whole state as text, with the last events.
    pub fn dump(&self) -> String {
        self.shared.lock().dump()
    }

    /// The links that are not gone, in the order of dialing.
    pub fn links(&self) -> Vec<LinkId> {
        self.shared.lock().links.keys().copied().collect()
    }

    /// The links dialed to this endpoint that are not gone, in the order of dialing.
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint.
    #[track_caller]
    pub fn links_to(&self, endpoint: &str) -> Vec<LinkId> {
        let place = self.place(endpoint);
        self.shared.lock().links_to(&place)
    }

    /// Bytes under way, or arrived and not read, between ends that are there.
    pub fn unread(&self) -> usize {
        self.shared.lock().unread()
    }

    /// How many turns workers have had in which no byte moved and no connection changed, nor since
    /// the last turn but one: who spins has many in little time. (After a turn that was told
    /// something a worker has one more, in which it finds out for how long to wait.)
    pub fn idle_turns(&self) -> u64 {
        self.shared.lock().idle_turns
    }

    /// How many workers have not stopped.
    pub fn workers(&self) -> usize {
        self.shared
            .lock()
            .workers
            .iter()
            .filter(|slot| !slot.stopped)
            .count()
    }

    #[track_caller]
    fn place(&self, endpoint: &str) -> Place {
        let state = self.shared.lock();
        match Place::parse(endpoint, &state.names) {
            Ok(place) => place,
            Err(error) => panic!("{endpoint}: {error}"),
        }
    }
}

/// Running.
impl SimWorld {
    /// Does one thing: a worker's turn, an arrival, or a move of the clock to the next of these.
    /// False if nothing can ever happen.
    pub fn step(&self) -> bool {
        self.shared.step(None) != Step::Nothing
    }

    /// Runs until `done`, which is asked before every step.
    ///
    /// # Panics With "deadlock" if nothing can ever happen before that; with "livelock" if workers
    /// have turns without end.
    pub fn run_until(&self, done: impl FnMut() -> bool) {
        self.shared.run_until(done);
    }

    /// Runs until `done`, or for this long in virtual time; tells whether it is done.
    pub fn run_within(&self, limit: Duration, mut done: impl FnMut() -> bool) -> bool {
        let limit = self.elapsed().saturating_add(limit);
        loop {
            if done() {
                return true;
            }
            if self.elapsed() >= limit && !self.is_busy() {
                return false;
            }
            self.shared.step(Some(limit));
        }
    }

    /// Runs until no worker can run and nothing is on its way. Timeouts that come due before that
    /// are served, later ones stay.
    pub fn run_idle(&self) {
        loop {
            let limit = {
                let state = self.shared.lock();
                state.next_due().unwrap_or_default().max(state.clock)
            };
            if self.shared.step(Some(limit)) != Step::Did && self.shared.lock().next_due().is_none()
            {
                return;
            }
        }
    }

    /// Runs everything that happens within this time, and moves the clock to its end.
    pub fn advance(&self, time: Duration) {
        self.run_within(time, || false);
    }

    /// Runs the world until the future is ready.
    ///
    /// # Panics
    /// With "deadlock" if nothing can ever happen before that.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        loop {
            self.run_until(|| woken.0.swap(false, Ordering::SeqCst));
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
        }
    }

    /// Starts a further thread of the application on this host. It runs in turns, as workers do,
    /// each from one wait to the next, and while anybody else waits. Of calls that wait only those
    /// may be made on it that sleep by a bell: it is not to drop a context.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> SimThread<T> {
        SimThread::start(&self.shared, self.host, name.to_owned(), body)
    }

    fn is_busy(&self) -> bool {
        self.shared.lock().is_busy()
    }
}

/// Interfering.
impl SimWorld {
    /// Changes the conditions, from now on.
    pub fn weather(&self, change: impl FnOnce(&mut Conditions)) {
        let mut conditions = self.shared.lock().conditions.clone();
        change(&mut conditions);
        self.shared.lock().conditions = conditions;
    }

    /// Breaks a link: what is in flight is lost, both sides read what had arrived and then get
    /// `ConnectionReset`. A link that is still connecting is refused. Nothing if it is gone.
    pub fn cut(&self, link: LinkId) {
        self.with_link(link, |state| state.cut(link));
    }

    /// Makes a link a black hole: nothing arrives any more, until [`release`](Self::release).
    /// Nothing if it is gone.
    pub fn hold(&self, link: LinkId) {
        self.with_link(link, |state| state.hold(link));
    }

    /// Ends [`hold`](Self::hold): what was written meanwhile arrives.
    pub fn release(&self, link: LinkId) {
        self.with_link(link, |state| state.release(link));
    }

    /// Holds every link to an endpoint, and leaves new connects to it undecided, until
    /// [`heal`](Self::heal).
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint.
    #[track_caller]
    pub fn partition(&self, endpoint: &str) {
        let place = self.place(endpoint);
        self.shared.lock().partition(place);
    }

    /// Ends [`partition`](Self::partition): links are released, connects decided.
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint.
    #[track_caller]
    pub fn heal(&self, endpoint: &str) {
        let place = self.place(endpoint);
        self.shared.lock().heal(&place);
    }

    /// Fails the next `times` accepts of waiting connections at an endpoint; they go on waiting, as
    /// after EMFILE (`fail_accept(endpoint, 24, 1)`).
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint.
    #[track_caller]
    pub fn fail_accept(&self, endpoint: &str, fault: impl Into<Fault>, times: usize) {
        let place = self.place(endpoint);
        self.shared.lock().fail_accept(place, fault.into(), times);
    }

    /// The same world as seen from another host: what is made through this handle is lost when it
    /// [crashes](Self::crash).
    pub fn another_host(&self) -> Self {
        let mut state = self.shared.lock();
        let host = state.hosts_made;
        state.hosts_made += 1;
        Self {
            host,
            ..self.clone()
        }
    }

    /// Ends everything on this handle's host at once, as when its processes are killed: what the
    /// kernel had taken still arrives, then connections end, or are reset where something was
    /// unread. Silently, as when the power goes: others hear nothing until they send, and are
    /// answered by a reset. The host's sockets, futures and contexts are of no use any more;
    /// dropping them does nothing, to others either.
    ///
    /// # Panics
    /// If a worker of the host is having a turn.
    pub fn crash(&self, silently: bool) {
        let workers = self.shared.lock().crash(self.host, silently);
        drop(workers);
    }

    /// Fails the next `times` calls of this kind, whoever makes them.
    pub fn fail(&self, call: Call, fault: impl Into<Fault>, times: usize) {
        let mut state = self.shared.lock();
        let faults = state.call_faults.entry(call).or_default();
        faults.add(fault.into(), times);
    }

    /// Forgets the faults that have not hit, but those of links.
    pub fn fail_no_more(&self) {
        let mut state = self.shared.lock();
        state.accept_faults.clear();
        state.call_faults.clear();
        state.dial_faults = Faults::default();
    }

    /// Fails the next `times` calls of `World::dial` at once.
    pub fn fail_dial(&self, fault: impl Into<Fault>, times: usize) {
        self.shared.lock().dial_faults.add(fault.into(), times);
    }

    /// Fails the next `times` reads of one side. Nothing if the link is gone.
    pub fn fail_read(&self, link: LinkId, side: Side, fault: impl Into<Fault>, times: usize) {
        let fault = fault.into();
        self.with_link(link, |state| {
            state
                .link_mut(link)
                .end_mut(side)
                .read_faults
                .add(fault, times);
        });
    }

    /// Fails the next `times` writes of one side. Nothing if the link is gone.
    pub fn fail_write(&self, link: LinkId, side: Side, fault: impl Into<Fault>, times: usize) {
        let fault = fault.into();
        self.with_link(link, |state| {
            state
                .link_mut(link)
                .end_mut(side)
                .write_faults
                .add(fault, times);
        });
    }

    /// Makes a name (of a host or an interface) mean these addresses, in this order.
    ///
    /// # Panics
    /// If there are none.
    pub fn add_name(&self, name: &str, addresses: &[IpAddr]) {
        assert!(
            !addresses.is_empty(),
            "a name without addresses: use fail_name"
        );
        let entry = Ok(addresses.to_vec());
        self.shared.lock().names.insert(name.to_owned(), entry);
    }

    /// Makes looking up this name fail.
    pub fn fail_name(&self, name: &str, fault: impl Into<Fault>) {
        let entry = Err(fault.into());
        self.shared.lock().names.insert(name.to_owned(), entry);
    }

    fn with_link(&self, link: LinkId, interfere: impl FnOnce(&mut State)) {
        let mut state = self.shared.lock();
        if state.links.contains_key(&link) {
            interfere(&mut state);
        }
    }
}

/// Raw streams, for peers without a socket.
impl SimWorld {
    /// Starts connecting a raw stream to an endpoint, and names its link.
    ///
    /// # Panics
    /// If the text is no tcp or ipc endpoint, or an injected fault hits.
    #[track_caller]
    pub fn dial_raw(&self, endpoint: &str) -> (LinkId, Arc<dyn Stream>) {
        let dialed = self.addresses(endpoint).and_then(|addresses| {
            let address = &addresses[0];
            let (target, origin) = (Place::of_address(address), Place::origin_of(address));
            self.shared.lock().dial(self.host, target, &origin)
        });
        match dialed {
            Ok(link) => (
                link,
                Arc::new(SimStream::new(
                    self.shared.clone(),
                    self.host,
                    link,
                    Side::Dialer,
                )),
            ),
            Err(error) => panic!("dialing {endpoint}: {error}"),
        }
    }

    fn addresses(&self, endpoint: &str) -> io::Result<Vec<Address>> {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        let endpoint = endpoint.parse().map_err(invalid)?;
        resolve(&endpoint, &self.shared.lock().names)
    }

    /// True if reading this stream would not block.
    ///
    /// # Panics
    /// If the stream is none of a simulated world.
    pub fn is_readable(&self, stream: &dyn Stream) -> bool {
        let source = number(stream.source());
        self.shared.lock().readiness(source).readable
    }

    /// True if writing this stream would not block.
    ///
    /// # Panics
    /// If the stream is none of a simulated world.
    pub fn is_writable(&self, stream: &dyn Stream) -> bool {
        let source = number(stream.source());
        self.shared.lock().readiness(source).writable
    }

    /// The link of which this stream is an end.
    ///
    /// # Panics
    /// If the stream is none of a simulated world.
    pub fn link_of(&self, stream: &dyn Stream) -> LinkId {
        let source = number(stream.source());
        let mut links = self.links().into_iter();
        links
            .find(|link| {
                [Side::Dialer, Side::Acceptor]
                    .map(|s| stream_source(*link, s))
                    .contains(&source)
            })
            .expect("a stream's link is there while the stream is")
    }
}

impl World for SimWorld {
    fn now(&self) -> Instant {
        let mut state = self.shared.lock();
        let cost = state.conditions.clock_cost;
        state.clock += cost;
        state.instant()
    }

    fn random(&self) -> u64 {
        self.shared.lock().handed_out.bits()
    }

    fn serial(&self) -> u32 {
        let mut state = self.shared.lock();
        state.serials += 1;
        state.serials
    }

    fn entropy(&self, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.shared.lock();
        for chunk in into.chunks_mut(8) {
            chunk.copy_from_slice(&state.handed_out.bits().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }

    fn tuning(&self) -> ferromq_core::world::Tuning {
        self.shared.lock().conditions.tuning
    }

    fn start(&self, name: String, worker: Box<dyn Worker>) -> io::Result<Box<dyn Running>> {
        let running = SimRunning::start(&self.shared, self.host, name, worker)?;
        Ok(Box::new(running))
    }

    fn is_worker(&self) -> bool {
        own_bell().is_none() && matches!(self.shared.lock().running, Turning::Worker(_))
    }

    fn reactor(&self) -> io::Result<Arc<dyn Reactor>> {
        self.shared.lock().hit(Call::Reactor)?;
        Ok(Arc::new(SimReactor::new(&self.shared)))
    }

    fn bell(&self) -> Arc<dyn Bell> {
        match own_bell() {
            Some(bell) => bell,
            None => self.bell.clone(),
        }
    }

    fn listen(
        &self,
        endpoint: &Endpoint,
        options: &TransportOptions,
    ) -> Result<Box<dyn Listener>, ListenError> {
        let mut state = self.shared.lock();
        let place = Place::of_endpoint(endpoint, &state.names, options.ipv6);
        let place = place.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ListenError::InterfaceNotFound,
            _ => error.into(),
        })?;
        let (id, place) = state.listen(self.host, &place)?;
        drop(state);
        let endpoint = place.to_string().parse()?;
        Ok(Box::new(SimListener::new(
            self.shared.clone(),
            self.host,
            id,
            endpoint,
        )))
    }

    fn dial(&self, address: &Address, _options: &TransportOptions) -> io::Result<Arc<dyn Stream>> {
        let (target, origin) = (Place::of_address(address), Place::origin_of(address));
        let link = self.shared.lock().dial(self.host, target, &origin)?;
        Ok(Arc::new(SimStream::new(
            self.shared.clone(),
            self.host,
            link,
            Side::Dialer,
        )))
    }

    fn resolve(&self, endpoint: &Endpoint, reply: Resolved) {
        let mut state = self.shared.lock();
        let state = &mut *state;
        let latency = state.dice.duration(&state.conditions.resolve_latency);
        let addresses = resolve(endpoint, &state.names);
        let at = state.clock + latency;
        let name = endpoint.to_string();
        state.schedule(at, Due::Reply(name, Box::new(move || reply(addresses))));
    }
}

impl fmt::Debug for SimWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SimWorld {{ seed: {}, elapsed: {:?} }}",
            self.seed(),
            self.elapsed()
        )
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
