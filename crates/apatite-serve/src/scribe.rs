/*!
Writes what readers do into the log: one thread, and what comes while it waits for the disk is its next commit.

A commit takes as long for fifty edits as for one, so fifty readers wait for the disk no longer than one does.
*/

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::problem::{Answer, Problem};
use crate::store::{NewEdit, Store};

/// Whether there is a case of that id; nothing where the edit could not be written.
type Reply = oneshot::Sender<bool>;

/// Takes edits.
#[derive(Debug)]
pub(crate) struct Scribe {
    sender: Mutex<Sender<(NewEdit, Reply)>>,
}

impl Scribe {
    /// Begins to write into the store.
    pub(crate) fn start(store: Arc<Store>) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<(NewEdit, Reply)>();
        std::thread::Builder::new().name("edits".to_owned()).spawn(move || {
            while let Ok(first) = receiver.recv() {
                let (edits, waiting): (Vec<_>, Vec<_>) =
                    std::iter::once(first).chain(receiver.try_iter()).unzip();
                match store.add_edits(&edits) {
                    Ok(added) => {
                        for (reply, added) in waiting.into_iter().zip(added) {
                            // who asked may have gone
                            let _ = reply.send(added);
                        }
                    }
                    Err(error) => tracing::error!("edits: {error}"),
                }
            }
        })?;
        Ok(Self { sender: Mutex::new(sender) })
    }

    /// Appends an edit to the log of its case; it is on disk when this returns.
    pub(crate) async fn write(&self, edit: NewEdit) -> Answer<()> {
        let (reply, written) = oneshot::channel();
        // the thread ends with the server only
        let _ = self.sender.lock().unwrap_or_else(PoisonError::into_inner).send((edit, reply));
        match written.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::not_found("there is no case of this id")),
            Err(_) => Err(Problem::internal(&"an edit could not be written")),
        }
    }
}
