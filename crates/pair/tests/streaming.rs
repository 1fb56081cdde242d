//! `Stream` and `Sink` over PAIR sockets of one process.

#![cfg(feature = "tcp")]

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use ferromq_core::{Context, Message};
use ferromq_pair::Pair;
use ferromq_testkit::sim::SimWorld;
use futures_core::Stream;
use futures_sink::Sink;

#[test]
fn sink_and_stream_carry_messages_in_order_until_the_socket_is_closed() {
    let world = SimWorld::new(1);
    let context = Context::with_world(Arc::new(world.clone()), 1);
    let (here, there) = (Pair::new(&context), Pair::new(&context));
    let endpoint = here.bind("tcp://127.0.0.1:*").expect("a free port");
    there.connect(&endpoint).expect("a valid endpoint");
    let (mut sink, mut stream) = (here.sink(), there.stream());
    world.block_on(async {
        for number in 0..100u32 {
            let mut sink = Pin::new(&mut sink);
            poll_fn(|cx| Sink::<Message>::poll_ready(sink.as_mut(), cx))
                .await
                .expect("room");
            sink.as_mut()
                .start_send(Message::from(number.to_string()))
                .expect("ready");
            poll_fn(|cx| Sink::<Message>::poll_flush(sink.as_mut(), cx))
                .await
                .expect("sent");
            let next = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await;
            let message = next.expect("open").expect("a message");
            assert_eq!(message.part_str(0), Ok(number.to_string().as_str()));
        }
        there.close();
        assert!(
            poll_fn(|cx| Pin::new(&mut stream).poll_next(cx))
                .await
                .is_none()
        );
    });
}
