/*!
Analyses in the background.

The queue is in the store, so it survives a restart: what ran when the server ended runs again. One thread takes one job
after the other, each of which uses all cores. A study that comes instance by instance is analysed when no more have come
for a while, and again when more come after that; its lesions keep their ids.
*/

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use apatite_study::{Measurement, Request, measure};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use utoipa::ToSchema;

use crate::Server;
use crate::store::{Found, Job, Store, StoredResult};

/// So long nothing more must have come of a study before it is analysed.
const SETTLING: Duration = Duration::from_secs(3);

/// So long the worker sleeps where nothing wakes it.
const IDLE: Duration = Duration::from_secs(60);

/// Something that happened, told over server-sent events.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A job began, went on or ended.
    Job {
        /// Its number.
        id: i64,
        /// StudyInstanceUID.
        study: String,
        /// queued, running, done, failed or cancelled.
        state: String,
        /// What it is doing.
        step: String,
        /// Share of the work done.
        share: f64,
    },
    /// A case changed: it is new, was edited or has new results.
    Case {
        /// Its id.
        id: String,
    },
}

/// What runs, and how far it is.
#[derive(Debug)]
pub(crate) struct Jobs {
    wake: Condvar,
    waiting: Mutex<bool>,
    stop: AtomicBool,
    progress: Mutex<BTreeMap<i64, (String, f64)>>,
    /// When instances of a study last came that may be a part of it.
    arrivals: Mutex<HashMap<String, Instant>>,
    pub(crate) events: broadcast::Sender<Event>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            wake: Condvar::new(),
            waiting: Mutex::new(false),
            stop: AtomicBool::new(false),
            progress: Mutex::new(BTreeMap::new()),
            arrivals: Mutex::new(HashMap::new()),
            events: broadcast::channel(1024).0,
        }
    }
}

impl Jobs {
    /// Tells the worker that there is something to do.
    pub(crate) fn wake(&self) {
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.wake.notify_all();
    }

    /// Notes that instances of a study came, after which others may come.
    pub(crate) fn arrived(&self, study: &str) {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.retain(|_, last| last.elapsed() < SETTLING);
        arrivals.insert(study.to_owned(), Instant::now());
    }

    /// How long to wait for more of a study.
    fn settles_in(&self, study: &str) -> Duration {
        let arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.get(study).map_or(Duration::ZERO, |last| SETTLING.saturating_sub(last.elapsed()))
    }

    /// Ends the worker after the job at hand.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake();
    }

    /// Step and share of a running job.
    pub(crate) fn progress(&self, id: i64) -> Option<(String, f64)> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// Tells whoever listens.
    pub(crate) fn tell(&self, event: Event) {
        // nobody listening is no error
        let _ = self.events.send(event);
    }

    fn sleep(&self, longest: Duration) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let sleeping = |waiting: &mut bool| !*waiting && !self.stop.load(Ordering::Relaxed);
        let woken = self.wake.wait_timeout_while(waiting, longest, sleeping);
        let (mut waiting, _) = woken.unwrap_or_else(PoisonError::into_inner);
        *waiting = false;
    }
}

/// Works until the server stops.
pub(crate) fn work(server: &Arc<Server>) {
    while !server.jobs.stop.load(Ordering::Relaxed) {
        match next(server) {
            Ok(Ok(job)) => run(server, &job),
            Ok(Err(longest)) => server.jobs.sleep(longest),
            Err(error) => {
                tracing::error!("jobs: {error}");
                server.jobs.sleep(IDLE);
            }
        }
    }
}

/// Begins the first job whose study is not still coming; or how long until one may be.
fn next(server: &Server) -> Found<Result<Job, Duration>> {
    let mut longest = IDLE;
    for job in server.store.waiting_jobs()? {
        let settles = server.jobs.settles_in(&job.study);
        if settles > Duration::ZERO {
            longest = longest.min(settles);
        } else if server.store.begin_job(job.id)? {
            return Ok(Ok(job));
        }
    }
    Ok(Err(longest))
}

fn run(server: &Server, job: &Job) {
    let tell = |state: &str, step: &str, share: f64| {
        server.jobs.tell(Event::Job {
            id: job.id,
            study: job.study.clone(),
            state: state.to_owned(),
            step: step.to_owned(),
            share,
        });
    };
    tell("running", "headers", 0.0);
    let progress = |step: &str, share: f64| {
        let mut progress = server.jobs.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let before = progress.insert(job.id, (step.to_owned(), share));
        drop(progress);
        let moved = before.is_none_or(|(known, before)| known != step || share - before >= 0.02);
        if moved {
            tell("running", step, share);
        }
    };
    let started = Instant::now();
    // counted before the files are read: what comes from now on may not be among them
    let instances = server.store.ct_instances(&job.study).unwrap_or_default();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        analyse(server, &job.study, instances, &progress)
    }));
    server.jobs.progress.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.id);
    let outcome = outcome
        .unwrap_or_else(|_| Err("the analysis failed: a fault of the program, please report it".to_owned()));
    // a job that was cancelled meanwhile keeps nothing
    let still_wanted = matches!(server.store.job(job.id), Ok(Some(job)) if job.state == "running");
    let outcome = match outcome {
        Ok(_) if !still_wanted => return,
        Ok(result) => server
            .store
            .put_result(&job.study, env!("CARGO_PKG_VERSION"), &result)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let (state, error) = match &outcome {
        Ok(()) => ("done", None),
        Err(error) => ("failed", Some(error.as_str())),
    };
    server.metrics.analysis(state, started.elapsed());
    match server.store.end_job(job.id, state, error) {
        Ok(true) => tell(state, "", 1.0),
        Ok(false) => {}
        Err(error) => tracing::error!("jobs: {error}"),
    }
    for id in server.store.cases_of_study(&job.study).unwrap_or_default() {
        server.jobs.tell(Event::Case { id });
    }
    // while it ran an analysis of what came could not be asked for
    let more = server.store.ct_instances(&job.study).is_ok_and(|now| now > instances);
    if more && let Err(error) = server.store.add_job(&job.study) {
        tracing::error!("jobs: {error}");
    }
}

/// Whether a result is of so many CT instances; one kept before they were counted is taken for that.
pub(crate) fn is_of(result: &StoredResult, instances: i64) -> bool {
    result.body["instances"].as_i64().is_none_or(|known| known >= instances)
}

fn analyse(
    server: &Server,
    study: &str,
    instances: i64,
    progress: &dyn Fn(&str, f64),
) -> Result<StoredResult, String> {
    let store = &*server.store;
    let paths = store.paths_of_study(study).map_err(|error| error.to_string())?;
    let request = Request { paths, ..Request::default() };
    let mut measurement =
        measure(&request, progress).map_err(|error| without_paths(store, &error.to_string()))?;
    server.keep_ids(study, &mut measurement).map_err(|problem| problem.detail)?;
    let labels = packed_labels(&measurement.analysis.labels.values).map_err(|error| error.to_string())?;
    let labels = store.keep_labels(&labels).map_err(|error| error.to_string())?;
    let mut body = body(&measurement, instances);
    // file names of the store say nothing to a reader
    if let Some(warnings) = body["warnings"].as_array_mut() {
        for warning in warnings {
            *warning = json!(without_paths(store, warning.as_str().unwrap_or_default()));
        }
    }
    Ok(StoredResult { body, labels })
}

/// What is kept of a measurement, without its voxels.
fn body(measurement: &Measurement, instances: i64) -> Value {
    let analysis = &measurement.analysis;
    let labels = &analysis.labels;
    json!({
        "instances": instances,
        "series": measurement.series,
        "lesions": analysis.lesions,
        "findings": analysis.findings,
        "gap": analysis.gap,
        "region": analysis.region,
        "warnings": measurement.warnings,
        "labels": {
            "size": labels.size,
            "origin_mm": labels.geometry.origin_mm,
            "steps_mm": labels.geometry.steps_mm,
        },
    })
}

/// Labels as 16 bit little endian, columns fastest, compressed with gzip.
pub(crate) fn packed_labels(values: &[u16]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut bytes = Vec::with_capacity(1 << 16);
    for values in values.chunks(1 << 15) {
        bytes.clear();
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        encoder.write_all(&bytes)?;
    }
    encoder.finish()
}

pub(crate) fn without_paths(store: &Store, text: &str) -> String {
    let folder = store.incoming();
    let folder = folder.parent().unwrap_or(&folder).join("originals");
    let mut told = String::new();
    let mut rest = text;
    let root = folder.display().to_string();
    while let Some((before, after)) = rest.split_once(&root) {
        told.push_str(before);
        told.push_str("file ");
        // `/ab/` and 64 digits, of which eight tell it
        let after = after.trim_start_matches('/');
        let name = after.get(3..11).unwrap_or_default();
        told.push_str(name);
        rest = after.get(67..).unwrap_or_default();
    }
    told.push_str(rest);
    told
}
