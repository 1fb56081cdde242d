//! Who visits whom, and what they talk about.

use std::ops::Deref;
use std::time::Duration;

use ferromq::{
    Context, Dealer, Endpoint, Message, Pair, Pub, Pull, Push, Receives, Rep, Req, Router, Sends,
    Socket, Sub, Xpub, Xsub,
};
use ferromq_core::Pattern;
use ferromq_testkit::sim::Random;

use crate::Outcome;
use crate::strangers::Strangers;
use crate::visit::{Pairing, Scene, Talk, WAIT, text};

/// Messages per talk and direction.
const MESSAGES: usize = 10;

/// All of them, by transport: tcp, ipc, inproc.
pub(crate) fn all() -> Outcome<Vec<Vec<Box<dyn Scene>>>> {
    let mut scenes = Vec::new();
    for transport in ["tcp", "ipc", "inproc"] {
        let mut here = Place::new(transport);
        here.add("rep, req", Rep::new, Req::new, answers)?;
        here.add("rep, dealer", Rep::new, Dealer::new, |rep, dealer, dice| {
            let mut request = content(dice);
            request.push_front("");
            dealer.send(request).map_err(text)?;
            let request = rep.recv_timeout(WAIT).map_err(text)?;
            rep.send_timeout(request, WAIT).map_err(text)?;
            dealer.recv_timeout(WAIT).map_err(text).map(drop)
        })?;
        here.add("router, req", Router::new, Req::new, requests)?;
        here.add("router, dealer", Router::new, Dealer::new, routed)?;
        here.add("req, rep", Req::new, Rep::new, |req, rep, dice| {
            answers(rep, req, dice)
        })?;
        here.add("dealer, dealer", Dealer::new, Dealer::new, both_ways)?;
        here.add("pair, pair", Pair::new, Pair::new, both_ways)?;
        here.add("pull, push", Pull::new, Push::new, |pull, push, dice| {
            carry(push, pull, dice)
        })?;
        here.add("push, pull", Push::new, Pull::new, carry)?;
        here.add("pub, sub", Pub::new, Sub::new, published)?;
        here.add("xpub, xsub", Xpub::new, Xsub::new, noticed)?;
        here.add("sub, pub", Sub::new, Pub::new, |sub, publisher, dice| {
            published(publisher, sub, dice)?;
            sub.unsubscribe("").map_err(text)
        })?;
        if transport != "inproc" {
            here.scenes.push(Box::new(Strangers::new(transport)?));
        }
        scenes.push(here.scenes);
    }
    Ok(scenes)
}

/// Where scenes are put, over one transport.
struct Place {
    transport: &'static str,
    scenes: Vec<Box<dyn Scene>>,
}

impl Place {
    fn new(transport: &'static str) -> Self {
        let scenes = Vec::new();
        Self { transport, scenes }
    }

    fn add<R, V, A, B>(
        &mut self,
        name: &str,
        resident: fn(&Context) -> R,
        make: fn(&Context) -> V,
        talk: Talk<R, V>,
    ) -> Outcome
    where
        R: Deref<Target = Socket<A>> + Send + Sync + 'static,
        V: Deref<Target = Socket<B>> + Send + Sync + 'static,
        A: Pattern,
        B: Pattern,
    {
        let number = self.scenes.len();
        let context = Context::new();
        let resident = resident(&context);
        let endpoint: Endpoint = match self.transport {
            "tcp" => resident.bind("tcp://127.0.0.1:*"),
            "ipc" => resident.bind("ipc://*"),
            _ => resident.bind(format!("inproc://{number}").as_str()),
        }
        .map_err(text)?;
        self.scenes.push(Box::new(Pairing {
            name: format!("{name} over {}", self.transport),
            context,
            resident,
            endpoint,
            host: match self.transport {
                "tcp" => "tcp://127.0.0.1:*".to_owned(),
                "ipc" => "ipc://*".to_owned(),
                _ => format!("inproc://host-{number}"),
            },
            make,
            talk,
        }));
        Ok(())
    }
}

/// Mostly a few bytes, in place; sometimes more than a spare buffer, in one or two parts.
fn content(dice: &mut Random) -> Message {
    let size = match dice.below(50) {
        0 => 200_000,
        1..5 => 5_000,
        _ => dice.below(200),
    };
    let mut message = Message::from(vec![b'x'; size]);
    if dice.chance(1, 4) {
        message.push_back("another part");
    }
    message
}

/// From one to the other.
fn carry<A, B, P, Q>(from: &A, to: &B, dice: &mut Random) -> Outcome
where
    A: Deref<Target = Socket<P>>,
    B: Deref<Target = Socket<Q>>,
    P: Sends,
    Q: Receives,
{
    for _ in 0..MESSAGES {
        let message = content(dice);
        from.send_timeout(message.clone(), WAIT).map_err(text)?;
        let received = to.recv_timeout(WAIT).map_err(text)?;
        if received != message {
            return Err(format!("{message:?} has become {received:?}"));
        }
    }
    Ok(())
}

fn both_ways<A, B, P, Q>(one: &A, other: &B, dice: &mut Random) -> Outcome
where
    A: Deref<Target = Socket<P>>,
    B: Deref<Target = Socket<Q>>,
    P: Sends + Receives,
    Q: Sends + Receives,
{
    carry(one, other, dice)?;
    carry(other, one, dice)
}

fn answers(rep: &Rep, req: &Req, dice: &mut Random) -> Outcome {
    (0..MESSAGES).try_for_each(|_| {
        req.send_timeout(content(dice), WAIT).map_err(text)?;
        let question = rep.recv_timeout(WAIT).map_err(text)?;
        rep.send_timeout(question, WAIT).map_err(text)?;
        req.recv_timeout(WAIT).map_err(text).map(drop)
    })
}

/// By way of who asks, as the ROUTER sees it.
fn routed(router: &Router, dealer: &Dealer, dice: &mut Random) -> Outcome {
    (0..MESSAGES).try_for_each(|_| {
        dealer.send_timeout(content(dice), WAIT).map_err(text)?;
        let question = router.recv_timeout(WAIT).map_err(text)?;
        router.send_timeout(question, WAIT).map_err(text)?;
        dealer.recv_timeout(WAIT).map_err(text).map(drop)
    })
}

/// The same of a REQ, and one question that nobody answers in time.
fn requests(router: &Router, req: &Req, dice: &mut Random) -> Outcome {
    req.send_timeout(content(dice), WAIT).map_err(text)?;
    let question = router.recv_timeout(WAIT).map_err(text)?;
    router.send_timeout(question, WAIT).map_err(text)?;
    req.recv_timeout(WAIT).map_err(text)?;
    let asked = req
        .request("nobody answers")
        .timeout(Duration::from_millis(1));
    match asked.wait() {
        Ok(answer) => Err(format!("nobody has answered {answer:?}")),
        Err(_) => router.recv_timeout(WAIT).map_err(text).map(drop),
    }
}

fn published(publisher: &Pub, sub: &Sub, dice: &mut Random) -> Outcome {
    sub.subscribe("").map_err(text)?;
    publisher.wait_subscribed("", 1, WAIT).map_err(text)?;
    carry(publisher, sub, dice)
}

/// The subscription is a message on both sides; its end too, however it comes.
fn noticed(xpub: &Xpub, xsub: &Xsub, dice: &mut Random) -> Outcome {
    xsub.send("\u{1}").map_err(text)?;
    xpub.recv_timeout(WAIT).map_err(text)?;
    carry(xpub, xsub, dice)?;
    xsub.send("\u{0}").map_err(text)?;
    xpub.recv_timeout(WAIT).map_err(text).map(drop)
}
