//! Tests of heartbeats: each moment at which something is said or a silence is too long.

use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::prelude::*;

use super::{Beat, Heartbeat, HeartbeatConfig, MOST_UNHEARD, Silence, Writing};
use crate::{Command, V2_0, V3_0, V3_1, Version};

const SECOND: Duration = Duration::from_secs(1);

/// Everything is with the kernel.
const WRITTEN: Writing = Writing {
    taken: 0,
    waits: false,
};

/// A machine, and the time since it was made.
struct Driven {
    machine: Heartbeat,
    made: Instant,
    now: Duration,
}

fn ping(ttl: u64) -> Beat {
    Beat::Send(Command::Ping {
        ttl: Duration::from_millis(ttl),
        context: Bytes::new(),
    })
}

fn pong() -> Beat {
    let context = Bytes::new();
    Beat::Send(Command::Pong { context })
}

fn every(interval: u64) -> HeartbeatConfig {
    HeartbeatConfig {
        interval: Duration::from_millis(interval),
        ..HeartbeatConfig::default()
    }
}

impl Driven {
    #[expect(
        clippy::disallowed_methods,
        reason = "any time will do as the first one"
    )]
    fn new(config: HeartbeatConfig, peer: Version) -> Self {
        let made = Instant::now();
        Self {
            machine: Heartbeat::new(config, peer, made),
            made,
            now: Duration::ZERO,
        }
    }

    fn at(&mut self, millis: u64) -> Instant {
        self.now = Duration::from_millis(millis);
        self.made + self.now
    }

    fn deadline(&self) -> Option<u128> {
        let at = self.machine.deadline()?;
        Some((at - self.made).as_millis())
    }

    #[track_caller]
    fn look(&mut self, millis: u64, expected: &Beat) {
        let now = self.at(millis);
        let beat = self.machine.poll(false, WRITTEN, now);
        assert_eq!(beat, *expected, "at {millis} ms");
    }

    /// Commands wait to be written, and the kernel has taken so many bytes.
    #[track_caller]
    fn look_waiting(&mut self, millis: u64, taken: u64, expected: &Beat) {
        let now = self.at(millis);
        let writing = Writing { taken, waits: true };
        let beat = self.machine.poll(false, writing, now);
        assert_eq!(beat, *expected, "at {millis} ms");
    }

    #[track_caller]
    fn look_deaf(&mut self, millis: u64, expected: &Beat) {
        let now = self.at(millis);
        let beat = self.machine.poll(true, WRITTEN, now);
        assert_eq!(beat, *expected, "at {millis} ms");
    }

    fn hear_ping(&mut self, millis: u64, ttl: u64) -> bool {
        let now = self.at(millis);
        self.machine.handle_traffic();
        self.machine.handle_ping(Duration::from_millis(ttl), now)
    }
}

#[test]
fn heartbeats_by_default_are_off() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    assert_eq!(driven.deadline(), None);
    driven.machine.handle_traffic();
    driven.machine.handle_pong();
    assert!(!driven.hear_ping(5, 0));
    assert_eq!(driven.deadline(), None);
    driven.look(1_000_000, &Beat::Rest);
}

#[test]
fn interval_without_more_pings_and_gives_up_after_one_more() {
    let mut driven = Driven::new(every(1_000), V3_1);
    driven.look(999, &Beat::Rest);
    assert_eq!(driven.deadline(), Some(1_000));
    driven.look(1_000, &ping(0));
    driven.machine.handle_traffic();
    driven.look(2_000, &ping(0));
    driven.look(2_999, &Beat::Rest);
    driven.look(3_000, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn ping_carries_the_time_to_live() {
    let config = HeartbeatConfig {
        ttl: 3 * SECOND,
        ..every(100)
    };
    Driven::new(config, V3_1).look(100, &ping(3_000));
}

#[test]
fn timeout_runs_from_the_first_unanswered_ping() {
    let config = HeartbeatConfig {
        timeout: Some(Duration::from_millis(2_500)),
        ..every(1_000)
    };
    let mut driven = Driven::new(config, V3_1);
    driven.look(1_000, &ping(0));
    driven.look(2_000, &ping(0));
    driven.look(3_000, &ping(0));
    assert_eq!(driven.deadline(), Some(3_500));
    driven.look(3_500, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn timeout_ends_by_any_traffic_until_the_next_ping() {
    let mut driven = Driven::new(every(1_000), V3_1);
    driven.look(1_000, &ping(0));
    driven.machine.handle_traffic();
    driven.look(1_500, &Beat::Rest);
    driven.look(2_000, &ping(0));
    assert_eq!(driven.deadline(), Some(3_000));
}

#[test]
fn timeout_of_zero_never_ends_and_few_pings_are_sent() {
    let config = HeartbeatConfig {
        timeout: Some(Duration::ZERO),
        ..every(1_000)
    };
    let mut driven = Driven::new(config, V3_1);
    for nth in 1..=u64::from(MOST_UNHEARD) {
        driven.look(nth * 1_000, &ping(0));
    }
    driven.look(11_000, &Beat::Rest);
    driven.look(12_000, &Beat::Rest);
    driven.machine.handle_traffic();
    driven.look(13_000, &ping(0));
}

#[test]
fn death_found_stays_until_something_is_read() {
    let mut driven = Driven::new(every(1_000), V3_1);
    driven.look(1_000, &ping(0));
    driven.look(2_000, &Beat::Dead(Silence::Unanswered));
    driven.look(2_001, &Beat::Dead(Silence::Unanswered));
    driven.machine.handle_traffic();
    driven.look(2_002, &ping(0));
}

#[test]
fn peer_of_3_0_is_awaited_once_it_has_answered() {
    let mut driven = Driven::new(every(1_000), V3_0);
    driven.look(1_000, &ping(0));
    driven.look(2_000, &ping(0));
    driven.machine.handle_traffic();
    driven.machine.handle_pong();
    driven.look(3_000, &ping(0));
    driven.look(4_000, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn peer_below_3_0_is_sent_nothing() {
    assert_eq!(Driven::new(every(1_000), V2_0).deadline(), None);
}

#[test]
fn time_to_live_of_the_peer_ends_its_silence() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    assert!(driven.hear_ping(100, 2_000));
    assert_eq!(driven.deadline(), Some(2_100));
    driven.look(2_099, &Beat::Rest);
    driven.look(2_100, &Beat::Dead(Silence::Expired));
}

#[test]
fn time_to_live_begins_anew_with_each_ping_and_ends_with_one_of_zero() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    assert!(driven.hear_ping(0, 2_000));
    assert!(!driven.hear_ping(1_500, 2_000));
    assert_eq!(driven.deadline(), Some(3_500));
    assert!(driven.hear_ping(1_600, 500));
    assert_eq!(driven.deadline(), Some(2_100));
    assert!(!driven.hear_ping(2_000, 0));
    assert_eq!(driven.deadline(), None);
}

#[test]
fn time_to_live_begins_anew_with_a_look_after_traffic() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    driven.hear_ping(0, 1_000);
    driven.machine.handle_traffic();
    driven.look(1_000, &Beat::Rest);
    assert_eq!(driven.deadline(), Some(2_000));
    driven.look(2_000, &Beat::Dead(Silence::Expired));
}

#[test]
fn deaf_one_waits_for_nobody_and_pings_on() {
    let mut driven = Driven::new(every(1_000), V3_1);
    driven.hear_ping(500, 1_000);
    driven.look(1_000, &ping(0));
    let now = driven.at(1_100);
    driven.machine.handle_deaf(now);
    for nth in 2..30 {
        driven.look_deaf(nth * 1_000 + 500, &ping(0));
    }
    driven.machine.handle_traffic();
    driven.look(30_500, &ping(0));
    driven.look(31_500, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn deaf_one_speaks_at_twice_the_rhythm_of_the_pings_before() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    for nth in 1..5 {
        driven.hear_ping(nth * 400, 0);
    }
    let now = driven.at(1_700);
    assert!(driven.machine.handle_deaf(now));
    assert!(!driven.machine.handle_deaf(now), "it knows");
    for nth in 0..20 {
        assert_eq!(driven.deadline(), Some(u128::from(1_900 + nth * 200)));
        driven.look_deaf(1_900 + nth * 200, &pong());
    }
    driven.look(5_900, &Beat::Rest);
    assert_eq!(driven.deadline(), None);
}

#[test]
fn deaf_one_leaves_a_peer_in_peace_that_never_pinged() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    let now = driven.at(1_000);
    assert!(!driven.machine.handle_deaf(now));
    assert_eq!(driven.deadline(), None);
    driven.look_deaf(1_000_000, &Beat::Rest);
}

#[test]
fn pings_after_a_deafness_without_looks_teach_the_interval() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    let now = driven.at(10);
    assert!(!driven.machine.handle_deaf(now));
    driven.machine.handle_hearing();
    driven.hear_ping(1_000, 0);
    driven.hear_ping(1_200, 0);
    let now = driven.at(1_300);
    assert!(driven.machine.handle_deaf(now));
    assert_eq!(driven.deadline(), Some(1_400));
}

#[test]
fn deaf_one_that_hears_now_and_then_speaks_in_time() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    driven.hear_ping(400, 0);
    for millis in [500, 550, 600, 650] {
        let now = driven.at(millis);
        driven.machine.handle_deaf(now);
        assert_eq!(driven.deadline(), Some(700));
        driven.machine.handle_hearing();
    }
    driven.look_deaf(700, &pong());
}

#[test]
fn pings_that_were_read_late_teach_no_interval() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    driven.hear_ping(1_000, 0);
    driven.hear_ping(2_000, 0);
    let now = driven.at(2_100);
    driven.machine.handle_deaf(now);
    for _ in 0..5 {
        driven.hear_ping(9_000, 0);
    }
    driven.look(9_000, &Beat::Rest);
    driven.hear_ping(10_000, 0);
    let now = driven.at(10_100);
    driven.machine.handle_deaf(now);
    assert_eq!(driven.deadline(), Some(10_600));
}

#[test]
fn deafness_that_a_look_finds_is_no_other_one() {
    let mut driven = Driven::new(HeartbeatConfig::default(), V3_1);
    driven.hear_ping(400, 1_000);
    driven.hear_ping(800, 1_000);
    driven.look_deaf(1_000, &Beat::Rest);
    let now = driven.at(1_000);
    assert!(!driven.machine.handle_deaf(now), "it knows");
    for nth in 1..20 {
        assert_eq!(driven.deadline(), Some(u128::from(1_000 + nth * 200)));
        driven.look_deaf(1_000 + nth * 200, &pong());
    }
    driven.hear_ping(9_000, 0);
    driven.look(9_000, &Beat::Rest);
    driven.hear_ping(9_010, 0);
    let now = driven.at(9_020);
    assert!(driven.machine.handle_deaf(now));
    assert_eq!(
        driven.deadline(),
        Some(9_220),
        "read late, it taught nothing"
    );
}

#[test]
fn ping_that_is_not_written_is_not_to_be_answered_while_the_kernel_takes_bytes() {
    let mut driven = Driven::new(every(1_000), V3_1);
    driven.look(1_000, &ping(0));
    driven.machine.handle_unsaid(10);
    for nth in 2..100 {
        driven.look_waiting(nth * 1_000, 10 * nth, &ping(0));
        driven.machine.handle_unsaid(10 * nth);
    }
    driven.look_waiting(100_000, 990, &Beat::Dead(Silence::Unanswered));
    driven.look_waiting(100_000, 990, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn ping_that_was_not_written_is_followed_by_one_whose_answer_is_awaited() {
    let config = HeartbeatConfig {
        timeout: Some(Duration::from_millis(300)),
        ..every(1_000)
    };
    let mut driven = Driven::new(config, V3_1);
    driven.look(1_000, &ping(0));
    driven.machine.handle_unsaid(0);
    driven.look_waiting(1_300, 5, &Beat::Rest);
    assert_eq!(driven.deadline(), Some(1_600));
    driven.look(1_600, &ping(0));
    assert_eq!(driven.deadline(), Some(1_900));
    driven.look(1_900, &Beat::Dead(Silence::Unanswered));
}

#[test]
fn deaf_one_that_pings_often_enough_says_nothing_more() {
    let mut driven = Driven::new(every(100), V3_1);
    driven.hear_ping(50, 0);
    driven.hear_ping(350, 0);
    driven.look(350, &ping(0));
    let now = driven.at(360);
    assert!(
        driven.machine.handle_deaf(now),
        "50 ms are less than 100 ms"
    );
    let mut driven = Driven::new(every(100), V3_1);
    driven.hear_ping(300, 0);
    driven.look(300, &ping(0));
    let now = driven.at(360);
    assert!(!driven.machine.handle_deaf(now));
    assert_eq!(driven.deadline(), Some(400));
}

#[test]
fn times_beyond_all_clocks_are_never_over() {
    let config = HeartbeatConfig {
        interval: Duration::MAX,
        timeout: Some(Duration::MAX),
        ttl: Duration::MAX,
    };
    let mut driven = Driven::new(config, V3_1);
    let now = driven.at(0);
    driven.machine.handle_ping(Duration::MAX, now);
    assert_eq!(driven.deadline(), None);
    driven.look(u64::from(u32::MAX), &Beat::Rest);
}

proptest! {
    /// Who looks at each deadline, and is answered within the timeout, gives nobody up; and no
    /// deadline comes again and again.
    #[test]
    fn answered_heartbeats_go_on(
        interval in 1..5_000u64,
        (timeout, answer_after) in (1..5_000u64).prop_flat_map(|most| (Just(most), 0..most)),
    ) {
        let config = HeartbeatConfig {
            timeout: Some(Duration::from_millis(timeout)),
            ..every(interval)
        };
        let mut driven = Driven::new(config, V3_1);
        let mut answers = Vec::new();
        for _ in 0..300 {
            let next = driven.deadline().and_then(|at| u64::try_from(at).ok());
            let next = next.expect("it pings on");
            if answers.iter().any(|&at| at <= next) {
                driven.machine.handle_traffic();
            }
            answers.retain(|&at| at > next);
            let now = driven.at(next);
            match driven.machine.poll(false, WRITTEN, now) {
                Beat::Rest => {}
                Beat::Send(_) => answers.push(next + answer_after),
                Beat::Dead(silence) => prop_assert!(false, "{silence} at {next} ms"),
            }
        }
        prop_assert!(driven.now >= Duration::from_millis(100 * interval));
    }
}
