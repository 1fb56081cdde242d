//! Sockets of any type by their halves, and every way to send and to receive.

use std::fmt;
use std::ops::{ControlFlow, Deref};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use ferromq::{
    CloseReport, Endpoint, Message, PollItem, Receives, RecvError, SendErrorKind, Sends, Socket,
    Stats, poll,
};
use ferromq_core::Pattern;
use ferromq_testkit::sim::Random;

/// The longest wait of a call that waits for a while.
const BRIEF: Duration = Duration::from_millis(5);

/// What every socket has.
pub(crate) trait AnySocket: fmt::Debug + Send + Sync {
    fn bind(&self, endpoint: &str) -> Endpoint;
    fn connect(&self, endpoint: &Endpoint);
    fn disconnect(&self, endpoint: &Endpoint) -> bool;
    fn stats(&self) -> Stats;
    /// Closes; what it has come to when the I/O threads are done. (They may need longer than
    /// `close` waits, if they are kept from running.)
    fn close(&self) -> CloseReport;
}

/// A socket that sends.
pub(crate) trait Outlet: AnySocket {
    /// Sends a message in one of the ways; only in those that wait without limit if `patient`. Not
    /// accepted: it is not yet (`Continue`), or the socket is closed (`Break`).
    fn put(
        &self,
        message: Message,
        patient: bool,
        dice: &mut Random,
    ) -> Result<(), ControlFlow<()>>;
}

/// A socket that receives.
pub(crate) trait Inlet: AnySocket {
    /// Receives a message in one of the ways, as with `put`: none yet, or the socket is closed
    /// (`Break`).
    fn take(&self, patient: bool, dice: &mut Random) -> ControlFlow<(), Option<Message>>;
}

impl<S, P> AnySocket for S
where
    S: Deref<Target = Socket<P>> + fmt::Debug + Send + Sync,
    P: Pattern,
{
    fn bind(&self, endpoint: &str) -> Endpoint {
        (**self).bind(endpoint).expect("a free endpoint")
    }

    fn connect(&self, endpoint: &Endpoint) {
        (**self).connect(endpoint).expect("a legal endpoint");
    }

    fn disconnect(&self, endpoint: &Endpoint) -> bool {
        (**self).disconnect(endpoint).is_ok()
    }

    fn stats(&self) -> Stats {
        (**self).stats()
    }

    fn close(&self) -> CloseReport {
        let events = (**self).events();
        (**self).close();
        while wait(pin!(events.next_async()), None).is_some_and(|event| event.is_some()) {}
        (**self).close()
    }
}

impl<S, P> Outlet for S
where
    S: Deref<Target = Socket<P>> + fmt::Debug + Send + Sync,
    P: Sends,
{
    fn put(
        &self,
        message: Message,
        patient: bool,
        dice: &mut Random,
    ) -> Result<(), ControlFlow<()>> {
        let limit = limit(patient, dice);
        let result = match dice.below(3 + usize::from(!patient)) {
            0 => match limit {
                None => (**self).send(message),
                Some(limit) => (**self).send_timeout(message, limit),
            },
            1 => {
                poll(&mut [PollItem::send(self)], limit);
                (**self).try_send(message)
            }
            2 => {
                let mut sending = (**self).send_async(message);
                return match wait(&mut sending, limit) {
                    Some(result) => result.map_err(|error| unsent(error.kind)),
                    None if sending.cancel().is_none() => Ok(()),
                    None => Err(ControlFlow::Continue(())),
                };
            }
            _ => (**self).try_send(message),
        };
        result.map_err(|error| unsent(error.kind))
    }
}

fn unsent(kind: SendErrorKind) -> ControlFlow<()> {
    match kind {
        SendErrorKind::Closed(_) => ControlFlow::Break(()),
        SendErrorKind::Full | SendErrorKind::TimedOut => ControlFlow::Continue(()),
        other => panic!("{other}"),
    }
}

impl<S, P> Inlet for S
where
    S: Deref<Target = Socket<P>> + fmt::Debug + Send + Sync,
    P: Receives,
{
    fn take(&self, patient: bool, dice: &mut Random) -> ControlFlow<(), Option<Message>> {
        let limit = limit(patient, dice);
        let result = match dice.below(3 + usize::from(!patient)) {
            0 => match limit {
                None => (**self).recv(),
                Some(limit) => (**self).recv_timeout(limit),
            },
            1 => {
                poll(&mut [PollItem::receive(self)], limit);
                (**self).try_recv()
            }
            2 => match wait(pin!((**self).recv_async()), limit) {
                Some(result) => result,
                None => Err(RecvError::TimedOut),
            },
            _ => (**self).try_recv(),
        };
        match result {
            Ok(message) => ControlFlow::Continue(Some(message)),
            Err(RecvError::Closed(_)) => ControlFlow::Break(()),
            Err(RecvError::Empty | RecvError::TimedOut) => ControlFlow::Continue(None),
            Err(other) => panic!("{other}"),
        }
    }
}

/// How long to wait at most.
fn limit(patient: bool, dice: &mut Random) -> Option<Duration> {
    (!patient && dice.chance(2, 3)).then(|| dice.duration(&(Duration::ZERO..=BRIEF)))
}

/// Runs a future on this thread, to its end or for a while.
fn wait<F: Future + Unpin>(mut future: F, limit: Option<Duration>) -> Option<F::Output> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = TaskContext::from_waker(&waker);
    let deadline = limit.map(|limit| Instant::now() + limit);
    loop {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(&mut context) {
            return Some(output);
        }
        match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
            None => thread::park(),
            Some(Duration::ZERO) => return None,
            Some(rest) => thread::park_timeout(rest),
        }
    }
}
