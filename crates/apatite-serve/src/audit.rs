/*!
The audit trail: who did what and when, written beside the answers by one thread.

What changes a case is in the log of edits before it is confirmed; the trail tells of looking, uploading and being
refused too, and may lose its last moment where the machine does.
*/

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::Store;

struct Entry {
    who: String,
    role: &'static str,
    method: String,
    path: String,
    status: u16,
}

/// Takes entries.
#[derive(Debug)]
pub(crate) struct Audit {
    sender: Mutex<Sender<Entry>>,
}

impl Audit {
    /// Begins to write into the store.
    pub(crate) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Entry>();
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            for Entry { who, role, method, path, status } in receiver {
                if let Err(error) = store.note(&who, role, &method, &path, status) {
                    tracing::error!("audit: {error}");
                }
            }
        })?;
        Ok(Self { sender: Mutex::new(sender) })
    }

    /// Notes a request; `path` holds ids only.
    pub(crate) fn note(&self, who: &str, role: &'static str, method: &str, path: &str, status: u16) {
        let path = path.chars().take(300).collect();
        let entry = Entry { who: who.to_owned(), role, method: method.to_owned(), path, status };
        // the thread ends with the server only
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(entry);
    }
}
