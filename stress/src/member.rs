//! The sockets of an episode.

use std::sync::Arc;
use std::time::Duration;

use ferromq::{Context, Dealer, Endpoint, Pub, Pull, Push, Rep, Req, Sub};

use crate::ends::{AnySocket, Inlet, Outlet};
use crate::plan::{Plan, Shape};
use crate::watch::Watched;

/// Which side of an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// A socket that takes part, and its halves.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) side: Side,
    pub(crate) socket: Arc<dyn AnySocket>,
    pub(crate) outlet: Option<Arc<dyn Outlet>>,
    pub(crate) inlet: Option<Arc<dyn Inlet>>,
    pub(crate) watched: Arc<Watched>,
}

/// A socket with the options of the plan.
macro_rules! made {
    ($socket:ident, $plan:expr, $context:expr) => {
        $socket::builder()
            .send_high_water_mark($plan.mark)
            .receive_high_water_mark($plan.mark)
            .linger($plan.linger)
            .reconnect_interval(Duration::from_millis(1), Duration::from_millis(20))
            .build($context)
            .expect("legal options")
    };
}

impl Member {
    /// The socket of this side.
    pub(crate) fn new(side: Side, plan: &Plan, context: &Context) -> Self {
        match (plan.shape, side) {
            (Shape::Pipeline, Side::Left) => Self::sends(side, made!(Push, plan, context)),
            (Shape::Pipeline, Side::Right) => Self::receives(side, made!(Pull, plan, context)),
            (Shape::Fan, Side::Left) => Self::sends(side, made!(Pub, plan, context)),
            (Shape::Fan, Side::Right) => {
                let sub = made!(Sub, plan, context);
                sub.subscribe("").expect("the socket is open");
                Self::receives(side, sub)
            }
            (Shape::Duplex, _) => Self::does_both(side, made!(Dealer, plan, context)),
            (Shape::Lockstep, Side::Left) => Self::does_both(side, made!(Req, plan, context)),
            (Shape::Lockstep, Side::Right) => Self::does_both(side, made!(Rep, plan, context)),
        }
    }

    fn sends(side: Side, socket: impl Outlet + 'static) -> Self {
        let socket = Arc::new(socket);
        Self::of(side, Arc::clone(&socket) as _, Some(socket), None)
    }

    fn receives(side: Side, socket: impl Inlet + 'static) -> Self {
        let socket = Arc::new(socket);
        Self::of(side, Arc::clone(&socket) as _, None, Some(socket))
    }

    fn does_both(side: Side, socket: impl Outlet + Inlet + 'static) -> Self {
        let socket = Arc::new(socket);
        let any: Arc<dyn AnySocket> = Arc::clone(&socket) as _;
        Self::of(side, any, Some(Arc::clone(&socket) as _), Some(socket))
    }

    fn of(
        side: Side,
        socket: Arc<dyn AnySocket>,
        outlet: Option<Arc<dyn Outlet>>,
        inlet: Option<Arc<dyn Inlet>>,
    ) -> Self {
        let watched = Watched::new(Arc::clone(&socket));
        Self {
            side,
            socket,
            outlet,
            inlet,
            watched,
        }
    }

    /// Binds to a new endpoint; of inproc, under this name.
    pub(crate) fn bind(&self, transport: &str, name: usize) -> Endpoint {
        self.socket.bind(&match transport {
            "tcp" => "tcp://127.0.0.1:*".to_owned(),
            "ipc" => "ipc://*".to_owned(),
            _ => format!("inproc://{name}"),
        })
    }
    /// Connects to all of these.
    pub(crate) fn connect(&self, endpoints: &[Endpoint]) {
        endpoints
            .iter()
            .for_each(|endpoint| self.socket.connect(endpoint));
    }
}
