//! What streams and listeners of the simulated network do.

use std::io::ErrorKind;
use std::time::Duration;

use ferromq_core::world::{Listener, World};
use ferromq_transport::ListenError;

use super::{ENDPOINT, calm, connected, listen, ms, read, write};
use crate::mock::Pair;
use crate::sim::{Conditions, Event, Side, SimWorld, for_seeds};

#[test]
fn connect_with_listener_succeeds_after_latency() {
    let world = calm();
    world.weather(|w| w.connect_latency = ms(5)..=ms(5));
    let listener = listen(&world, ENDPOINT);
    let (_, stream) = world.dial_raw(ENDPOINT);
    assert_eq!(
        stream.finish_connect().unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert!(!world.is_writable(&*stream));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    world.run_until(|| world.is_writable(&*stream));
    assert_eq!(world.elapsed(), ms(5));
    stream.finish_connect().unwrap();
    let accepted = listener.accept().unwrap();
    assert_eq!(stream.peer_address(), "127.0.0.1:5555");
    assert_eq!(accepted.peer_address(), "127.0.0.1:40000");
}

#[test]
fn connect_without_listener_is_refused() {
    let world = SimWorld::new(1);
    let (_, stream) = world.dial_raw(ENDPOINT);
    world.run_until(|| world.is_writable(&*stream));
    assert_eq!(
        stream.finish_connect().unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(
        write(&*stream, b"x").unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
    drop(stream);
    assert_eq!(world.links(), []);
}

#[test]
fn listen_replaces_wildcards_and_refuses_taken_places() {
    let world = calm();
    let endpoint = |listener: &dyn Listener| listener.endpoint().to_string();
    let first = listen(&world, "tcp://127.0.0.1:*");
    let second = listen(&world, "tcp://127.0.0.1:*");
    assert_ne!(endpoint(&*first), endpoint(&*second));
    let any = listen(&world, "tcp://*:6000");
    assert_eq!(endpoint(&*any), "tcp://[::]:6000");
    let file = listen(&world, "ipc://*");
    assert!(endpoint(&*file).starts_with("ipc:///"));

    for taken in [
        "tcp://127.0.0.1:6000",
        &endpoint(&*first),
        &endpoint(&*file),
    ] {
        let result = world.listen(&taken.parse().unwrap(), &Default::default());
        assert!(matches!(result, Err(ListenError::AddressInUse)), "{taken}");
    }
    drop(any);
    listen(&world, "tcp://127.0.0.1:6000");
}

#[test]
fn listen_on_unknown_name_or_inproc_fails() {
    let world = calm();
    let result = world.listen(&"tcp://eth7:1".parse().unwrap(), &Default::default());
    assert!(matches!(result, Err(ListenError::InterfaceNotFound)));
    let result = world.listen(&"inproc://a".parse().unwrap(), &Default::default());
    assert!(matches!(result, Err(ListenError::Unsupported)));
}

#[test]
fn listener_on_every_address_takes_connections_to_one() {
    let world = calm();
    let listener = listen(&world, "tcp://*:6000");
    let (link, _stream) = world.dial_raw("tcp://10.0.0.1:6000");
    world.run_idle();
    assert!(listener.accept().is_ok());
    assert_eq!(world.links_to("tcp://10.0.0.1:6000"), [link]);
    assert_eq!(world.links_to("tcp://*:6000"), [link]);
    assert_eq!(world.links_to("tcp://10.0.0.2:6000"), []);
}

#[test]
fn dropped_listener_resets_waiting_connections() {
    let world = calm();
    let listener = listen(&world, ENDPOINT);
    let (_, stream) = world.dial_raw(ENDPOINT);
    world.run_idle();
    drop(listener);
    world.run_idle();
    assert_eq!(read(&*stream), Err(ErrorKind::ConnectionReset));
}

#[test]
fn splits_cut_bytes_but_keep_them_whole() {
    let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 7) as u8).collect();
    for_seeds(0..10, |seed| {
        let pair = Pair::new(seed);
        assert_eq!(pair.carry(&*pair.a, &*pair.b, &bytes), bytes);
        for chunk in bytes.chunks(2000) {
            assert_eq!(pair.carry(&*pair.b, &*pair.a, chunk), chunk);
        }
        let is_short = |event: &Event| matches!(event, Event::Read { bytes, .. } if *bytes < 10);
        assert!(pair.world.trace().iter().any(|(_, event)| is_short(event)));
    });
}

#[test]
fn calm_network_carries_writes_whole() {
    let world = calm();
    let (_, a, b) = connected(&world);
    assert_eq!(write(&*a, b"hello").unwrap(), 5);
    assert_eq!(read(&*b), Err(ErrorKind::WouldBlock));
    world.run_idle();
    assert_eq!(read(&*b).unwrap(), b"hello");
}

#[test]
fn bytes_arrive_after_latency_and_in_order() {
    for_seeds(0..20, |seed| {
        let conditions = Conditions {
            splits: false,
            ..Conditions::default()
        };
        let pair = Pair::with(seed, conditions);
        let start = pair.world.elapsed();
        for byte in 0..50 {
            assert_eq!(write(&*pair.a, &[byte]).unwrap(), 1);
        }
        assert_eq!(read(&*pair.b), Err(ErrorKind::WouldBlock));
        pair.world.run_idle();
        let took = pair.world.elapsed() - start;
        assert!((Duration::from_micros(20)..Duration::from_micros(210)).contains(&took));
        assert_eq!(read(&*pair.b).unwrap(), (0..50).collect::<Vec<u8>>());
    });
}

#[test]
fn write_over_capacity_would_block_until_read() {
    let world = calm();
    world.weather(|w| w.capacity = 10);
    let (_, a, b) = connected(&world);
    assert_eq!(write(&*a, b"0123456789abc").unwrap(), 10);
    assert!(!world.is_writable(&*a));
    assert_eq!(
        write(&*a, b"abc").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    world.run_idle();
    assert_eq!(
        write(&*a, b"abc").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(read(&*b).unwrap(), b"0123456789");
    assert!(world.is_writable(&*a));
    assert_eq!(write(&*a, b"abc").unwrap(), 3);
}

#[test]
fn cut_link_delivers_what_had_arrived_then_fails_once() {
    let world = calm();
    let (link, a, b) = connected(&world);
    write(&*a, b"arrived").unwrap();
    world.run_idle();
    write(&*a, b"lost").unwrap();
    world.cut(link);
    world.run_idle();
    assert_eq!(read(&*b).unwrap(), b"arrived");
    assert_eq!(read(&*b), Err(ErrorKind::ConnectionReset));
    assert_eq!(read(&*b).unwrap(), b"");
    assert_eq!(write(&*b, b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(
        write(&*a, b"x").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(write(&*a, b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(read(&*a).unwrap(), b"");
}

#[test]
fn held_link_delivers_nothing_until_released() {
    let world = SimWorld::new(5);
    let (link, a, b) = connected(&world);
    world.weather(|w| w.splits = false);
    write(&*a, b"before").unwrap();
    world.hold(link);
    world.advance(Duration::from_secs(60));
    write(&*a, b" during").unwrap();
    drop(a);
    world.run_idle();
    assert_eq!(read(&*b), Err(ErrorKind::WouldBlock));

    world.release(link);
    world.run_idle();
    assert_eq!(read(&*b).unwrap(), b"before during");
    assert_eq!(read(&*b).unwrap(), b"");
}

#[test]
fn partition_leaves_connects_undecided_until_healed() {
    let world = SimWorld::new(5);
    let listener = listen(&world, ENDPOINT);
    let (_, old) = world.dial_raw(ENDPOINT);
    world.run_idle();
    let accepted = listener.accept().unwrap();
    world.partition(ENDPOINT);
    write(&*old, b"x").unwrap();
    let (_, new) = world.dial_raw(ENDPOINT);
    world.advance(Duration::from_secs(60));
    assert_eq!(
        new.finish_connect().unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    assert_eq!(read(&*accepted), Err(ErrorKind::WouldBlock));

    world.heal(ENDPOINT);
    world.run_idle();
    new.finish_connect().unwrap();
    assert!(listener.accept().is_ok());
    assert_eq!(read(&*accepted).unwrap(), b"x");
}

#[test]
fn dropped_end_lets_peer_read_the_rest_then_the_end() {
    let world = calm();
    let (link, a, b) = connected(&world);
    write(&*a, b"last").unwrap();
    drop(a);
    world.run_idle();
    assert_eq!(read(&*b).unwrap(), b"last");
    assert_eq!(read(&*b).unwrap(), b"");
    assert_eq!(write(&*b, b"into the void").unwrap(), 13);
    world.run_idle();
    assert_eq!(
        write(&*b, b"x").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(world.links(), [link]);
    drop(b);
    assert_eq!(world.links(), []);
}

#[test]
fn end_dropped_with_unread_bytes_resets_peer_and_loses_flight() {
    let world = calm();
    let (_, a, b) = connected(&world);
    write(&*b, b"unread").unwrap();
    world.run_idle();
    write(&*a, b"in flight").unwrap();
    drop(a);
    world.run_idle();
    assert_eq!(read(&*b), Err(ErrorKind::ConnectionReset));
}

#[test]
fn shutdown_write_ends_one_direction_only() {
    let world = calm();
    let (_, a, b) = connected(&world);
    write(&*a, b"question").unwrap();
    a.shutdown_write().unwrap();
    assert_eq!(write(&*a, b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    world.run_idle();
    assert_eq!(read(&*b).unwrap(), b"question");
    assert_eq!(read(&*b).unwrap(), b"");
    write(&*b, b"answer").unwrap();
    world.run_idle();
    assert_eq!(read(&*a).unwrap(), b"answer");
}

#[test]
fn shutdown_wakes_reader_and_writer_at_once() {
    let world = calm();
    let (_, a, _b) = connected(&world);
    assert!(!world.is_readable(&*a));
    a.shutdown();
    assert!(world.is_readable(&*a));
    assert_eq!(read(&*a).unwrap(), b"");
    assert_eq!(write(&*a, b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn shutdown_while_connecting_gives_the_connect_up() {
    let world = calm();
    let listener = listen(&world, ENDPOINT);
    let (_, stream) = world.dial_raw(ENDPOINT);
    stream.shutdown();
    assert!(world.is_readable(&*stream));
    assert_eq!(read(&*stream).unwrap(), b"");
    world.run_idle();
    assert!(listener.accept().is_err());
}

#[test]
fn injected_accept_fault_leaves_connection_waiting() {
    const EMFILE: i32 = 24;
    let world = calm();
    let listener = listen(&world, ENDPOINT);
    world.fail_accept(ENDPOINT, EMFILE, 2);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    let (_, _stream) = world.dial_raw(ENDPOINT);
    world.run_idle();
    assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(EMFILE));
    assert_eq!(listener.accept().unwrap_err().raw_os_error(), Some(EMFILE));
    assert!(listener.accept().is_ok());
}

#[test]
fn injected_stream_faults_hit_one_side_so_many_times() {
    let world = calm();
    let (link, a, b) = connected(&world);
    world.fail_read(link, Side::Dialer, ErrorKind::TimedOut, 1);
    world.fail_write(link, Side::Acceptor, ErrorKind::NetworkDown, 1);
    assert!(world.is_readable(&*a));
    assert_eq!(read(&*a), Err(ErrorKind::TimedOut));
    assert_eq!(read(&*a), Err(ErrorKind::WouldBlock));
    assert_eq!(write(&*b, b"x").unwrap_err().kind(), ErrorKind::NetworkDown);
    assert_eq!(write(&*b, b"x").unwrap(), 1);
}

#[test]
fn injected_dial_fault_fails_at_once() {
    let world = calm();
    world.fail_dial(ErrorKind::AddrNotAvailable, 1);
    let address = ferromq_transport::Address::Tcp {
        to: "127.0.0.1:5555".parse().unwrap(),
        from: None,
    };
    let result = world.dial(&address, &Default::default());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    assert!(world.dial(&address, &Default::default()).is_ok());
}

#[test]
#[should_panic(expected = "read without room")]
fn read_without_room_panics() {
    let (_, a, _b) = connected(&calm());
    let _ = a.read(&mut Vec::new(), 100);
}
