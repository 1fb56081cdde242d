//! PUB, XPUB and SUB.

use std::collections::{BTreeMap, BTreeSet};

use ferromq::SocketType::{Pub, Sub, Xpub};
use ferromq::{Dropped, Message};
use ferromq_core::Command;
use proptest::prelude::*;

use super::network::{Network, SLOTS, Setting, Weather, heard, weather};

/// What publishing promises.
///
/// - A reader gets a message only if it begins with one of the reader's topics at that moment, once
///   however many match, and those of each publisher in order, if no break came between.
/// - It gets every message that was published while a matching topic of it was *in force*: since
///   the last calm neither cancelled nor broken off. A publisher may drop, and counts it.
/// - At a calm moment a publisher knows exactly the topics of all readers.
#[derive(Debug, Default)]
struct Publishing {
    /// For each publisher the topics of its messages, and the breaks before each.
    published: [Vec<(&'static str, usize)>; PUBLISHERS],
    readers: BTreeMap<usize, Reader>,
    breaks: usize,
}

/// A reader, and for each publisher the numbers that it got and those that it must still get.
#[derive(Debug, Default)]
struct Reader {
    topics: Vec<&'static str>,
    in_force: Vec<&'static str>,
    got: [Vec<usize>; PUBLISHERS],
    due: [BTreeSet<usize>; PUBLISHERS],
}

impl Publishing {
    fn publish(&mut self, publisher: usize, topic: &'static str) {
        let number = self.published[publisher].len();
        self.published[publisher].push((topic, self.breaks));
        for reader in self.readers.values_mut() {
            if matches(&reader.in_force, topic) {
                reader.due[publisher].insert(number);
            }
        }
    }

    fn receive(&mut self, reader: usize, (topic, publisher, number): (&str, usize, usize)) {
        let (published, breaks) = self.published[publisher][number];
        let reader = self.readers.get_mut(&reader).unwrap();
        assert_eq!(topic, published, "it was changed");
        assert!(matches(&reader.topics, topic), "{topic:?} is not wanted");
        let got = &mut reader.got[publisher];
        assert!(!got.contains(&number), "{number} came twice");
        let is_last = got.iter().all(|earlier| *earlier < number);
        assert!(
            is_last || breaks < self.breaks,
            "{number} came after {got:?}"
        );
        got.push(number);
        reader.due[publisher].remove(&number);
    }

    fn cancel(&mut self, reader: usize, topic: &'static str) {
        let reader = self.readers.get_mut(&reader).unwrap();
        if let Some(at) = reader.topics.iter().position(|one| *one == topic) {
            reader.topics.remove(at);
        }
        let (topics, published) = (&reader.topics, &self.published);
        reader.in_force.retain(|topic| topics.contains(topic));
        for (due, published) in reader.due.iter_mut().zip(published) {
            due.retain(|number| matches(&reader.in_force, published[*number].0));
        }
    }

    /// A connection is lost.
    fn break_off(&mut self) {
        self.breaks += 1;
        for reader in self.readers.values_mut() {
            reader.in_force.clear();
            reader.due = Default::default();
        }
    }

    /// Everybody is connected and has read everything. How many messages each publisher has dropped
    /// since the last calm, and which topics it knows.
    fn calm(&mut self, dropped: [u64; PUBLISHERS]) {
        for (publisher, dropped) in dropped.into_iter().enumerate() {
            let due = self.readers.values().map(|reader| &reader.due[publisher]);
            let missing: Vec<_> = due.filter(|due| !due.is_empty()).collect();
            let count: usize = missing.iter().map(|due| due.len()).sum();
            assert!(
                count as u64 <= dropped,
                "lost {missing:?}, dropped {dropped}"
            );
        }
        for reader in self.readers.values_mut() {
            reader.in_force = reader.topics.clone();
            reader.due = Default::default();
        }
    }

    /// The topics that every publisher knows at a calm moment.
    fn topics(&self) -> BTreeSet<&'static str> {
        let topics = self.readers.values().flat_map(|reader| &reader.topics);
        topics.copied().collect()
    }
}

fn matches(topics: &[&str], topic: &str) -> bool {
    topics.iter().any(|one| topic.starts_with(one))
}

/// A PUB and an XPUB.
const PUBLISHERS: usize = 2;
/// The place of the XPUB.
const XPUB: usize = 1;
/// What is subscribed to.
const WANTED: [&str; 4] = ["", "a", "ab", "b"];
/// What is published.
const TOPICS: [&str; 5] = ["", "a", "abc", "b", "c"];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Publish(usize, &'static str),
    Receive(usize),
    Subscribe(usize, &'static str),
    Cancel(usize, &'static str),
    Come(usize),
    Leave(usize),
    Calm,
    Weather(Weather),
}

pub(super) fn steps() -> impl Strategy<Value = Step> {
    let wanted = || prop::sample::select(&WANTED[..]);
    let topic = prop::sample::select(&TOPICS[..]);
    let slot = || 0..SLOTS;
    prop_oneof![
        10 => (0..PUBLISHERS, topic).prop_map(|(publisher, topic)| Step::Publish(publisher, topic)),
        3 => slot().prop_map(Step::Receive),
        4 => (slot(), wanted()).prop_map(|(slot, topic)| Step::Subscribe(slot, topic)),
        2 => (slot(), wanted()).prop_map(|(slot, topic)| Step::Cancel(slot, topic)),
        3 => slot().prop_map(Step::Come),
        1 => slot().prop_map(Step::Leave),
        2 => Just(Step::Calm),
        6 => weather().prop_map(Step::Weather),
    ]
}

pub(super) fn run(setting: &Setting, steps: &[Step]) {
    let mut check = Check {
        model: Publishing::default(),
        network: Network::new(setting, &[Pub, Xpub], Sub),
        readers: [0; SLOTS],
        dropped: [0; PUBLISHERS],
        reported: BTreeSet::new(),
    };
    for step in steps {
        check.step(step);
        check.read_reports();
    }
    (0..SLOTS).for_each(|slot| check.come(slot));
    check.calm();
}

struct Check {
    model: Publishing,
    network: Network,
    /// The number of the reader in each slot.
    readers: [usize; SLOTS],
    /// What each publisher had dropped at the last calm.
    dropped: [u64; PUBLISHERS],
    /// The topics that the XPUB has told its application of.
    reported: BTreeSet<String>,
}

impl Check {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Publish(publisher, topic) => self.publish(publisher, topic),
            Step::Receive(slot) => drop(self.receive(slot)),
            Step::Subscribe(slot, topic) => {
                if let Some(sub) = self.network.guest(slot) {
                    sub.request(&Command::Subscribe(topic.into()));
                    let reader = self.model.readers.get_mut(&self.readers[slot]);
                    reader.unwrap().topics.push(topic);
                }
            }
            Step::Cancel(slot, topic) => self.cancel(slot, topic),
            Step::Come(slot) => self.come(slot),
            Step::Leave(slot) => {
                if self.network.leave(slot).is_some() {
                    self.model.readers.remove(&self.readers[slot]);
                }
            }
            Step::Calm => self.calm(),
            Step::Weather(ref weather) => {
                let model = &mut self.model;
                self.network.suffer(weather, |_| model.break_off());
            }
        }
    }

    fn come(&mut self, slot: usize) {
        if let Some(reader) = self.network.come(slot) {
            self.readers[slot] = reader;
            self.model.readers.insert(reader, Reader::default());
        }
    }

    fn publish(&mut self, publisher: usize, topic: &'static str) {
        let number = self.model.published[publisher].len().to_string();
        let message = [topic, &publisher.to_string(), &number];
        let sent = self.network.hosts[publisher].try_send(Message::from(message));
        sent.expect("publishing never waits");
        self.model.publish(publisher, topic);
    }

    fn cancel(&mut self, slot: usize, topic: &'static str) {
        let Some(sub) = self.network.guest(slot) else {
            return;
        };
        if self.model.readers[&self.readers[slot]]
            .topics
            .contains(&topic)
        {
            sub.request(&Command::Cancel(topic.into()));
            self.model.cancel(self.readers[slot], topic);
        }
    }

    /// True if there was a message.
    fn receive(&mut self, slot: usize) -> bool {
        let message = self.network.guest(slot).and_then(|sub| heard(sub).next());
        if let Some(message) = &message {
            let text = |at| message.part_str(at).unwrap();
            let number = |at| text(at).parse().unwrap();
            self.model
                .receive(self.readers[slot], (text(0), number(1), number(2)));
        }
        message.is_some()
    }

    /// How many messages there were.
    fn read(&mut self, slot: usize) -> usize {
        (0..).take_while(|_| self.receive(slot)).count()
    }

    fn calm(&mut self) {
        self.network.settle();
        while (0..SLOTS).map(|slot| self.read(slot)).sum::<usize>() > 0 {
            self.network.settle();
        }
        let now = |publisher: usize| {
            self.network.hosts[publisher]
                .stats()
                .dropped(Dropped::HighWaterMark)
        };
        let now: [u64; PUBLISHERS] = std::array::from_fn(now);
        self.model
            .calm(std::array::from_fn(|at| now[at] - self.dropped[at]));
        self.dropped = now;
        self.read_reports();
        let topics = self.model.topics();
        assert!(
            self.reported.iter().eq(&topics),
            "{:?} {topics:?}",
            self.reported
        );
        let known = self
            .network
            .hosts
            .iter()
            .map(|publisher| publisher.topics());
        assert_eq!(known.collect::<Vec<_>>(), [topics.len(); PUBLISHERS]);
    }

    /// Reads what the XPUB tells of: each topic that is new, and each that nobody wants any more.
    fn read_reports(&mut self) {
        for report in heard(&*self.network.hosts[XPUB]) {
            let topic = report.part_str(0).unwrap();
            let is_news = match topic.split_at(1) {
                ("\u{1}", topic) => self.reported.insert(topic.to_owned()),
                (_, topic) => self.reported.remove(topic),
            };
            assert!(is_news, "{report:?} is known already");
        }
    }
}
