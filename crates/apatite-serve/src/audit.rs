/*!
The audit trail: who did what and when, written beside the answers by one thread.

What changes a case is in the log of edits before it is confirmed; the trail tells of looking, uploading and being
refused too, and may lose its last moment where the machine does. What comes within a moment is one commit.
*/

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::store::{Noted, Store, now};

/// So long it gathers what one commit writes.
const MOMENT: Duration = Duration::from_millis(50);

/// Takes entries.
#[derive(Debug)]
pub(crate) struct Audit {
    sender: Mutex<Sender<Noted>>,
}

impl Audit {
    /// Begins to write into the store.
    pub(crate) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Noted>();
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            while let Ok(first) = receiver.recv() {
                std::thread::sleep(MOMENT);
                let entries = std::iter::once(first).chain(receiver.try_iter()).collect::<Vec<_>>();
                if let Err(error) = store.note(&entries) {
                    tracing::error!("audit: {error}");
                }
            }
        })?;
        Ok(Self { sender: Mutex::new(sender) })
    }

    /// Notes a request; `path` holds ids only.
    pub(crate) fn note(&self, who: &str, role: &'static str, method: &str, path: &str, status: u16) {
        let path = path.chars().take(300).collect();
        let entry = Noted { at: now(), who: who.to_owned(), role, method: method.to_owned(), path, status };
        // the thread ends with the server only
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(entry);
    }
}
