//! Tests of the marks, above all of the one in bytes, on a stream that takes what it is told to.

use std::collections::HashSet;
use std::marker::PhantomData;
use std::sync::atomic::AtomicUsize;

use ferromq_wire::{Command, V3_1};

use super::*;
use crate::world::{Source, SystemWorld};

/// How long a sender sleeps at most.
const LITTLE: Duration = Duration::from_micros(100);

/// A stream whose peer has so much room, in bytes.
#[derive(Debug, Default)]
struct Kernel {
    room: AtomicUsize,
    /// So much comes while somebody waits.
    coming: AtomicUsize,
    /// How often somebody slept.
    sleeps: AtomicUsize,
}

impl Stream for Kernel {
    fn read(&self, _: &mut Vec<u8>, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn write(&self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        let room = self.room.load(PlainOrdering::Relaxed);
        self.room
            .store(room.saturating_sub(all), PlainOrdering::Relaxed);
        match room {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            room => Ok(all.min(room)),
        }
    }

    fn wait_writable(&self, at_most: Duration) -> bool {
        let sleeps = usize::from(at_most > Duration::ZERO);
        self.sleeps.fetch_add(sleeps, PlainOrdering::Relaxed);
        let coming = self.coming.swap(0, PlainOrdering::Relaxed);
        self.room.fetch_add(coming, PlainOrdering::Relaxed);
        coming > 0
    }

    fn finish_connect(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn shutdown(&self) {}

    fn peer_address(&self) -> String {
        String::new()
    }

    fn source(&self) -> Source<'_> {
        Source::Simulated(0, PhantomData)
    }
}

/// A queue that is written to a kernel.
struct Scene {
    out: Outbound,
    kernel: Arc<Kernel>,
    world: SystemWorld,
}

impl Scene {
    /// Without a connection.
    fn new(out: Outbound) -> Self {
        Self {
            out,
            kernel: Arc::default(),
            world: SystemWorld::new(),
        }
    }

    /// With a connection whose peer takes nothing yet.
    fn connected(out: Outbound) -> Self {
        let scene = Self::new(out);
        let stream = Arc::clone(&scene.kernel) as Arc<dyn Stream>;
        scene.out.connect(stream, Encoder::new(V3_1), None, &[]);
        scene
    }

    /// Queues a message, and writes if that is asked for. True: written.
    fn push(&self, prefix: &[Part], message: &Message, strip: usize) -> bool {
        let (world, pace) = (&self.world, &mut Pace::default());
        let manner = Manner::Batch;
        let pushed = self.out.push(prefix, message, strip, manner, world, pace);
        let writes = pushed == Pushed::Write;
        if writes {
            self.write();
        }
        writes
    }

    fn send(&self, size: usize) -> bool {
        self.push(&[], &Message::from(vec![7; size]), 0)
    }

    fn write(&self) {
        let wrote = self.out.write(&self.world, &Counters::default());
        assert!(matches!(wrote, Wrote::All | Wrote::Blocked), "{wrote:?}");
    }

    /// The peer takes so many bytes more. True: who was refused is told.
    fn take(&self, bytes: usize) -> bool {
        self.kernel.room.fetch_add(bytes, PlainOrdering::Relaxed);
        if self.out.unblock() {
            self.write();
        }
        self.out.take_thirst()
    }
}

fn weighed(mark: u64) -> Outbound {
    Outbound::new(0, Habit::Adaptive).weighed(mark)
}

#[test]
fn queue_has_room_up_to_the_last_byte_below_the_mark() {
    let scene = Scene::new(weighed(10));
    for size in [4, 0, 5] {
        assert!(scene.out.has_room_or_thirst());
        scene.send(size);
    }
    assert_eq!((scene.out.weight(), scene.out.has_room()), (9, true));
    scene.send(1);
    assert_eq!((scene.out.weight(), scene.out.has_room()), (10, false));
    assert_eq!(scene.out.times_full(), 0);
    assert!(!scene.out.has_room_or_thirst());
    assert_eq!(scene.out.times_full(), 1);
}

#[test]
fn message_weighs_what_goes_to_the_peer_without_framing() {
    let scene = Scene::new(weighed(1_000));
    let message = Message::from(["stripped", "", "four", "1"]);
    scene.push(&[Part::from("id"), Part::from("")], &message, 1);
    assert_eq!(scene.out.weight(), 2 + 4 + 1);
}

#[test]
fn nothing_is_weighed_without_a_mark() {
    let scene = Scene::new(weighed(0));
    scene.send(1_000_000);
    assert_eq!((scene.out.weight(), scene.out.has_room()), (0, true));
    assert!(scene.out.state.lock().weights.is_empty());
}

#[test]
fn burst_is_written_when_more_than_half_the_bytes_are_queued() {
    let scene = Scene::connected(weighed(10));
    scene
        .kernel
        .room
        .store(usize::MAX / 2, PlainOrdering::Relaxed);
    assert_eq!(
        [3, 2, 1, 0].map(|size| scene.send(size)),
        [false, false, true, false]
    );
    assert_eq!((scene.out.weight(), scene.out.queued()), (0, 1));
}

#[test]
fn nothing_is_refused_while_the_kernel_has_room() {
    let scene = Scene::connected(weighed(10));
    scene
        .kernel
        .room
        .store(usize::MAX / 2, PlainOrdering::Relaxed);
    for size in [1, 100, 3, 9, 10_000, 0].repeat(100) {
        assert!(scene.out.has_room_or_thirst());
        scene.send(size);
    }
}

#[test]
fn refused_sender_is_told_when_half_the_bytes_are_left() {
    let scene = Scene::connected(weighed(10));
    (0..10).for_each(|_| _ = scene.send(1));
    assert!(!scene.out.has_room_or_thirst());
    // A frame has three bytes here.
    let told = (0..10).map(|_| scene.take(3)).collect::<Vec<_>>();
    assert_eq!(told.iter().position(|told| *told), Some(4));
    assert_eq!((scene.out.weight(), scene.out.times_full()), (0, 1));
}

#[test]
fn message_above_the_mark_is_taken_and_makes_room_when_it_is_whole() {
    let scene = Scene::connected(weighed(10));
    scene.send(1_000);
    assert!(!scene.out.has_room_or_thirst());
    assert!(!scene.take(1_008), "all but the last byte of the frame");
    assert!(!scene.out.has_room());
    assert!(scene.take(1));
    assert!(scene.out.has_room());
}

#[test]
fn both_marks_are_kept() {
    let scene = Scene::new(Outbound::new(3, Habit::Adaptive).weighed(10));
    (0..3).for_each(|_| _ = scene.send(1));
    assert!(!scene.out.has_room());
    let scene = Scene::new(Outbound::new(3, Habit::Adaptive).weighed(10));
    (0..2).for_each(|_| _ = scene.send(5));
    assert!(!scene.out.has_room());
}

#[test]
fn what_is_taken_back_makes_room() {
    let scene = Scene::connected(weighed(10));
    (0..4).for_each(|_| _ = scene.send(5));
    scene.take(7 + 1);
    assert!(scene.out.disconnect());
    assert_eq!(scene.out.weight(), 15, "the message begun is still there");
    assert_eq!(scene.out.take_unsent().len(), 3);
    assert_eq!((scene.out.weight(), scene.out.has_room()), (0, true));
    let sizes: HashSet<u64> = scene.out.state.lock().weights.drain(..).collect();
    assert!(sizes.is_empty());
}

#[test]
fn who_waits_for_the_kernel_goes_on_where_the_write_was_blocked() {
    let scene = Scene::connected(Outbound::new(0, Habit::Always));
    assert!(scene.send(100), "what is blocked is left");
    let waits = || scene.out.wait_for_kernel(&scene.world, LITTLE);
    assert!(!waits(), "it is full still");
    scene.kernel.coming.store(60, PlainOrdering::Relaxed);
    assert!(waits() && scene.out.unblock());
    let write = || scene.out.write(&scene.world, &Counters::default());
    assert!(matches!(write(), Wrote::Blocked));
    scene.kernel.coming.store(60, PlainOrdering::Relaxed);
    assert!(waits() && scene.out.unblock());
    assert!(matches!(write(), Wrote::All));
    assert_eq!(scene.out.queued(), 0);
    assert!(scene.out.disconnect());
    assert!(!waits(), "nobody is there");
}

#[test]
fn sender_looks_for_room_before_it_sleeps_while_that_pays_off() {
    let scene = Scene::connected(Outbound::new(0, Habit::Always));
    assert!(scene.send(100), "what is blocked is left");
    let kernel = &scene.kernel;
    let sleeps = |coming| {
        kernel.coming.store(coming, PlainOrdering::Relaxed);
        let has_room = scene.out.wait_for_kernel(&scene.world, LITTLE);
        assert_eq!(has_room, coming > 0);
        kernel.sleeps.swap(0, PlainOrdering::Relaxed)
    };
    let found: usize = (0..100).map(|_| sleeps(1)).sum();
    assert_eq!(found, 0, "it was found by looking");
    (0..100).for_each(|_| assert_eq!(sleeps(0), 1));
    assert_eq!(sleeps(1), 1, "looking has not paid off lately");
}

#[test]
fn requests_are_written_like_messages() {
    let topic = |number: u16| Command::Subscribe(number.to_be_bytes().to_vec().into());
    let (world, pace) = (SystemWorld::new(), &mut Pace::default());
    let mut request = |scene: &Scene, number| scene.out.request(&topic(number), &world, pace);

    let never = Scene::connected(Outbound::new(0, Habit::Never));
    assert_eq!(request(&never, 0), Pushed::Handed);
    let of_many = (1..=u16::MAX).find(|&number| request(&never, number) != Pushed::Queued);
    let queued = never.out.state.lock().control.len() as u64;
    assert!(of_many.is_some() && (WRITE_AT..WRITE_AT + 100).contains(&queued));

    let always = Scene::connected(Outbound::new(0, Habit::Always));
    assert_eq!(request(&always, 0), Pushed::Write);
    assert_eq!(
        request(&always, 1),
        Pushed::Queued,
        "who writes looks again"
    );
    always.write();

    let adaptive = Scene::connected(Outbound::new(0, Habit::Adaptive));
    assert_eq!(
        request(&adaptive, 0),
        Pushed::Write,
        "nobody was written to"
    );

    let alone = Scene::new(Outbound::new(0, Habit::Adaptive));
    assert_eq!(request(&alone, 0), Pushed::Queued, "and forgotten");
    assert!(alone.out.is_empty());
}

#[test]
fn failed_write_is_of_the_connection_on_which_it_failed() {
    let scene = Scene::connected(Outbound::new(0, Habit::Always));
    assert!(!scene.out.has_failed());
    scene.out.state.lock().link.as_mut().unwrap().failed = true;
    assert!(scene.out.has_failed());
    assert!(scene.out.disconnect());
    assert!(!scene.out.has_failed());
    let stream: Arc<dyn Stream> = scene.kernel.clone();
    scene.out.connect(stream, Encoder::new(V3_1), None, &[]);
    assert!(!scene.out.has_failed());
}
