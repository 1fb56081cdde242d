//! Requests side by side: one core for threads and futures.
//!
//! ```text
//!           ask: a peer takes it                  reply
//!   parked ──────────────────────► asked ──────────────────► done
//!     ▲  ▲    came back unsent       │
//!     │  └───────────────────────────┤
//!     │    next attempt              │ peer lost, or no reply in time
//!     └──────────────────────────────┤
//!                                    └── no attempts left ──► failed
//! ```
//!
//! Each asker makes its own way, under the socket's lock, whenever it is woken: by its reply, by
//! something that became of its request, by room, by its deadline. An asker that leaves is
//! forgotten there and then: what is answered later is stale.

use std::collections::BTreeMap;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use ferromq_wire::Message;

use super::after::flush_left;
use super::alarms::Alarm;
use super::state::{Body, State};
use super::{Shared, Socket};
use crate::error::{RequestError, RequestErrorKind};
use crate::pattern::{Asks, Dropped, Progress, Route};
use crate::port::Port;
use crate::wait::Waiter;

/// How long an attempt takes by default.
const TIMEOUT: Duration = Duration::from_secs(30);

impl<P: Asks> Socket<P> {
    /// A request and its reply: to be [waited](Request::wait) for, or awaited. Nothing happens
    /// before.
    ///
    /// The request goes to one connected peer, the next in turn with room. It waits for such a peer
    /// and for the reply, at most for [`timeout`](Request::timeout) (30 s by default), and is asked
    /// again as often as [`retries`](Request::retries) allows (by default not): after each timeout,
    /// and at once if the peer that was asked is gone. So a server that dies, at whatever moment,
    /// never leaves the socket stuck.
    ///
    /// Any number of requests may be under way at once on one socket, from any threads and tasks,
    /// beside its `send` and `recv`: each has an id in its envelope, which every REP returns, and
    /// every ROUTER that keeps the envelope. A reply is returned to who asked for it, once, or is
    /// dropped ([`Dropped::Stale`]); from the first request on, replies are looked at as they come.
    ///
    /// *Ordering and delivery*: a request may reach several servers, or one of them several times,
    /// only if it is asked again. What an attempt was answered too late still counts while a later
    /// attempt waits. A request is never kept for a peer that may come after its asker has given
    /// up.
    ///
    /// *Cancel safety*: dropping the future gives up: what was not sent will not be; the reply to
    /// what was sent is dropped as stale.
    ///
    /// *Errors* hand the message back:
    /// - [`RequestErrorKind::Closed`]: the socket is closed, by whichever thread;
    /// - [`RequestErrorKind::NoParts`]: the message is empty;
    /// - [`RequestErrorKind::NoReply`]: no attempt was answered in time;
    /// - [`RequestErrorKind::NoThread`]: for the future's timeout no I/O thread could be started;
    /// - [`RequestErrorKind::NotSent`]: there was no peer with room in all that time;
    /// - [`RequestErrorKind::PeerLost`]: the peer that was asked last is gone.
    ///
    /// *Compatibility*: libzmq has nothing like it. The envelope is that of `ZMQ_REQ_CORRELATE`
    /// (four bytes and a delimiter): a ROUTER application that expects the delimiter right behind
    /// the routing id has to keep all parts up to it.
    ///
    /// [Differs from libzmq](https://docs.rs/ferromq/latest/ferromq/differences/).
    pub fn request(&self, message: impl Into<Message>) -> Request<'_, P> {
        Request {
            shared: self.shared(),
            course: Course::new(message.into()),
        }
    }
}

/// A request that was not made yet. Made by [`Socket::request`].
#[must_use = "a request does nothing unless it is waited for"]
pub struct Request<'a, P: Asks> {
    shared: &'a Shared<P>,
    course: Course,
}

impl<'a, P: Asks> Request<'a, P> {
    /// How long each attempt may take, from the first look for a peer to the reply. Default: 30 s.
    /// `Duration::MAX` is without limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.course.timeout = timeout;
        self
    }

    /// How often the request is asked again where an attempt fails. Default: not at all, for it may
    /// have been carried out.
    pub fn retries(mut self, retries: u32) -> Self {
        self.course.retries = retries;
        self
    }

    /// Makes the request and waits for its reply.
    ///
    /// *Blocking*: at most for the timeout, for each attempt: with retries, once more than these.
    ///
    /// *Errors*: those of [`Socket::request`].
    pub fn wait(self) -> Result<Message, RequestError> {
        let Self { shared, mut course } = self;
        let bell = shared.context.world().bell();
        let waiter = Arc::new(Waiter::Thread(Arc::clone(&bell)));
        loop {
            if let Some(result) = shared.advance(&mut course, &waiter) {
                return result.map_err(|kind| course.fail(kind));
            }
            flush_left();
            shared.arm_left();
            bell.wait(&[], course.deadline);
        }
    }
}

impl<P: Asks> fmt::Debug for Request<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("timeout", &self.course.timeout)
            .field("retries", &self.course.retries)
            .finish_non_exhaustive()
    }
}

impl<'a, P: Asks> IntoFuture for Request<'a, P> {
    type Output = Result<Message, RequestError>;
    type IntoFuture = RequestFuture<'a, P>;

    fn into_future(self) -> RequestFuture<'a, P> {
        RequestFuture {
            shared: self.shared,
            course: self.course,
            waiter: None,
        }
    }
}

/// A request under way. Made by awaiting a [`Request`]; its errors are those of
/// [`Socket::request`].
#[must_use = "a future does nothing unless it is polled"]
pub struct RequestFuture<'a, P: Asks> {
    shared: &'a Shared<P>,
    course: Course,
    waiter: Option<Arc<Waiter>>,
}

impl<P: Asks> fmt::Debug for RequestFuture<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFuture")
            .field("asked", &self.course.asked)
            .finish_non_exhaustive()
    }
}

impl<P: Asks> Future for RequestFuture<'_, P> {
    type Output = Result<Message, RequestError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let waiter = Arc::clone(this.waiter.get_or_insert_with(Waiter::task));
        drop(waiter.set_waker(cx.waker()));
        let mut result = this.shared.advance(&mut this.course, &waiter);
        if result.is_none() {
            flush_left();
            this.shared.arm_left();
            result = this
                .shared
                .call_at_deadline(&mut this.course, &waiter)
                .map(Err);
        }
        match result {
            None => Poll::Pending,
            Some(result) => {
                this.waiter = None;
                Poll::Ready(result.map_err(|kind| this.course.fail(kind)))
            }
        }
    }
}

impl<P: Asks> Drop for RequestFuture<'_, P> {
    fn drop(&mut self) {
        if let Some(waiter) = self.waiter.take() {
            let Self { shared, course, .. } = self;
            shared.with(|state| state.retire(course, &waiter, &shared.port));
        }
    }
}

/// One request on its way.
#[derive(Debug)]
struct Course {
    message: Message,
    timeout: Duration,
    retries: u32,
    /// Its number, once it is open.
    number: Option<u32>,
    /// When the present attempt is over.
    deadline: Option<Instant>,
    /// Somebody was asked, at any attempt.
    asked: bool,
    /// Waits for a peer with room.
    parked: bool,
    /// The deadline that the socket knows.
    alarm: Option<Alarm>,
}

impl Course {
    fn new(message: Message) -> Self {
        Self {
            message,
            timeout: TIMEOUT,
            retries: 0,
            number: None,
            deadline: None,
            asked: false,
            parked: false,
            alarm: None,
        }
    }

    fn start_attempt(&mut self, now: Instant) {
        self.deadline = now.checked_add(self.timeout);
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|at| now >= at)
    }

    fn fail(&mut self, kind: RequestErrorKind) -> RequestError {
        let message = std::mem::take(&mut self.message);
        RequestError { kind, message }
    }
}

impl<P: Asks> Shared<P> {
    /// One step; without a result the waiter will be woken for the next.
    fn advance(
        &self,
        course: &mut Course,
        waiter: &Arc<Waiter>,
    ) -> Option<Result<Message, RequestErrorKind>> {
        let now = self.context.world().now();
        self.with(|state| {
            let result = state.advance(course, now, &self.port);
            match result {
                None => state.body.await_reply(course, waiter),
                Some(_) => state.retire(course, waiter, &self.port),
            }
            result
        })
    }

    /// Sees to it that a future is woken at its deadline.
    fn call_at_deadline(
        &self,
        course: &mut Course,
        waiter: &Arc<Waiter>,
    ) -> Option<RequestErrorKind> {
        let at = course.deadline?;
        if course.alarm.is_some_and(|alarm| alarm.at() == at) {
            return None;
        }
        match self.set_alarm(at, waiter, course.alarm) {
            Ok(alarm) => {
                course.alarm = Some(alarm);
                None
            }
            Err(error) => {
                self.with(|state| state.retire(course, waiter, &self.port));
                Some(RequestErrorKind::NoThread(error.kind()))
            }
        }
    }
}

impl<P: Asks> State<P> {
    fn advance(
        &mut self,
        course: &mut Course,
        now: Instant,
        port: &Arc<Port>,
    ) -> Option<Result<Message, RequestErrorKind>> {
        if let Some(reply) = course.number.and_then(|it| self.body.replies.take(it)) {
            port.counters.deliver();
            return Some(Ok(reply));
        }
        if let Some(closed) = self.body.closed {
            return Some(Err(closed.into()));
        }
        if course.message.is_empty() {
            return Some(Err(RequestErrorKind::NoParts));
        }
        let number = course.number.unwrap_or_else(|| {
            course.start_attempt(now);
            *course.number.insert(self.open(port))
        });
        let failed = match self.pattern.progress(number) {
            Progress::Lost => Some(RequestErrorKind::PeerLost),
            _ if !course.is_over(now) => None,
            Progress::Unasked if !course.asked => Some(RequestErrorKind::NotSent),
            Progress::Asked | Progress::Unasked => Some(RequestErrorKind::NoReply),
        };
        if let Some(kind) = failed {
            if course.retries == 0 {
                return Some(Err(kind));
            }
            course.retries -= 1;
            course.start_attempt(now);
        }
        if failed.is_some() || self.pattern.progress(number) == Progress::Unasked {
            self.ask_for(course, number, port);
        }
        None
    }

    fn open(&mut self, port: &Arc<Port>) -> u32 {
        let first = !self.pattern.admits_early();
        let number = self.pattern.open();
        if first {
            self.admit_early(port);
        }
        number
    }

    fn ask_for(&mut self, course: &mut Course, number: u32, port: &Port) {
        let message = &course.message;
        let asked =
            self.ask(message, number, port) || self.ask_again() && self.ask(message, number, port);
        course.asked |= asked;
        course.parked = !asked;
    }

    /// Asks the next peer with room. False: there is none.
    fn ask(&mut self, message: &Message, number: u32, port: &Port) -> bool {
        let Self {
            pattern,
            body,
            actions,
            ..
        } = self;
        let route = pattern.ask(number, &body.pipes, actions);
        body.carry_out(actions, port);
        let Route::To {
            pipe,
            strip,
            prefix,
        } = route
        else {
            return false;
        };
        port.counters.accept();
        body.send_to(pipe, prefix, &mut message.clone(), strip, port);
        true
    }

    /// The asker goes: nothing more is known of its request.
    fn retire(&mut self, course: &mut Course, waiter: &Arc<Waiter>, port: &Port) {
        if std::mem::take(&mut course.parked) {
            self.body.pass_on_send(waiter);
        }
        let Some(number) = course.number.take() else {
            return;
        };
        self.pattern.forget(number);
        self.body.cancel_alarm(course.alarm.take());
        if let Some(unread) = self.body.replies.take(number) {
            port.counters.drop_receiving(Dropped::Stale, 1);
            self.body.after.garbage.push(unread);
            self.body.after.any = true;
        }
    }
}

impl Body {
    fn await_reply(&mut self, course: &Course, waiter: &Arc<Waiter>) {
        match course.parked {
            true => self.senders.enter(waiter, false),
            false => {
                self.senders.leave(waiter);
            }
        }
        if let Some(number) = course.number {
            self.replies.enter(number, waiter);
        }
    }

    /// A reply came, and its request waits for it.
    pub(super) fn answer(&mut self, number: u32, reply: Message) {
        let woken = self.replies.fill(number, reply);
        self.after.woken.extend(woken);
        self.after.any = true;
    }

    /// Something has become of a request.
    pub(super) fn tell(&mut self, number: u32) {
        self.after.woken.extend(self.replies.wake(number));
        self.after.any = true;
    }
}

/// Who waits for which reply.
#[derive(Debug, Default)]
pub(super) struct Replies {
    slots: BTreeMap<u32, Slot>,
}

#[derive(Debug)]
enum Slot {
    Awaited(Arc<Waiter>),
    Answered(Message),
}

impl Replies {
    /// How many replies wait for their askers.
    pub(super) fn len(&self) -> usize {
        let answered = |slot: &&Slot| matches!(slot, Slot::Answered(_));
        self.slots.values().filter(answered).count()
    }

    /// True if nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn wake_all(&mut self, woken: &mut Vec<Arc<Waiter>>) {
        for slot in self.slots.values() {
            if let Slot::Awaited(waiter) = slot {
                woken.push(Arc::clone(waiter));
            }
        }
    }

    fn enter(&mut self, number: u32, waiter: &Arc<Waiter>) {
        self.slots.insert(number, Slot::Awaited(Arc::clone(waiter)));
    }

    fn take(&mut self, number: u32) -> Option<Message> {
        match self.slots.remove(&number)? {
            Slot::Answered(reply) => Some(reply),
            Slot::Awaited(_) => None,
        }
    }

    fn fill(&mut self, number: u32, reply: Message) -> Option<Arc<Waiter>> {
        match self.slots.insert(number, Slot::Answered(reply)) {
            Some(Slot::Awaited(waiter)) => Some(waiter),
            _ => None,
        }
    }

    fn wake(&self, number: u32) -> Option<Arc<Waiter>> {
        match self.slots.get(&number) {
            Some(Slot::Awaited(waiter)) => Some(Arc::clone(waiter)),
            _ => None,
        }
    }
}
