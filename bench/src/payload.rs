//! The messages: numbered, and checked where they arrive.
//!
//! | bytes | what |
//! |---|---|
//! | first 8 | the number of the message, and in its top byte the lane (which sender) |
//! | next 8 | when it was sent, if paced |
//! | last 8 | the first 8, inverted |
//! | others | a pattern |
//!
//! A mark is 16 bytes with a lane that no sender has.

use crate::Outcome;
use crate::link::{Mark, Phase};

/// The fewest bytes of a message.
const LEAST: usize = 16;
/// The lane of marks.
const MARKS: u64 = 0xFF;
/// One message in so many is compared whole.
const WHOLE: u64 = 16;

/// What a sender sends: its own buffer, changed for each message, as an application would.
pub(crate) struct Payload {
    bytes: Vec<u8>,
    lane: u64,
}

impl Payload {
    pub(crate) fn new(size: usize, lane: usize) -> Self {
        let bytes = (0..size.max(LEAST)).map(|index| index as u8).collect();
        let lane = lane as u64;
        Self { bytes, lane }
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes of message number `number`.
    #[inline]
    pub(crate) fn number(&mut self, number: u64) -> &[u8] {
        let head = self.lane << 56 | number;
        let tail = self.bytes.len() - 8;
        self.bytes[..8].copy_from_slice(&head.to_le_bytes());
        self.bytes[tail..].copy_from_slice(&(!head).to_le_bytes());
        &self.bytes
    }

    /// The same with a time in it.
    #[inline]
    pub(crate) fn stamped(&mut self, number: u64, nanoseconds: u64) -> &[u8] {
        self.bytes[8..16].copy_from_slice(&nanoseconds.to_le_bytes());
        self.number(number)
    }

    /// Fails unless these bytes are message number `number`, to the last byte.
    pub(crate) fn check(&mut self, bytes: &[u8], number: u64) -> Outcome {
        if self.number(number) == bytes {
            return Ok(());
        }
        Err(wrong(bytes, "not the reply"))
    }
}

/// The number of a message.
pub(crate) fn number(bytes: &[u8]) -> u64 {
    head(bytes).unwrap_or_default() << 8 >> 8
}

/// The time in a message.
#[inline]
pub(crate) fn stamp(bytes: &[u8]) -> u64 {
    head(&bytes[8..]).unwrap_or_default()
}

/// The bytes of a mark.
pub(crate) fn mark(mark: Mark) -> [u8; LEAST] {
    let mut bytes = [0; LEAST];
    let head = MARKS << 56 | (mark.lane as u64) << 8 | mark.phase as u64;
    bytes[..8].copy_from_slice(&head.to_le_bytes());
    bytes[8..].copy_from_slice(&(!head).to_le_bytes());
    bytes
}

/// The mark that these bytes are, if they are one.
#[inline]
pub(crate) fn parse_mark(bytes: &[u8]) -> Option<Mark> {
    let head = head(bytes)?;
    if head >> 56 != MARKS {
        return None;
    }
    let phases = Phase::ALL.into_iter();
    let phase = phases
        .into_iter()
        .find(|&phase| phase as u64 == head & 0xFF)?;
    let lane = (head >> 8 & 0xFF) as usize;
    Some(Mark { lane, phase })
}

/// Checks what one receiver gets.
pub(crate) struct Checker {
    pattern: Vec<u8>,
    has_stamps: bool,
    /// By lane: the number that is expected next, or a later one.
    next: Vec<u64>,
}

impl Checker {
    pub(crate) fn new(size: usize, lanes: usize, has_stamps: bool) -> Self {
        Self {
            pattern: Payload::new(size, 0).bytes,
            has_stamps,
            next: vec![0; lanes],
        }
    }

    /// The lane of a message that is whole and in order. Numbers may be missing: whether they are
    /// elsewhere or lost is found out by counting.
    #[inline]
    pub(crate) fn check(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let (Some(head), Some(tail)) = (head(bytes), bytes.last_chunk::<8>()) else {
            return Err(wrong(bytes, "too short"));
        };
        if u64::from_le_bytes(*tail) != !head || bytes.len() != self.pattern.len() {
            return Err(wrong(bytes, "damaged"));
        }
        let (lane, number) = ((head >> 56) as usize, head << 8 >> 8);
        let Some(next) = self.next.get_mut(lane).filter(|next| **next <= number) else {
            return Err(wrong(bytes, "out of order"));
        };
        *next = number + 1;
        if number.is_multiple_of(WHOLE) && !self.has_pattern(bytes) {
            return Err(wrong(bytes, "damaged"));
        }
        Ok(lane)
    }

    /// The number of the message that is next in a lane.
    pub(crate) fn next(&self, lane: usize) -> u64 {
        self.next[lane]
    }

    fn has_pattern(&self, bytes: &[u8]) -> bool {
        let start = if self.has_stamps { 16 } else { 8 };
        let end = bytes.len() - 8;
        start >= end || bytes[start..end] == self.pattern[start..end]
    }
}

#[inline]
fn head(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.first_chunk()?))
}

#[cold]
fn wrong(bytes: &[u8], what: &str) -> Box<dyn std::error::Error + Send + Sync> {
    let start = &bytes[..bytes.len().min(16)];
    format!("{what}: {} bytes, {start:?}…", bytes.len()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(index: usize) -> Vec<u8> {
        let mut bytes = Payload::new(64, 1).number(16).to_vec();
        bytes[index] ^= 1;
        bytes
    }

    #[test]
    fn checker_takes_messages_in_order() {
        let mut checker = Checker::new(64, 2, false);
        let (mut first, mut second) = (Payload::new(64, 0), Payload::new(64, 1));
        for number in [0, 1, 5] {
            assert_eq!(checker.check(first.number(number)).unwrap(), 0);
            assert_eq!(checker.check(second.number(number)).unwrap(), 1);
        }
        assert!(checker.check(first.number(5)).is_err());
        assert!(checker.check(second.number(0)).is_err());
    }

    #[test]
    fn checker_refuses_damage() {
        for index in [0, 7, 8, 40, 56, 63] {
            let mut checker = Checker::new(64, 2, false);
            assert!(checker.check(&changed(index)).is_err(), "byte {index}");
        }
        let mut checker = Checker::new(64, 2, false);
        assert!(checker.check(Payload::new(65, 1).number(16)).is_err());
        assert!(checker.check(b"short").is_err());
    }

    #[test]
    fn stamps_are_no_damage() {
        let mut payload = Payload::new(64, 0);
        let bytes = payload.stamped(16, 12_345);
        assert_eq!(stamp(bytes), 12_345);
        assert!(Checker::new(64, 1, true).check(bytes).is_ok());
    }

    #[test]
    fn marks_are_read_as_written() {
        for (lane, phase) in Phase::ALL.into_iter().enumerate() {
            let written = Mark { lane, phase };
            assert_eq!(parse_mark(&mark(written)), Some(written));
        }
        assert_eq!(parse_mark(Payload::new(16, 3).number(7)), None);
    }
}
