/*!
What is long to compute and follows from what is stored: kept under a digest of all it was computed from, so that an
undo finds the answer before, and a restart loses none.
*/

use rusqlite::{OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::problem::Answer;
use crate::store::{Store, hex};

/// Can be made again; the tables of earlier programs had one kind of answer each.
pub(crate) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS computed (
  digest TEXT PRIMARY KEY,              -- of the kind of answer, the program's version and all it was computed from
  body   TEXT NOT NULL
);
DROP TABLE IF EXISTS revision;
DROP TABLE IF EXISTS comparison;";

impl Store {
    /// An answer of a kind that follows from `from`: as it is kept, or as it is made and kept from now on.
    pub(crate) fn computed<T: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        from: &impl Serialize,
        make: impl FnOnce() -> Answer<T>,
    ) -> Answer<T> {
        let said = serde_json::to_vec(&(kind, env!("CARGO_PKG_VERSION"), from))?;
        let digest = hex(&Sha256::digest(said));
        let known: Option<String> = self
            .reading()
            .prepare_cached("SELECT body FROM computed WHERE digest = ?1")?
            .query_row([&digest], |row| row.get(0))
            .optional()?;
        if let Some(known) = known {
            return Ok(serde_json::from_str(&known)?);
        }
        let made = make()?;
        self.database().execute(
            "INSERT OR REPLACE INTO computed (digest, body) VALUES (?1, ?2)",
            params![digest, serde_json::to_string(&made)?],
        )?;
        Ok(made)
    }
}
