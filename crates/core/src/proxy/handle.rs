//! How other threads steer a proxy, and what it has counted.

use std::sync::Arc;

use crate::sync::{AtomicU64, Mutex, Ordering};
use crate::world::Bell;

/// Steers a [`Proxy`](super::Proxy) from any thread, before, while and after it runs.
#[derive(Clone, Debug)]
pub struct ProxyHandle {
    control: Arc<Control>,
}

/// What a proxy has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyStats {
    /// Received on the front socket and accepted by the back one.
    pub to_back: Traffic,
    /// Received on the back socket and accepted by the front one.
    pub to_front: Traffic,
    /// Messages that the other side refused for good, and that were dropped: a ROUTER has no peer
    /// with such a routing id, or the message has no part for one.
    pub refused: u64,
}

/// What went one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Whole messages.
    pub messages: u64,
    /// Bytes in all their parts.
    pub bytes: u64,
}

impl ProxyHandle {
    pub(super) fn new(control: &Arc<Control>) -> Self {
        let control = Arc::clone(control);
        Self { control }
    }

    /// The proxy forwards nothing until [`resume`](Self::resume). Messages stay where they are.
    pub fn pause(&self) {
        self.control.change(Order::Pause);
    }

    /// The proxy goes on.
    pub fn resume(&self) {
        self.control.change(Order::Run);
    }

    /// The proxy stops for good: [`run`](super::Proxy::run) returns, at once if it is called later.
    pub fn terminate(&self) {
        self.control.change(Order::Stop);
    }

    /// What it has done so far.
    #[doc(alias = "STATISTICS")]
    pub fn stats(&self) -> ProxyStats {
        let [to_back, to_front] = &self.control.counts;
        ProxyStats {
            to_back: to_back.traffic(),
            to_front: to_front.traffic(),
            refused: to_back.refused() + to_front.refused(),
        }
    }
}

/// What a proxy and its handles share.
#[derive(Debug, Default)]
pub(super) struct Control {
    steering: Mutex<Steering>,
    /// By direction.
    pub(super) counts: [Count; 2],
}

#[derive(Debug, Default)]
struct Steering {
    order: Order,
    /// Of the thread that runs the proxy.
    bell: Option<Arc<dyn Bell>>,
}

/// What a proxy is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Run,
    Pause,
    /// For good.
    Stop,
}

impl Control {
    /// The proxy runs: whoever changes the order rings.
    pub(super) fn begin(&self, bell: &Arc<dyn Bell>) {
        self.steering.lock().bell = Some(Arc::clone(bell));
    }

    /// The proxy has stopped.
    pub(super) fn end(&self) {
        self.steering.lock().bell = None;
    }

    pub(super) fn order(&self) -> Order {
        self.steering.lock().order
    }

    fn change(&self, order: Order) {
        let mut steering = self.steering.lock();
        if steering.order != Order::Stop {
            steering.order = order;
        }
        let bell = steering.bell.clone();
        drop(steering);
        if let Some(bell) = bell {
            bell.ring();
        }
    }
}

/// Counts one direction; only the proxy's thread adds.
#[derive(Debug, Default)]
pub(super) struct Count {
    messages: AtomicU64,
    bytes: AtomicU64,
    refused: AtomicU64,
}

impl Count {
    pub(super) fn forward(&self, bytes: u64) {
        add(&self.messages, 1);
        add(&self.bytes, bytes);
    }

    pub(super) fn refuse(&self) {
        add(&self.refused, 1);
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Without a locked instruction.
fn add(counter: &AtomicU64, more: u64) {
    let sum = counter.load(Ordering::Relaxed) + more;
    counter.store(sum, Ordering::Relaxed);
}
