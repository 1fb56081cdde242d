//! The inproc names of one context: who is bound, and who waits for a name to be bound.
//!
//! Pure bookkeeping behind one short lock: what is bound (`T`) and what waits (`W`) are the
//! caller's. Nothing of the caller's is dropped or called while the lock is held, but for
//! `T::clone`.

use std::collections::HashMap;
use std::fmt;

use parking_lot::Mutex;

use crate::InprocName;

/// Maps inproc names to what is bound there, and parks connects that come before their bind.
///
/// Unbinding a name only forgets it: connections made before live on.
pub struct InprocRegistry<T, W> {
    state: Mutex<State<T, W>>,
}

/// What became of a connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connected<T, W> {
    /// The name is bound to this; here is what would have waited.
    Bound(T, W),
    /// The name is not bound yet; [`InprocRegistry::bind`] returns what waits.
    Parked(ParkedId),
}

/// Names one parked connect. Never used again after it has been returned or cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParkedId {
    name: InprocName,
    serial: u64,
}

/// The name is bound already; here is what was to be bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the inproc name is in use")]
pub struct NameInUse<T>(pub T);

struct State<T, W> {
    bound: HashMap<InprocName, T>,
    parked: HashMap<InprocName, Vec<(u64, W)>>,
    next_serial: u64,
}

impl<T, W> InprocRegistry<T, W> {
    /// A registry without names.
    pub fn new() -> Self {
        let state = State {
            bound: HashMap::new(),
            parked: HashMap::new(),
            next_serial: 0,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Binds a name, and returns the connects that were parked on it, oldest first.
    ///
    /// # Errors
    /// - [`NameInUse`]: the name is bound already.
    pub fn bind(&self, name: &InprocName, bound: T) -> Result<Vec<W>, NameInUse<T>> {
        let mut state = self.state.lock();
        if state.bound.contains_key(name) {
            return Err(NameInUse(bound));
        }
        state.bound.insert(name.clone(), bound);
        let parked = state.parked.remove(name).unwrap_or_default();
        Ok(parked.into_iter().map(|(_, waiting)| waiting).collect())
    }

    /// Forgets what is bound to a name, and returns it.
    pub fn unbind(&self, name: &InprocName) -> Option<T> {
        self.state.lock().bound.remove(name)
    }

    /// What is bound to a name.
    pub fn lookup(&self, name: &InprocName) -> Option<T>
    where
        T: Clone,
    {
        self.state.lock().bound.get(name).cloned()
    }

    /// Finds what is bound to a name, or parks `waiting` until somebody binds it.
    pub fn connect(&self, name: &InprocName, waiting: W) -> Connected<T, W>
    where
        T: Clone,
    {
        let mut state = self.state.lock();
        if let Some(bound) = state.bound.get(name) {
            return Connected::Bound(bound.clone(), waiting);
        }
        let serial = state.next_serial;
        state.next_serial = serial.wrapping_add(1);
        state
            .parked
            .entry(name.clone())
            .or_default()
            .push((serial, waiting));
        Connected::Parked(ParkedId {
            name: name.clone(),
            serial,
        })
    }

    /// Takes a parked connect back. `None`: it has been returned by a bind, or cancelled before.
    pub fn cancel(&self, id: &ParkedId) -> Option<W> {
        let mut state = self.state.lock();
        let parked = state.parked.get_mut(&id.name)?;
        let at = parked.iter().position(|(serial, _)| *serial == id.serial)?;
        let (_, waiting) = parked.remove(at);
        if parked.is_empty() {
            state.parked.remove(&id.name);
        }
        Some(waiting)
    }
}

impl<T, W> Default for InprocRegistry<T, W> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, W> fmt::Debug for InprocRegistry<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.lock();
        f.debug_struct("InprocRegistry")
            .field("bound", &state.bound.keys())
            .field("parked", &state.parked.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> InprocName {
        text.parse().unwrap()
    }

    #[test]
    fn name_when_bound_is_found_until_unbound() {
        let registry = InprocRegistry::<u32, ()>::new();
        assert_eq!(registry.lookup(&name("a")), None);
        assert_eq!(registry.bind(&name("a"), 1), Ok(vec![]));
        assert_eq!(registry.lookup(&name("a")), Some(1));
        assert_eq!(registry.unbind(&name("a")), Some(1));
        assert_eq!(registry.unbind(&name("a")), None);
        assert_eq!(registry.lookup(&name("a")), None);
    }

    #[test]
    fn name_when_bound_twice_is_in_use() {
        let registry = InprocRegistry::<u32, ()>::new();
        assert_eq!(registry.bind(&name("a"), 1), Ok(vec![]));
        assert_eq!(registry.bind(&name("a"), 2), Err(NameInUse(2)));
        assert_eq!(registry.bind(&name("b"), 2), Ok(vec![]));
        assert_eq!(registry.lookup(&name("a")), Some(1));
    }

    #[test]
    fn connect_after_bind_returns_both() {
        let registry = InprocRegistry::new();
        assert_eq!(registry.bind(&name("a"), 1), Ok(vec![]));
        assert_eq!(registry.connect(&name("a"), "w"), Connected::Bound(1, "w"));
        assert_eq!(registry.unbind(&name("a")), Some(1));
        assert!(matches!(
            registry.connect(&name("a"), "x"),
            Connected::Parked(_)
        ));
    }

    #[test]
    fn connects_before_bind_are_returned_once_in_order() {
        let registry = InprocRegistry::new();
        for waiting in ["1", "2", "3"] {
            assert!(matches!(
                registry.connect(&name("a"), waiting),
                Connected::Parked(_)
            ));
        }
        assert!(matches!(
            registry.connect(&name("b"), "other"),
            Connected::Parked(_)
        ));
        assert_eq!(registry.bind(&name("a"), 1), Ok(vec!["1", "2", "3"]));
        assert_eq!(registry.unbind(&name("a")), Some(1));
        assert_eq!(registry.bind(&name("a"), 2), Ok(vec![]));
    }

    #[test]
    fn parked_connect_when_cancelled_is_given_back_once() {
        let registry = InprocRegistry::<u32, _>::new();
        let ids = ["1", "2", "3"].map(|waiting| match registry.connect(&name("a"), waiting) {
            Connected::Parked(id) => id,
            Connected::Bound(..) => unreachable!("nothing is bound"),
        });
        assert_eq!(registry.cancel(&ids[1]), Some("2"));
        assert_eq!(registry.cancel(&ids[1]), None);
        assert_eq!(registry.bind(&name("a"), 1), Ok(vec!["1", "3"]));
        assert_eq!(registry.cancel(&ids[0]), None);
    }
}
