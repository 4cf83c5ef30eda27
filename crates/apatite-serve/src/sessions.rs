/*!
What is remembered of people who log in: logins under way and open sessions, in memory only. A restart ends them all.
*/

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::auth::new_token;

/// Things under random ids, each for a time. Where there are too many, the one that ends first makes room.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    most: usize,
    things: Mutex<HashMap<String, (Instant, T)>>,
}

impl<T: Clone> Remembered<T> {
    /// Room for `most` things.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, things: Mutex::default() }
    }

    /// Keeps a thing for a time, and returns its id: 32 random bytes in hexadecimal.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(crate) fn keep(&self, thing: T, time: Duration) -> std::io::Result<String> {
        let id = new_token()?;
        let now = Instant::now();
        let mut things = self.things();
        if things.len() >= self.most {
            things.retain(|_, (ends, _)| *ends > now);
        }
        if things.len() >= self.most {
            let first = things.iter().min_by_key(|(_, (ends, _))| *ends).map(|(id, _)| id.clone());
            first.and_then(|id| things.remove(&id));
        }
        things.insert(id.clone(), (now + time, thing));
        Ok(id)
    }

    /// The thing of an id, while its time lasts.
    pub(crate) fn get(&self, id: &str) -> Option<T> {
        let things = self.things();
        things.get(id).filter(|(ends, _)| *ends > Instant::now()).map(|(_, thing)| thing.clone())
    }

    /// Takes a thing away, and returns it where its time lasts still.
    pub(crate) fn take(&self, id: &str) -> Option<T> {
        let found = self.things().remove(id);
        found.filter(|(ends, _)| *ends > Instant::now()).map(|(_, thing)| thing)
    }

    fn things(&self) -> MutexGuard<'_, HashMap<String, (Instant, T)>> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_over_or_taken_is_gone() {
        let kept = Remembered::new(9);
        let over = kept.keep(1, Duration::ZERO).unwrap();
        let open = kept.keep(2, LONG).unwrap();
        assert_ne!(over, open);
        assert_eq!((kept.get(&over), kept.take(&over)), (None, None));
        assert_eq!((kept.get(&open), kept.take(&open), kept.take(&open)), (Some(2), Some(2), None));
    }

    #[test]
    fn the_one_that_ends_first_makes_room() {
        let kept = Remembered::new(2);
        let ids = [1, 2, 3].map(|n| kept.keep(n, LONG * n).unwrap());
        assert_eq!(ids.map(|id| kept.get(&id)), [None, Some(2), Some(3)]);
    }
}
