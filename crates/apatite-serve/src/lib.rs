/*!
The workstation: store, HTTP API, DICOMweb and the page to read with.

[`Server::open`] opens the store and begins to work through the queue of analyses; [`app`] is everything that answers
requests; [`serve`] binds an address and answers until it is told to stop. The crate decides nothing medical and finds
nothing on images: it keeps, hands on and tells.
*/

#[allow(unused_qualifications, reason = "utoipa repeats the parameters of handlers")]
mod api;
#[allow(unused_qualifications, reason = "utoipa repeats the parameters of handlers")]
mod api_cases;
mod audit;
mod auth;
#[allow(unused_qualifications, reason = "utoipa repeats the parameters of handlers")]
mod changes;
mod checks;
mod computed;
mod dicom;
mod dicomweb;
mod differential;
mod edit;
#[allow(unused_qualifications, reason = "utoipa repeats the parameters of handlers")]
mod exports;
mod history;
mod intake;
mod jobs;
mod listen;
mod metrics;
mod openid;
mod page;
mod pictures;
mod pixels;
mod problem;
mod query;
mod reading;
mod reports;
mod revision;
mod scribe;
mod sessions;
mod store;
mod view;
mod vocabulary;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use apatite_follow::Limits as ChangeLimits;
use apatite_grade::{CourseRules, Gradings};
use apatite_knowledge::Knowledge;
use apatite_reason::{Model, ModelError, counts_of};

pub use api::{app, openapi};
pub use auth::{Access, Means, Role, Who};
pub use edit::{Drawing, Edit, Ground, Plane, Saying, Verdict};
pub use intake::{NotTaken, Taken};
pub use jobs::Event;
pub use listen::{ListenError, Listening, Tls, serve};
pub use openid::{OpenId, OpenIdError};
pub use page::has_page;
pub use problem::Problem;
pub use store::{Job, LoggedEdit, Store, StoreError};

use crate::audit::Audit;
use crate::history::Histories;
use crate::intake::Incoming;
use crate::jobs::Jobs;
use crate::metrics::Metrics;
use crate::pixels::FrameCache;
use crate::problem::Answer;
use crate::revision::Desks;
use crate::scribe::Scribe;

/// What a request may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one file, unpacked.
    pub file_bytes: u64,
    /// Bytes of one upload, as sent and unpacked.
    pub upload_bytes: u64,
    /// Files of one upload.
    pub files: usize,
    /// Requests of one client in a second, in the long run.
    pub requests_per_second: u32,
    /// Seconds that a request may take, uploads and events aside.
    pub seconds: u64,
    /// Uploads that are taken in at once; others wait.
    pub intakes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 30,
            upload_bytes: 8 << 30,
            files: 50_000,
            requests_per_second: 2000,
            seconds: 60,
            intakes: 2,
        }
    }
}

/// The server's state.
#[derive(Debug)]
pub struct Server {
    knowledge: Knowledge,
    models: BTreeMap<String, Model>,
    gradings: Gradings,
    course: CourseRules,
    /// From what difference on one is called a change.
    change_limits: ChangeLimits,
    store: Arc<Store>,
    jobs: Jobs,
    metrics: Metrics,
    audit: Audit,
    scribe: Scribe,
    histories: Histories,
    frames: FrameCache,
    desks: Desks,
    /// Held while volumes are in memory for the pictures of a report or for a comparison.
    drawing: std::sync::Mutex<()>,
    limits: Limits,
    access: Access,
    openid: Option<OpenId>,
    local_name: String,
    intakes: tokio::sync::Semaphore,
    /// Turns for clicks, handed out in the order of asking.
    clicks: tokio::sync::Semaphore,
    /// Held from giving ids to what is drawn until they are in the log, so that no two drawings get the same.
    strokes: tokio::sync::Mutex<()>,
}

impl Server {
    /// Opens a server on a store, and begins to work through the queue. `local_name` is who works at this machine; where
    /// people log in at a provider, nobody is taken for them.
    ///
    /// # Errors
    /// Knowledge that makes no model, or rules that cannot be used.
    pub fn open(
        knowledge: Knowledge,
        store: Store,
        access: Access,
        openid: Option<OpenId>,
        local_name: &str,
        limits: Limits,
    ) -> Result<Arc<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let counts = counts_of(&knowledge.learned);
        let models = knowledge
            .settings
            .iter()
            .map(|setting| Ok((setting.id.clone(), Model::new(&knowledge, &setting.id, &counts)?)))
            .collect::<Result<_, ModelError>>()?;
        let store = Arc::new(store);
        store.requeue_jobs()?;
        let server = Arc::new(Self {
            gradings: Gradings::of(&knowledge)?,
            course: CourseRules::of(&knowledge)?,
            change_limits: ChangeLimits::read(
                knowledge.rules.get("change.toml").ok_or("the knowledge has no change.toml")?,
            )?,
            knowledge,
            models,
            audit: Audit::start(store.clone())?,
            scribe: Scribe::start(store.clone())?,
            store,
            jobs: Jobs::default(),
            metrics: Metrics::default(),
            histories: Histories::default(),
            frames: FrameCache::default(),
            desks: Desks::default(),
            drawing: std::sync::Mutex::default(),
            intakes: tokio::sync::Semaphore::new(limits.intakes),
            // one computes while another waits to be woken
            clicks: tokio::sync::Semaphore::new(
                2 * std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            ),
            strokes: tokio::sync::Mutex::default(),
            limits,
            access: if openid.is_some() { Access::Tokens } else { access },
            openid,
            local_name: local_name.to_owned(),
        });
        let worker = server.clone();
        std::thread::Builder::new().name("analyses".to_owned()).spawn(move || jobs::work(&worker))?;
        Ok(server)
    }

    /// Takes folders and files of this machine into the store, and asks for the analysis of what is new.
    ///
    /// # Errors
    /// A path that cannot be read, or a limit that is exceeded.
    pub fn take_folders(&self, paths: &[PathBuf]) -> Result<Taken, Problem> {
        let mut files = Vec::new();
        for path in paths {
            below(path, path.parent().unwrap_or(path), &mut files)
                .map_err(|error| Problem::bad(format!("cannot read {}: {error}", path.display())))?;
        }
        let taken = intake::take(&self.store, &self.knowledge, &self.limits, &files)?;
        self.analyse_new(&taken)?;
        Ok(taken)
    }

    /// Gives a name a token with a role and returns it; it is stored as a digest only.
    ///
    /// # Errors
    /// The store, or the system's random numbers, fail.
    pub fn give_token(store: &Store, name: &str, role: Role) -> Result<String, Problem> {
        let token = auth::new_token()?;
        store.put_token(name, role.word(), &token)?;
        Ok(token)
    }

    /// Takes a name's token away. Returns whether there was one.
    ///
    /// # Errors
    /// The store fails.
    pub fn take_token(store: &Store, name: &str) -> Result<bool, Problem> {
        Ok(store.remove_token(name)?)
    }

    /// Ends the work in the background.
    pub fn stop(&self) {
        self.jobs.stop();
    }

    /// Asks for the analysis of the CT studies that have none yet, or none of all that has come.
    fn analyse_new(&self, taken: &Taken) -> Answer<()> {
        for uid in &taken.studies {
            let instances = self.store.ct_instances(uid)?;
            let of_all = self.store.result(uid)?.is_some_and(|result| jobs::is_of(&result, instances));
            if instances > 0 && !of_all {
                self.store.add_job(uid)?;
            }
        }
        self.jobs.wake();
        Ok(())
    }

    /// The answer to whoever is not known.
    fn no_session(&self) -> Problem {
        let status = axum::http::StatusCode::UNAUTHORIZED;
        let token = "a token is needed: Authorization: Bearer, or a session opened with one";
        match self.openid {
            None => Problem::new(status, token),
            Some(_) => Problem { login: Some("/login".to_owned()), ..Problem::new(status, token) },
        }
    }

    fn model(&self, setting: Option<&str>) -> Answer<&Model> {
        let id = setting.or_else(|| self.knowledge.settings.first().map(|setting| setting.id.as_str()));
        id.and_then(|id| self.models.get(id)).ok_or_else(|| {
            let known = self.models.keys().cloned().collect::<Vec<_>>().join(", ");
            Problem::bad(format!("there is no such setting; there is {known}"))
        })
    }
}

/// All files below a path, by names relative to `root`; links to folders are not followed.
fn below(path: &Path, root: &Path, files: &mut Vec<Incoming>) -> std::io::Result<()> {
    if path.is_file() {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        files.push(Incoming { name, path: path.to_owned() });
        return Ok(());
    }
    let mut inside = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    inside.sort_by_key(std::fs::DirEntry::file_name);
    for entry in inside {
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_file() {
            below(&entry.path(), root, files)?;
        }
    }
    Ok(())
}
