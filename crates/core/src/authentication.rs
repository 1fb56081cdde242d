//! Who decides which peers are welcome.
//!
//! A handshake that knows who the peer claims to be stops and asks; nothing more is read from the
//! peer until there is an answer, or the handshake's time is over. No I/O thread waits for it: what
//! blocks runs on a thread of its own, and a future is polled whenever it wakes.
//!
//! A decision that fails denies: a callback that panics, a thread that cannot be started.

mod lists;
#[cfg(feature = "inproc")]
mod zap;

use std::fmt;
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use ferromq_wire::{Claim, Denial, Part};

use crate::options::Options;
use crate::port::Port;
use crate::sync::Mutex;
use crate::world::{World, contain};

pub use self::lists::AddressRangeError;

/// Who wants to be a peer, as far as that is known when it is decided.
///
/// # Examples
///
/// A callback is a function: it can be tested without any socket.
///
/// ```
/// use ferromq_core::{Applicant, Claim, Verdict};
///
/// fn decide(applicant: &Applicant) -> Verdict {
///     match (applicant.domain.as_str(), applicant.address.as_str()) {
///         ("inside", "192.0.2.7") => Verdict::allow("printer"),
///         _ => Verdict::deny("unknown"),
///     }
/// }
///
/// let mut printer = Applicant::new(Claim::Null, "192.0.2.7");
/// assert_eq!(decide(&printer), Verdict::deny("unknown"));
/// printer.domain = "inside".to_owned();
/// assert_eq!(decide(&printer), Verdict::allow("printer"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applicant {
    /// The mechanism, and what was shown in it.
    pub claim: Claim,
    /// Its address without the port. Over ipc, of who was accepted, `:USER:GROUP:PROCESS` where the
    /// system tells them, else nothing; of who was dialed the path.
    pub address: String,
    /// Our domain ([`Builder::zap_domain`](crate::Builder::zap_domain)), empty by default.
    pub domain: String,
    /// The routing id that it announced. Empty with NULL and PLAIN, where that comes later.
    pub routing_id: Part,
    /// The further properties that it announced. Empty with NULL and PLAIN.
    pub metadata: Vec<(String, Part)>,
}

impl Applicant {
    /// Who shows this and comes from there; the domain and what it has announced are empty.
    pub fn new(claim: Claim, address: impl Into<String>) -> Self {
        Self {
            claim,
            address: address.into(),
            domain: String::new(),
            routing_id: Part::default(),
            metadata: Vec::new(),
        }
    }
}

/// What was decided about an [`Applicant`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It is welcome; this is who it is.
    Allow(User),
    /// It is refused ([`deny`](Self::deny), [`deny_as`](Self::deny_as)).
    #[non_exhaustive]
    Deny {
        /// Why, as the peer is told; after [`Denial::Temporary`] it is told nothing.
        denial: Denial,
        /// Why in words, for our [`Event::Denied`](crate::Event::Denied).
        text: String,
    },
}

impl Verdict {
    /// Welcome under this user id (which may be empty).
    pub fn allow(user_id: impl Into<String>) -> Self {
        Self::Allow(User::new(user_id))
    }

    /// Refused as not authorized.
    pub fn deny(text: impl Into<String>) -> Self {
        Self::deny_as(Denial::Unauthorized, text)
    }

    /// Refused, and the peer is told this.
    pub fn deny_as(denial: Denial, text: impl Into<String>) -> Self {
        let text = text.into();
        Self::Deny { denial, text }
    }

    fn failure(text: &str) -> Self {
        Self::deny_as(Denial::Internal, text)
    }
}

/// Who an authenticated peer is, as [`Peer::user`](crate::Peer::user) tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct User {
    /// The user id, given by who decided.
    #[doc(alias = "User-Id")]
    pub id: String,
    /// Further properties, given likewise.
    pub metadata: Vec<(String, Part)>,
}

impl User {
    /// Who has this id, and no further properties.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            metadata: Vec::new(),
        }
    }

    /// The same with one more property.
    #[must_use]
    pub fn with_property(mut self, name: impl Into<String>, value: impl Into<Part>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }
}

/// Decides which peers are welcome: a callback, or a list.
///
/// # Examples
///
/// ```
/// use ferromq_core::{Authenticator, Claim, Verdict};
///
/// // Runs on a thread of its own: it may ask a database.
/// let by_callback = Authenticator::blocking(|applicant| match &applicant.claim {
///     Claim::Plain { username, .. } if username == b"admin" => Verdict::allow("admin"),
///     _ => Verdict::deny("not on the list"),
/// });
/// let by_address = Authenticator::addresses(["127.0.0.1", "10.0.0.0/8"])?;
/// let both = by_address.and(by_callback);
/// # drop(both);
/// # Ok::<(), ferromq_core::AddressRangeError>(())
/// ```
#[derive(Clone)]
pub struct Authenticator(Arc<Rule>);

enum Rule {
    Now(Box<dyn Fn(&Applicant) -> Verdict + Send + Sync>),
    Blocking(Arc<dyn Fn(&Applicant) -> Verdict + Send + Sync>),
    Later(Box<dyn Fn(Applicant) -> Answer + Send + Sync>),
    Both(Authenticator, Authenticator),
}

/// A decision that is on its way.
type Answer = Pin<Box<dyn Future<Output = Verdict> + Send>>;

impl Authenticator {
    /// Decides by a callback that may take its time, at most for the
    /// [handshake's](crate::Builder::handshake_timeout). It runs on one of up to four threads that
    /// all sockets of a context share; 1024 further peers wait for these, and those beyond are
    /// denied with [`Denial::Temporary`]. For a peer that is gone when its turn comes it is not
    /// called.
    pub fn blocking(decide: impl Fn(&Applicant) -> Verdict + Send + Sync + 'static) -> Self {
        Self::of(Rule::Blocking(Arc::new(decide)))
    }

    /// Decides by a future. It is polled on an I/O thread, which must not be kept: what it waits
    /// for wakes it from elsewhere. It is dropped if the peer goes or the handshake takes too long.
    pub fn asynchronous<F>(decide: impl Fn(Applicant) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let decide = move |applicant| -> Answer { Box::pin(decide(applicant)) };
        Self::of(Rule::Later(Box::new(decide)))
    }

    /// Welcome is who both allow. The other one is asked only if this one allows; the user is the
    /// other's, but with this one's id if that has none.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::of(Rule::Both(self, other))
    }

    /// Decides at once, on the I/O thread.
    fn immediate(decide: impl Fn(&Applicant) -> Verdict + Send + Sync + 'static) -> Self {
        Self::of(Rule::Now(Box::new(decide)))
    }

    fn of(rule: Rule) -> Self {
        Self(Arc::new(rule))
    }

    /// Asks. Nothing of the application runs before the answer is polled.
    pub(crate) fn ask(&self, applicant: Applicant, world: &Arc<dyn World>) -> Answer {
        let (this, world) = (self.clone(), Arc::clone(world));
        Box::pin(async move {
            match &*this.0 {
                Rule::Now(decide) => decide(&applicant),
                Rule::Blocking(decide) => offload(Arc::clone(decide), applicant, &world).await,
                Rule::Later(decide) => decide(applicant).await,
                Rule::Both(first, second) => {
                    let first = match first.ask(applicant.clone(), &world).await {
                        Verdict::Allow(user) => user,
                        denied => return denied,
                    };
                    match second.ask(applicant, &world).await {
                        Verdict::Allow(user) if user.id.is_empty() => Verdict::Allow(User {
                            id: first.id,
                            ..user
                        }),
                        decided => decided,
                    }
                }
            }
        })
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").finish_non_exhaustive()
    }
}

/// True if somebody decides about peers of NULL.
pub(crate) fn asks_about_null(options: &Options) -> bool {
    options.authenticator.is_some() || !options.zap_domain.is_empty()
}

/// Has it decided whether an applicant is welcome to a socket: by its authenticator, else by the
/// context's ZAP handler, else by rule.
pub(crate) fn ask(port: &Port, options: &Options, applicant: Applicant) -> Answer {
    if let Some(authenticator) = &options.authenticator {
        return authenticator.ask(applicant, &port.world);
    }
    #[cfg(feature = "inproc")]
    if let Some(context) = port.context.upgrade()
        && zap::has_handler(&context)
    {
        return Box::pin(zap::ask(context, applicant));
    }
    Box::pin(ready(undecided(options, &applicant.claim)))
}

/// Nobody is there to decide. (With PLAIN, nothing is known of a peer that nobody has checked.)
fn undecided(options: &Options, claim: &Claim) -> Verdict {
    let needs_somebody = matches!(claim, Claim::Plain { .. });
    if needs_somebody || options.enforce_zap_domain {
        Verdict::failure("nobody decides about peers")
    } else {
        Verdict::allow("")
    }
}

/// An answer that a handshake waits for. A panic in it is a denial.
pub(crate) struct Decision {
    answer: Option<Answer>,
    waker: Waker,
}

impl Decision {
    /// Whenever the answer may have come, `waker` is woken.
    pub(crate) fn new(answer: Answer, waker: Waker) -> Self {
        let answer = Some(answer);
        Self { answer, waker }
    }

    /// The verdict, if it is there.
    pub(crate) fn poll(&mut self) -> Option<Verdict> {
        let answer = self.answer.as_mut()?.as_mut();
        let mut context = Context::from_waker(&self.waker);
        match contain(|| answer.poll(&mut context)) {
            Some(Poll::Ready(verdict)) => Some(verdict),
            Some(Poll::Pending) => None,
            None => Some(Verdict::failure("the authenticator has panicked")),
        }
    }
}

impl Drop for Decision {
    fn drop(&mut self) {
        let answer = self.answer.take();
        contain(|| drop(answer));
    }
}

/// Runs a callback elsewhere, unless nobody waits for its answer any more when its turn comes.
fn offload(
    decide: Arc<dyn Fn(&Applicant) -> Verdict + Send + Sync>,
    applicant: Applicant,
    world: &Arc<dyn World>,
) -> impl Future<Output = Verdict> + Send + use<> {
    let slot = Arc::new(Slot::default());
    let promise = Promise(Arc::downgrade(&slot));
    world.offload(Box::new(move |able| match able {
        Ok(()) if !promise.is_awaited() => {}
        Ok(()) => promise.keep(decide(&applicant)),
        Err(error) => promise.keep(not_asked(&error)),
    }));
    std::future::poll_fn(move |context| slot.poll(context))
}

fn not_asked(error: &io::Error) -> Verdict {
    match error.kind() {
        io::ErrorKind::QuotaExceeded => {
            let text = "too many peers wait for the authenticator";
            Verdict::deny_as(Denial::Temporary, text)
        }
        _ => Verdict::failure("there is no thread for the authenticator"),
    }
}

/// Where an answer is put by one thread and found by another.
#[derive(Default)]
struct Slot(Mutex<Filling>);

#[derive(Default)]
struct Filling {
    verdict: Option<Verdict>,
    waker: Option<Waker>,
}

impl Slot {
    fn poll(&self, context: &Context<'_>) -> Poll<Verdict> {
        let mut filling = self.0.lock();
        match filling.verdict.take() {
            Some(verdict) => Poll::Ready(verdict),
            None => {
                filling.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn fill(&self, verdict: Verdict) {
        let mut filling = self.0.lock();
        filling.verdict.get_or_insert(verdict);
        let waker = filling.waker.take();
        drop(filling);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Fills a slot once, if it is still there; if only with a failure, when the callback panics.
struct Promise(Weak<Slot>);

impl Promise {
    fn is_awaited(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn keep(&self, verdict: Verdict) {
        if let Some(slot) = self.0.upgrade() {
            slot.fill(verdict);
        }
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.keep(Verdict::failure("the authenticator has panicked"));
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests;
