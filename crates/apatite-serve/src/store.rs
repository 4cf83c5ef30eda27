/*!
The store on disk: originals, edits and results apart.

Originals and labels are files named by their SHA-256, written beside, synced and renamed; the rest is one SQLite
database in WAL mode with every commit synced. What an answer has confirmed survives kill -9.
*/

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use utoipa::ToSchema;

use crate::edit::Edit;

/// Version of the tables.
const VERSION: i64 = 1;

/// Why a store cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file or folder of it cannot be made or read.
    #[error("cannot open the store {path}: {source}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The database.
    #[error("cannot open the database of the store: {0}")]
    Database(#[from] rusqlite::Error),
    /// Made by a newer program.
    #[error(
        "the store has version {found}, and this program knows {known}: take a newer program or another --store"
    )]
    Version {
        /// Of the store.
        found: i64,
        /// Of the program.
        known: i64,
    },
    /// Somebody else has it open.
    #[error("the store {0} is in use by another server: stop that one or name another --store")]
    InUse(PathBuf),
}

/// The store.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    /// What writes; a commit holds it until it is on disk.
    database: Mutex<Connection>,
    /// What reads, so that no reader waits for a disk, nor for the one before.
    reading: Vec<Mutex<Connection>>,
    /// Held for as long as the store is open.
    _lock: File,
}

/// An instance as it is put into the store.
#[derive(Clone, Debug)]
pub(crate) struct NewInstance {
    pub(crate) study: String,
    pub(crate) series: String,
    pub(crate) uid: String,
    pub(crate) modality: String,
    pub(crate) original: String,
    pub(crate) syntax: String,
    pub(crate) number: i64,
    pub(crate) frames: i64,
    pub(crate) study_attributes: Value,
    pub(crate) series_attributes: Value,
    pub(crate) metadata: Value,
}

/// A stored instance.
#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) uid: String,
    pub(crate) series: String,
    pub(crate) study: String,
    pub(crate) original: String,
    pub(crate) syntax: String,
    pub(crate) frames: i64,
    pub(crate) metadata: Value,
}

/// A stored series.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) uid: String,
    pub(crate) study: String,
    pub(crate) attributes: Value,
    pub(crate) instances: i64,
}

/// A stored study.
#[derive(Clone, Debug)]
pub(crate) struct Study {
    pub(crate) attributes: Value,
    pub(crate) modalities: Vec<String>,
    pub(crate) series: i64,
    pub(crate) instances: i64,
}

/// A case before any edit.
#[derive(Clone, Debug)]
pub(crate) struct StoredCase {
    pub(crate) id: String,
    pub(crate) added: String,
    pub(crate) document: Value,
    pub(crate) studies: Vec<String>,
    /// Whether it came as a case file, and not with a study alone.
    pub(crate) has_file: bool,
}

/// One entry of the log of edits.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoggedEdit {
    /// Its number, unique in the store.
    pub number: i64,
    /// When, RFC 3339, UTC.
    pub made: String,
    /// Who.
    pub who: String,
    /// The edit.
    pub body: Edit,
}

/// An edit as it is put into the log.
#[derive(Clone, Debug)]
pub(crate) struct NewEdit {
    pub(crate) case: String,
    pub(crate) who: String,
    pub(crate) body: Edit,
}

/// One entry of the audit trail.
#[derive(Clone, Debug)]
pub(crate) struct Noted {
    /// When, RFC 3339, UTC.
    pub(crate) at: String,
    pub(crate) who: String,
    pub(crate) role: &'static str,
    pub(crate) method: String,
    /// Holds ids, never names.
    pub(crate) path: String,
    pub(crate) status: u16,
}

/// A background job.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// StudyInstanceUID that is analysed.
    pub study: String,
    /// queued, running, done, failed or cancelled.
    pub state: String,
    /// When it was asked for, RFC 3339, UTC.
    pub created: String,
    /// When it ended.
    pub ended: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A computed result.
#[derive(Clone, Debug)]
pub(crate) struct StoredResult {
    pub(crate) body: Value,
    pub(crate) labels: String,
}

pub(crate) type Found<T> = rusqlite::Result<T>;

impl Store {
    /// Opens the store in `folder`, and makes it where there is none.
    ///
    /// # Errors
    /// The folder cannot be made or is in use by another server, the database cannot be opened or is newer.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { path: folder.to_owned(), source };
        for part in ["originals", "results", "incoming"] {
            fs::create_dir_all(folder.join(part)).map_err(failed)?;
        }
        let lock = File::create(folder.join("lock")).map_err(failed)?;
        if lock.try_lock().is_err() {
            return Err(StoreError::InUse(folder.to_owned()));
        }
        // what an interrupted upload left behind was never confirmed
        for left in fs::read_dir(folder.join("incoming")).map_err(failed)? {
            let path = left.map_err(failed)?.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
        let database = Connection::open(folder.join("apatite.sqlite"))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        // what was written moves from the log to its place in larger parts: whoever writes waits for that
        database.pragma_update(None, "wal_autocheckpoint", 8000)?;
        database.pragma_update(None, "foreign_keys", "ON")?;
        let found: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match found {
            0 => {
                let made =
                    format!("BEGIN; {} PRAGMA user_version = {VERSION}; COMMIT;", include_str!("store.sql"));
                database.execute_batch(&made)?;
            }
            VERSION => {}
            _ => return Err(StoreError::Version { found, known: VERSION }),
        }
        database.execute_batch(crate::computed::TABLE)?;
        let readers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8);
        let reading = (0..readers).map(|_| {
            let connection = Connection::open(folder.join("apatite.sqlite"))?;
            connection.pragma_update(None, "query_only", "ON")?;
            Ok(Mutex::new(connection))
        });
        Ok(Self {
            folder: folder.to_owned(),
            database: Mutex::new(database),
            reading: reading.collect::<Result<_, rusqlite::Error>>()?,
            _lock: lock,
        })
    }

    pub(crate) fn database(&self) -> MutexGuard<'_, Connection> {
        // a panic elsewhere leaves the connection as it was: a transaction that was not committed is rolled back
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn reading(&self) -> MutexGuard<'_, Connection> {
        let free = self.reading.iter().find_map(|connection| match connection.try_lock() {
            Ok(free) => Some(free),
            Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free.unwrap_or_else(|| self.reading[0].lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Folder for files on their way in, on the same file system as the originals.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.folder.join("incoming")
    }

    /// Path of an original.
    pub(crate) fn original(&self, digest: &str) -> PathBuf {
        content_path(&self.folder.join("originals"), digest)
    }

    /// Keeps bytes as an original; returns their digest. They are on disk when this returns.
    pub(crate) fn keep_original(&self, bytes: &[u8]) -> io::Result<String> {
        self.keep("originals", bytes)
    }

    /// Keeps labels; returns their digest.
    pub(crate) fn keep_labels(&self, bytes: &[u8]) -> io::Result<String> {
        self.keep("results", bytes)
    }

    /// The labels of a digest.
    pub(crate) fn labels(&self, digest: &str) -> io::Result<Vec<u8>> {
        fs::read(content_path(&self.folder.join("results"), digest))
    }

    fn keep(&self, part: &str, bytes: &[u8]) -> io::Result<String> {
        let digest = hex(&Sha256::digest(bytes));
        let path = content_path(&self.folder.join(part), &digest);
        if path.exists() {
            return Ok(digest);
        }
        let parent = path.parent().unwrap_or(&self.folder).to_owned();
        if !parent.exists() {
            fs::create_dir_all(&parent)?;
            File::open(self.folder.join(part))?.sync_all()?;
        }
        let mut file = tempfile::NamedTempFile::new_in(self.incoming())?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(&path).map_err(|error| error.error)?;
        File::open(parent)?.sync_all()?;
        Ok(digest)
    }

    /// Adds instances; those that are there already stay as they are. Returns for each whether another object with its
    /// UID was there before.
    pub(crate) fn add_instances(&self, instances: &[NewInstance]) -> Found<Vec<bool>> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        let mut taken = Vec::with_capacity(instances.len());
        {
            let mut known = transaction.prepare_cached("SELECT original FROM instance WHERE uid = ?1")?;
            let mut study = transaction
                .prepare_cached("INSERT OR IGNORE INTO study (uid, added, attributes) VALUES (?1, ?2, ?3)")?;
            let mut series = transaction.prepare_cached(
                "INSERT OR IGNORE INTO series (uid, study, modality, attributes) VALUES (?1, ?2, ?3, ?4)",
            )?;
            let mut instance = transaction.prepare_cached(
                "INSERT INTO instance (uid, series, study, original, syntax, number, frames, metadata)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?;
            for new in instances {
                let before: Option<String> = known.query_row([&new.uid], |row| row.get(0)).optional()?;
                taken.push(before.as_ref().is_some_and(|before| *before != new.original));
                if before.is_some() {
                    continue;
                }
                study.execute(params![new.study, now(), new.study_attributes.to_string()])?;
                series.execute(params![
                    new.series,
                    new.study,
                    new.modality,
                    new.series_attributes.to_string()
                ])?;
                instance.execute(params![
                    new.uid,
                    new.series,
                    new.study,
                    new.original,
                    new.syntax,
                    new.number,
                    new.frames,
                    new.metadata.to_string()
                ])?;
            }
        }
        transaction.commit()?;
        Ok(taken)
    }

    /// All studies, the last added first.
    pub(crate) fn studies(&self) -> Found<Vec<Study>> {
        self.studies_where(None)
    }

    /// One study.
    pub(crate) fn study(&self, uid: &str) -> Found<Option<Study>> {
        Ok(self.studies_where(Some(uid))?.pop())
    }

    fn studies_where(&self, uid: Option<&str>) -> Found<Vec<Study>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT attributes,
                    (SELECT group_concat(DISTINCT modality) FROM series WHERE series.study = study.uid),
                    (SELECT count(*) FROM series WHERE series.study = study.uid),
                    (SELECT count(*) FROM instance WHERE instance.study = study.uid)
             FROM study WHERE ?1 IS NULL OR uid = ?1 ORDER BY added DESC, uid",
        )?;
        query
            .query_map([uid], |row| {
                let modalities: String = row.get::<_, Option<String>>(1)?.unwrap_or_default();
                let mut modalities = modalities.split(',').map(str::to_owned).collect::<Vec<_>>();
                modalities.sort();
                Ok(Study {
                    attributes: json(row, 0)?,
                    modalities,
                    series: row.get(2)?,
                    instances: row.get(3)?,
                })
            })?
            .collect()
    }

    /// Number of CT instances of a study.
    pub(crate) fn ct_instances(&self, study: &str) -> Found<i64> {
        self.reading()
            .prepare_cached(
                "SELECT count(*) FROM instance JOIN series ON series.uid = instance.series
                 WHERE instance.study = ?1 AND series.modality = 'CT'",
            )?
            .query_row([study], |row| row.get(0))
    }

    /// UIDs of the studies with this PatientID, in no order.
    pub(crate) fn studies_of_patient(&self, patient_id: &str) -> Found<Vec<String>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            r#"SELECT uid FROM study WHERE json_extract(attributes, '$."00100020".Value[0]') = ?1"#,
        )?;
        query.query_map([patient_id], |row| row.get(0))?.collect()
    }

    /// The series of a study, or all.
    pub(crate) fn series(&self, study: Option<&str>) -> Found<Vec<Series>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT uid, study, attributes, (SELECT count(*) FROM instance WHERE instance.series = series.uid)
             FROM series WHERE ?1 IS NULL OR study = ?1 ORDER BY study, uid",
        )?;
        query
            .query_map([study], |row| {
                Ok(Series {
                    uid: row.get(0)?,
                    study: row.get(1)?,
                    attributes: json(row, 2)?,
                    instances: row.get(3)?,
                })
            })?
            .collect()
    }

    /// The attributes of instances in the DICOM JSON model, each as the text that is kept, in the order of
    /// [`Store::instances`].
    pub(crate) fn metadata(
        &self,
        study: &str,
        series: Option<&str>,
        instance: Option<&str>,
    ) -> Found<Vec<String>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT metadata FROM instance
             WHERE study = ?1 AND (?2 IS NULL OR series = ?2) AND (?3 IS NULL OR uid = ?3)
             ORDER BY study, series, number, uid",
        )?;
        query.query_map(params![study, series, instance], |row| row.get(0))?.collect()
    }

    /// Instances of a study, a series, or one instance; each level may be open.
    pub(crate) fn instances(
        &self,
        study: Option<&str>,
        series: Option<&str>,
        instance: Option<&str>,
    ) -> Found<Vec<Instance>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT uid, series, study, original, syntax, frames, metadata FROM instance
             WHERE (?1 IS NULL OR study = ?1) AND (?2 IS NULL OR series = ?2) AND (?3 IS NULL OR uid = ?3)
             ORDER BY study, series, number, uid",
        )?;
        query
            .query_map([study, series, instance], |row| {
                Ok(Instance {
                    uid: row.get(0)?,
                    series: row.get(1)?,
                    study: row.get(2)?,
                    original: row.get(3)?,
                    syntax: row.get(4)?,
                    frames: row.get(5)?,
                    metadata: json(row, 6)?,
                })
            })?
            .collect()
    }

    /// Paths of all originals of a study.
    pub(crate) fn paths_of_study(&self, study: &str) -> Found<Vec<PathBuf>> {
        let database = self.reading();
        let mut query = database
            .prepare_cached("SELECT original FROM instance WHERE study = ?1 ORDER BY series, number, uid")?;
        query.query_map([study], |row| Ok(self.original(&row.get::<_, String>(0)?)))?.collect()
    }

    /// Adds a case with its studies; a case of that id stays as it is. Returns whether it is new.
    pub(crate) fn add_case(
        &self,
        id: &str,
        original: Option<&str>,
        format: &str,
        document: &Value,
        studies: &[String],
    ) -> Found<bool> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        let new = transaction.execute(
            "INSERT OR IGNORE INTO patient_case (id, added, original, format, document) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, now(), original, format, document.to_string()],
        )? > 0;
        for study in studies {
            transaction.execute(
                "INSERT OR IGNORE INTO case_study (patient_case, study) VALUES (?1, ?2)",
                params![id, study],
            )?;
        }
        transaction.commit()?;
        Ok(new)
    }

    /// Ids of the cases that a study belongs to, or was taken into.
    pub(crate) fn cases_of_study(&self, study: &str) -> Found<Vec<String>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT patient_case FROM case_study WHERE study = ?1 UNION
             SELECT patient_case FROM edit
             WHERE json_extract(body, '$.kind') = 'study' AND json_extract(body, '$.study') = ?1",
        )?;
        query.query_map([study], |row| row.get(0))?.collect()
    }

    /// All cases, the last added first.
    pub(crate) fn cases(&self) -> Found<Vec<StoredCase>> {
        self.cases_where(None)
    }

    /// One case.
    pub(crate) fn case(&self, id: &str) -> Found<Option<StoredCase>> {
        Ok(self.cases_where(Some(id))?.pop())
    }

    fn cases_where(&self, id: Option<&str>) -> Found<Vec<StoredCase>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT id, added, document,
                    (SELECT group_concat(study) FROM case_study WHERE patient_case = id),
                    original IS NOT NULL
             FROM patient_case WHERE ?1 IS NULL OR id = ?1 ORDER BY added DESC, id",
        )?;
        query
            .query_map([id], |row| {
                let studies: String = row.get::<_, Option<String>>(3)?.unwrap_or_default();
                let mut studies =
                    studies.split(',').filter(|uid| !uid.is_empty()).map(str::to_owned).collect::<Vec<_>>();
                studies.sort();
                Ok(StoredCase {
                    id: row.get(0)?,
                    added: row.get(1)?,
                    document: json(row, 2)?,
                    studies,
                    has_file: row.get(4)?,
                })
            })?
            .collect()
    }

    /// Appends edits to the logs of their cases, all in one commit; they are on disk when this returns. Tells of each
    /// whether there is such a case.
    pub(crate) fn add_edits(&self, edits: &[NewEdit]) -> Found<Vec<bool>> {
        let mut database = self.database();
        let transaction = database.transaction()?;
        let mut added = Vec::with_capacity(edits.len());
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO edit (patient_case, made, who, body)
                 SELECT id, ?2, ?3, ?4 FROM patient_case WHERE id = ?1",
            )?;
            for NewEdit { case, who, body } in edits {
                let body = serde_json::to_string(body)
                    .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
                added.push(insert.execute(params![case, now(), who, body])? > 0);
            }
        }
        transaction.commit()?;
        Ok(added)
    }

    /// The edits of a case behind the one of a number, in the order they were made.
    pub(crate) fn edits(&self, case: &str, behind: i64) -> Found<Vec<LoggedEdit>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT number, made, who, body FROM edit WHERE patient_case = ?1 AND number > ?2 ORDER BY number",
        )?;
        query
            .query_map(params![case, behind], |row| {
                Ok(LoggedEdit {
                    number: row.get(0)?,
                    made: row.get(1)?,
                    who: row.get(2)?,
                    body: json(row, 3)?,
                })
            })?
            .collect()
    }

    /// Whether a case has an edit of this number.
    pub(crate) fn has_edit(&self, case: &str, number: i64) -> Found<bool> {
        self.reading()
            .prepare_cached("SELECT 1 FROM edit WHERE patient_case = ?1 AND number = ?2")?
            .exists(params![case, number])
    }

    /// Keeps what was computed of a study, instead of what was before.
    pub(crate) fn put_result(&self, study: &str, program: &str, result: &StoredResult) -> Found<()> {
        self.database()
            .execute(
                "INSERT OR REPLACE INTO result (study, made, program, body, labels) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![study, now(), program, result.body.to_string(), result.labels],
            )
            .map(drop)
    }

    /// What was computed of a study.
    pub(crate) fn result(&self, study: &str) -> Found<Option<StoredResult>> {
        self.reading()
            .prepare_cached("SELECT body, labels FROM result WHERE study = ?1")?
            .query_row([study], |row| Ok(StoredResult { body: json(row, 0)?, labels: row.get(1)? }))
            .optional()
    }

    /// Asks for an analysis; one that waits or runs already is returned instead.
    pub(crate) fn add_job(&self, study: &str) -> Found<i64> {
        let database = self.database();
        let open: Option<i64> = database
            .query_row(
                "SELECT id FROM job WHERE study = ?1 AND state IN ('queued', 'running')",
                [study],
                |row| row.get(0),
            )
            .optional()?;
        if let Some(id) = open {
            return Ok(id);
        }
        database.execute(
            "INSERT INTO job (study, state, created) VALUES (?1, 'queued', ?2)",
            params![study, now()],
        )?;
        Ok(database.last_insert_rowid())
    }

    /// Puts what ran when the server ended back into the queue.
    pub(crate) fn requeue_jobs(&self) -> Found<usize> {
        self.database().execute("UPDATE job SET state = 'queued' WHERE state = 'running'", [])
    }

    /// The jobs that wait, the first asked for first.
    pub(crate) fn waiting_jobs(&self) -> Found<Vec<Job>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT id, study, state, created, ended, error FROM job WHERE state = 'queued' ORDER BY id",
        )?;
        query.query_map([], job)?.collect()
    }

    /// Begins a job, unless it no longer waits. Returns whether it did.
    pub(crate) fn begin_job(&self, id: i64) -> Found<bool> {
        let changed = self
            .database()
            .execute("UPDATE job SET state = 'running' WHERE id = ?1 AND state = 'queued'", [id])?;
        Ok(changed > 0)
    }

    /// Ends a job, unless it has ended. Returns whether it had not.
    pub(crate) fn end_job(&self, id: i64, state: &str, error: Option<&str>) -> Found<bool> {
        let changed = self.database().execute(
            "UPDATE job SET state = ?2, ended = ?3, error = ?4 WHERE id = ?1 AND state IN ('queued', 'running')",
            params![id, state, now(), error],
        )?;
        Ok(changed > 0)
    }

    /// The last jobs, the newest first.
    pub(crate) fn jobs(&self, limit: i64) -> Found<Vec<Job>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT id, study, state, created, ended, error FROM job ORDER BY id DESC LIMIT ?1",
        )?;
        query.query_map([limit], job)?.collect()
    }

    /// One job.
    pub(crate) fn job(&self, id: i64) -> Found<Option<Job>> {
        self.reading()
            .query_row("SELECT id, study, state, created, ended, error FROM job WHERE id = ?1", [id], job)
            .optional()
    }

    /// Notes who did what, all in one commit, which is on disk with the next edit or when the system writes it.
    pub(crate) fn note(&self, entries: &[Noted]) -> Found<()> {
        let mut database = self.database();
        database.pragma_update(None, "synchronous", "NORMAL")?;
        let noted = Self::insert_notes(&mut database, entries);
        database.pragma_update(None, "synchronous", "FULL")?;
        noted
    }

    fn insert_notes(database: &mut Connection, entries: &[Noted]) -> Found<()> {
        let transaction = database.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO audit (at, who, role, method, path, status) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for Noted { at, who, role, method, path, status } in entries {
                insert.execute(params![at, who, role, method, path, status])?;
            }
        }
        transaction.commit()
    }

    /// The last entries of the audit trail, the newest first.
    pub(crate) fn audit(&self, limit: i64) -> Found<Vec<Value>> {
        let database = self.reading();
        let mut query = database.prepare_cached(
            "SELECT number, at, who, role, method, path, status FROM audit ORDER BY number DESC LIMIT ?1",
        )?;
        query
            .query_map([limit], |row| {
                Ok(serde_json::json!({
                    "number": row.get::<_, i64>(0)?,
                    "at": row.get::<_, String>(1)?,
                    "who": row.get::<_, String>(2)?,
                    "role": row.get::<_, String>(3)?,
                    "method": row.get::<_, String>(4)?,
                    "path": row.get::<_, String>(5)?,
                    "status": row.get::<_, u16>(6)?,
                }))
            })?
            .collect()
    }

    /// Gives a name a token with a role; the one it had before no longer holds.
    pub(crate) fn put_token(&self, name: &str, role: &str, token: &str) -> Found<()> {
        self.database()
            .execute(
                "INSERT INTO token (digest, name, role, created) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (name) DO UPDATE SET digest = ?1, role = ?3, created = ?4",
                params![hex(&Sha256::digest(token)), name, role, now()],
            )
            .map(drop)
    }

    /// Takes a name's token away. Returns whether there was one.
    pub(crate) fn remove_token(&self, name: &str) -> Found<bool> {
        Ok(self.database().execute("DELETE FROM token WHERE name = ?1", [name])? > 0)
    }

    /// Name and role of a token.
    pub(crate) fn token(&self, token: &str) -> Found<Option<(String, String)>> {
        self.reading()
            .prepare_cached("SELECT name, role FROM token WHERE digest = ?1")?
            .query_row([hex(&Sha256::digest(token))], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// Number of tokens.
    pub(crate) fn tokens(&self) -> Found<i64> {
        self.reading().query_row("SELECT count(*) FROM token", [], |row| row.get(0))
    }
}

/// Now, RFC 3339, UTC.
pub(crate) fn now() -> String {
    let now = jiff::Timestamp::now();
    format!("{now:.3}")
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn content_path(folder: &Path, digest: &str) -> PathBuf {
    folder.join(digest.get(..2).unwrap_or("00")).join(digest)
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Found<T> {
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let text = row.get_ref(column)?.as_str().map_err(|error| failed(Box::new(error)))?;
    serde_json::from_str(text).map_err(|error| failed(Box::new(error)))
}

fn job(row: &Row<'_>) -> Found<Job> {
    Ok(Job {
        id: row.get(0)?,
        study: row.get(1)?,
        state: row.get(2)?,
        created: row.get(3)?,
        ended: row.get(4)?,
        error: row.get(5)?,
    })
}
