//! Bounds what reading a pickle may cost, before it is read.
//!
//! A pickle is a program for a stack machine. Small ones can build values of any depth (a reader
//! that recurses overflows its stack) or refer to values again and again until a few bytes stand
//! for gigabytes. This walks the program once, building nothing: each value on the stack is only a
//! depth and a weight (the values and payload bytes in it).
//!
//! Laws:
//! - depth and pending marks stay within [`MAX_DEPTH`];
//! - what repeated references and calls, which copy what they are given, expand to stays within
//!   [`WEIGHT_PER_BYTE`] × size + [`FREE_WEIGHT`];
//! - a value that was referred to or put into another cannot grow any more, and no memo entry is
//!   written twice: else weights would be taken too early. Python writes neither, except for values
//!   that contain themselves, which cannot be read here anyway.

use std::collections::HashMap;

/// How deeply values may be nested.
const MAX_DEPTH: u32 = 128;
/// The longest decimal number; reading one takes the square of its length.
const MAX_DIGITS: usize = 4300;
/// How many values a byte of the message may stand for.
const WEIGHT_PER_BYTE: u64 = 64;
/// What a small message may expand to.
const FREE_WEIGHT: u64 = 1 << 20;

/// Why a pickled object is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unfit {
    /// It is nested deeper than 128 levels.
    #[error("object is nested deeper than 128 levels")]
    Depth,
    /// It has a decimal number of more than 4300 digits.
    #[error("number has more than 4300 digits")]
    Digits,
    /// Repeated references, or calls that copy, make it larger than 64 values per byte.
    #[error("repeated references or calls make the object too large")]
    Expansion,
    /// It uses an operation that is unknown, unsupported, or never written by Python.
    #[error("object uses an unsupported operation")]
    Operation,
    /// It contains itself, or is changed after it was referred to.
    #[error("object contains itself")]
    Recursion,
    /// It ends too early, or takes values that are not there.
    #[error("object is cut short or malformed")]
    Truncated,
}

/// Walks a pickle up to its end mark.
pub(super) fn check(bytes: &[u8]) -> Result<(), Unfit> {
    let mut machine = Machine::new(bytes);
    while machine.step()? {}
    Ok(())
}

/// A value in the making.
#[derive(Clone, Copy)]
struct Node {
    depth: u32,
    weight: u64,
    /// Was put into another value, or referred to through the memo.
    frozen: bool,
    memoized: bool,
}

/// Names a node.
type Index = usize;

struct Machine<'a> {
    rest: &'a [u8],
    budget: u64,
    nodes: Vec<Node>,
    stack: Vec<Index>,
    /// Where in the stack the marks are.
    marks: Vec<usize>,
    memo: HashMap<u32, Index>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self {
            rest: bytes,
            budget: size
                .saturating_mul(WEIGHT_PER_BYTE)
                .saturating_add(FREE_WEIGHT),
            nodes: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
        }
    }

    /// One operation; false after the last.
    fn step(&mut self) -> Result<bool, Unfit> {
        let operation = self.byte()?;
        match operation {
            b'.' => return self.pop().map(|_| false),
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.mark()?,
            b'0' => self.discard()?,
            b'1' => drop(self.pop_mark()?),
            b'p' | b'q' | b'r' | 0x94 => self.memoize(operation)?,
            b'g' | b'h' | b'j' => self.recall(operation)?,
            b'N' | 0x88 | 0x89 | b')' | b']' | b'}' | 0x8f => self.push(0),
            b'I' | b'L' | b'F' | b'S' | b'V' => self.push_line(operation)?,
            b'K' => self.push_fixed(1)?,
            b'M' => self.push_fixed(2)?,
            b'J' => self.push_fixed(4)?,
            b'G' => self.push_fixed(8)?,
            0x8a | b'U' | b'C' | 0x8c => self.push_counted(1)?,
            0x8b | b'T' | b'B' | b'X' => self.push_counted(4)?,
            0x8d | 0x8e | 0x96 => self.push_counted(8)?,
            0x85 => self.join(1)?,
            0x86 | 0x93 => self.join(2)?,
            b'R' | b'b' | 0x81 => self.call()?,
            0x87 | 0x92 => self.join(3)?,
            b't' | b'l' | b'd' | 0x91 => self.join_marked()?,
            b'i' => self.instance()?,
            b'o' => self.object()?,
            b'a' => self.extend(1)?,
            b's' => self.extend(2)?,
            b'e' | b'u' | 0x90 => self.extend_marked()?,
            b'c' => self.global()?,
            _ => return Err(Unfit::Operation),
        }
        Ok(true)
    }

    fn byte(&mut self) -> Result<u8, Unfit> {
        self.take(1)?.first().copied().ok_or(Unfit::Truncated)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Unfit> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Unfit::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An unsigned number of this many bytes, little end first.
    fn number(&mut self, size: usize) -> Result<u64, Unfit> {
        let bytes = self.take(size)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }

    fn line(&mut self) -> Result<&'a [u8], Unfit> {
        let end = self
            .rest
            .iter()
            .position(|&byte| byte == b'\n')
            .ok_or(Unfit::Truncated)?;
        let line = self.take(end)?;
        self.take(1)?;
        Ok(line)
    }

    fn mark(&mut self) -> Result<(), Unfit> {
        self.marks.push(self.stack.len());
        if self.marks.len() > MAX_DEPTH as usize {
            Err(Unfit::Depth)
        } else {
            Ok(())
        }
    }

    fn push(&mut self, payload: usize) {
        let weight = u64::try_from(payload).unwrap_or(u64::MAX).saturating_add(1);
        self.push_node(1, weight);
    }

    fn push_node(&mut self, depth: u32, weight: u64) {
        self.stack.push(self.nodes.len());
        self.nodes.push(Node {
            depth,
            weight,
            frozen: false,
            memoized: false,
        });
    }

    fn push_fixed(&mut self, size: usize) -> Result<(), Unfit> {
        self.take(size)?;
        self.push(0);
        Ok(())
    }

    fn push_counted(&mut self, size: usize) -> Result<(), Unfit> {
        let length = usize::try_from(self.number(size)?).map_err(|_| Unfit::Truncated)?;
        self.take(length)?;
        self.push(length);
        Ok(())
    }

    fn push_line(&mut self, operation: u8) -> Result<(), Unfit> {
        let length = self.line()?.len();
        if matches!(operation, b'I' | b'L' | b'F') && length > MAX_DIGITS {
            return Err(Unfit::Digits);
        }
        self.push(length);
        Ok(())
    }

    /// The lowest stack position that may be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Result<Index, Unfit> {
        if self.stack.len() <= self.floor() {
            return Err(Unfit::Truncated);
        }
        self.stack.pop().ok_or(Unfit::Truncated)
    }

    fn pop_mark(&mut self) -> Result<Vec<Index>, Unfit> {
        let floor = self.marks.pop().ok_or(Unfit::Truncated)?;
        Ok(self.stack.split_off(floor))
    }

    /// Discards the topmost value, or a mark without values.
    fn discard(&mut self) -> Result<(), Unfit> {
        if self.stack.len() > self.floor() {
            self.pop().map(drop)
        } else {
            self.pop_mark().map(drop)
        }
    }

    fn pop_some(&mut self, count: usize) -> Result<Vec<Index>, Unfit> {
        (0..count).map(|_| self.pop()).collect()
    }

    fn join(&mut self, count: usize) -> Result<(), Unfit> {
        let children = self.pop_some(count)?;
        self.push(0);
        self.grow(&children)
    }

    /// What a call is given is copied, and may stay in the memo beside the copy.
    fn call(&mut self) -> Result<(), Unfit> {
        let children = self.pop_some(2)?;
        for &child in &children {
            let weight = self.node(child)?.weight;
            self.charge(weight)?;
        }
        self.push(0);
        self.grow(&children)
    }

    /// Values that the message does not have itself.
    fn charge(&mut self, weight: u64) -> Result<(), Unfit> {
        self.budget = self.budget.checked_sub(weight).ok_or(Unfit::Expansion)?;
        Ok(())
    }

    fn join_marked(&mut self) -> Result<(), Unfit> {
        let children = self.pop_mark()?;
        self.push(0);
        self.grow(&children)
    }

    fn instance(&mut self) -> Result<(), Unfit> {
        self.line()?;
        self.line()?;
        self.join_marked()
    }

    fn object(&mut self) -> Result<(), Unfit> {
        let mut children = self.pop_mark()?;
        children.push(self.pop()?);
        self.push(0);
        self.grow(&children)
    }

    fn global(&mut self) -> Result<(), Unfit> {
        let length = self.line()?.len() + self.line()?.len();
        self.push(length);
        Ok(())
    }

    fn extend(&mut self, count: usize) -> Result<(), Unfit> {
        let children = self.pop_some(count)?;
        self.grow(&children)
    }

    fn extend_marked(&mut self) -> Result<(), Unfit> {
        let children = self.pop_mark()?;
        self.grow(&children)
    }

    /// Puts values into the topmost one.
    fn grow(&mut self, children: &[Index]) -> Result<(), Unfit> {
        let top = self.top()?;
        let Node {
            mut depth,
            mut weight,
            frozen,
            ..
        } = *self.node(top)?;
        if frozen || children.contains(&top) {
            return Err(Unfit::Recursion);
        }
        for &child in children {
            let child = self.node(child)?;
            child.frozen = true;
            depth = depth.max(child.depth + 1);
            weight = weight.saturating_add(child.weight);
        }
        if depth > MAX_DEPTH {
            return Err(Unfit::Depth);
        }
        let top = self.node(top)?;
        (top.depth, top.weight) = (depth, weight);
        Ok(())
    }

    /// The node that was pushed as this.
    fn node(&mut self, index: Index) -> Result<&mut Node, Unfit> {
        debug_assert!(index < self.nodes.len(), "an index names a node");
        self.nodes.get_mut(index).ok_or(Unfit::Truncated)
    }

    fn top(&self) -> Result<Index, Unfit> {
        if self.stack.len() <= self.floor() {
            return Err(Unfit::Truncated);
        }
        self.stack.last().copied().ok_or(Unfit::Truncated)
    }

    fn memoize(&mut self, operation: u8) -> Result<(), Unfit> {
        let id = match operation {
            0x94 => u32::try_from(self.memo.len()).map_err(|_| Unfit::Operation)?,
            _ => self.memo_id(operation)?,
        };
        let top = self.top()?;
        let twice = std::mem::replace(&mut self.node(top)?.memoized, true);
        if twice || self.memo.insert(id, top).is_some() {
            return Err(Unfit::Operation);
        }
        Ok(())
    }

    fn recall(&mut self, operation: u8) -> Result<(), Unfit> {
        let id = self.memo_id(operation)?;
        let index = *self.memo.get(&id).ok_or(Unfit::Truncated)?;
        let node = self.node(index)?;
        node.frozen = true;
        let weight = node.weight;
        self.charge(weight)?;
        self.stack.push(index);
        Ok(())
    }

    fn memo_id(&mut self, operation: u8) -> Result<u32, Unfit> {
        let id = match operation {
            b'q' | b'h' => self.number(1)?,
            b'r' | b'j' => self.number(4)?,
            _ => {
                let digits = std::str::from_utf8(self.line()?).map_err(|_| Unfit::Operation)?;
                digits.trim_end().parse().map_err(|_| Unfit::Operation)?
            }
        };
        u32::try_from(id).map_err(|_| Unfit::Operation)
    }
}

#[cfg(test)]
mod tests;
