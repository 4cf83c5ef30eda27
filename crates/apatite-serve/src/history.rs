/*!
The logs of the cases that are being read, with what they come to, so that a click costs no more after a thousand others.

A log is only ever appended to, so what is in memory stays true, and only what came since is read from the store.
*/

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use apatite_knowledge::Knowledge;

use crate::edit::{Edit, Read};
use crate::problem::Answer;
use crate::store::{LoggedEdit, Store, StoredCase};

/// So many cases are in memory; one more, and all are forgotten.
const MOST: usize = 200;

/// The logs in memory, by case.
#[derive(Debug, Default)]
pub(crate) struct Histories {
    known: Mutex<HashMap<String, History>>,
}

/// The log of a case, and the case after it.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) log: Arc<Vec<LoggedEdit>>,
    pub(crate) read: Arc<Read>,
}

impl Histories {
    /// The history of a case as it is in the store.
    pub(crate) fn of(&self, store: &Store, knowledge: &Knowledge, case: &StoredCase) -> Answer<History> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&case.id);
        let mut history = known.unwrap_or_else(|| History {
            log: Arc::default(),
            read: Arc::new(Read::of(knowledge, &case.document, &[])),
        });
        let last = history.log.last().map_or(0, |logged| logged.number);
        history.extend(knowledge, case, store.edits(&case.id, last)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(case.id.clone(), history.clone());
        Ok(history)
    }
}

impl History {
    fn extend(&mut self, knowledge: &Knowledge, case: &StoredCase, more: Vec<LoggedEdit>) {
        if more.is_empty() {
            return;
        }
        let undoes = more.iter().any(|logged| matches!(logged.body, Edit::Undo { .. }));
        let log = Arc::make_mut(&mut self.log);
        let from = log.len();
        log.extend(more);
        if undoes {
            self.read = Arc::new(Read::of(knowledge, &case.document, log));
        } else {
            let read = Arc::make_mut(&mut self.read);
            log[from..].iter().for_each(|logged| read.hold(knowledge, logged));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::edit::Saying;

    static KNOWLEDGE: LazyLock<Knowledge> =
        LazyLock::new(|| Knowledge::read(&apatite_knowledge::Folder::embedded()).unwrap());

    fn case() -> StoredCase {
        let document = json!({ "imaging": [{ "modality": "CT", "present": ["amorphous"] }] });
        StoredCase { id: "a".to_owned(), added: String::new(), document, studies: Vec::new(), has_file: true }
    }

    fn edit() -> impl Strategy<Value = Edit> {
        let finding = prop::sample::select(vec!["amorphous", "punctate", "sedimentation_sign"]);
        let state = prop::sample::select(vec![Saying::Present, Saying::Absent, Saying::Unknown]);
        let fact = (finding, state).prop_map(|(finding, state)| Edit::Fact {
            modality: "CT".to_owned(),
            finding: finding.to_owned(),
            state,
        });
        prop_oneof![3 => fact, 1 => (0i64..12).prop_map(|edit| Edit::Undo { edit })]
    }

    proptest! {
        #[test]
        fn a_log_that_grows_comes_to_the_same_as_one_read_at_once(
            edits in prop::collection::vec(edit(), 0..12),
            cut in 0usize..12,
        ) {
            let logged = (1..).zip(edits).map(|(number, mut body)| {
                // what is taken back was there before
                if let Edit::Undo { edit } = &mut body {
                    *edit %= number;
                }
                LoggedEdit { number, made: String::new(), who: String::new(), body }
            });
            let log = logged.collect::<Vec<_>>();
            let case = case();
            let mut history = History {
                log: Arc::default(),
                read: Arc::new(Read::of(&KNOWLEDGE, &case.document, &[])),
            };
            let (early, late) = log.split_at(cut.min(log.len()));
            history.extend(&KNOWLEDGE, &case, early.to_vec());
            history.extend(&KNOWLEDGE, &case, late.to_vec());
            prop_assert_eq!(&*history.read, &Read::of(&KNOWLEDGE, &case.document, &log));
            prop_assert_eq!(history.log.len(), log.len());
        }
    }
}
