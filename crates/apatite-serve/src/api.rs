/*!
The HTTP API under `/api/v1`, described by its own OpenAPI document.
*/

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, FromRequestParts, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::get;
use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_stream::wrappers::BroadcastStream;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{COOKIE, InSession, Means, SameSite, Who, guard, set_cookie, who_has};
use crate::intake::{Incoming, Taken, take};
use crate::jobs::Event;
use crate::openid::{SESSION, callback, login};
use crate::problem::{Answer, Problem};
use crate::reading::Lang;
use crate::store::Job;
use crate::{Limits, Server, api_cases, changes, dicomweb, exports, page};

pub(crate) type App = State<Arc<Server>>;

/// JSON whose errors are problems.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Parameters whose errors are problems.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// Parts of a path whose errors are problems.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Apatite",
        description = "Cases, images and the differential diagnosis of soft-tissue calcinosis. For research and education. DICOMweb (QIDO-RS, WADO-RS, STOW-RS) is at /dicomweb. Where authentication is asked for: Authorization: Bearer TOKEN, or the cookie of a session; what changes something needs the header X-Apatite-Csrf too when it is known by a cookie."
    ),
    components(schemas(Event, Lang))
)]
struct Described;

/// Everything that answers requests.
pub fn app(server: Arc<Server>) -> Router {
    let (api, _) = routes_of_api().split_for_parts();
    let document = openapi();
    let seconds = Duration::from_secs(server.limits.seconds);
    let timely = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, seconds);
    let api = api
        .route("/health", get(async || "ok"))
        .route("/metrics", get(metrics))
        .route("/login", get(login))
        .route("/login/callback", get(callback))
        .route(
            "/api/v1/openapi.json",
            get(async || ([(header::CONTENT_TYPE, "application/json")], document).into_response()),
        )
        .nest("/dicomweb", dicomweb::routes())
        .layer(timely);
    let (slow, _) = slow_routes().split_for_parts();
    let mut rate = GovernorConfigBuilder::default();
    let per_second = server.limits.requests_per_second.max(1);
    let rate = rate
        .period(Duration::from_nanos(1_000_000_000 / u64::from(per_second)))
        .burst_size(per_second.saturating_mul(4))
        .finish();
    let mut app = api
        .merge(slow)
        .fallback(page::page)
        .layer(DefaultBodyLimit::max(apatite_case::MAX_BYTES))
        .layer(CompressionLayer::new())
        .layer(axum::middleware::from_fn_with_state(server.clone(), guard));
    if let Some(rate) = rate {
        app = app.layer(GovernorLayer::new(rate));
    }
    for (name, value) in SECURITY {
        app = app.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    app.layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
        Problem::internal(&"a handler panicked").into_response()
    }))
    .with_state(server)
}

/// The OpenAPI document, JSON.
#[must_use]
pub fn openapi() -> String {
    let (_, mut described) = routes_of_api().split_for_parts();
    described.merge(slow_routes().split_for_parts().1);
    described.to_pretty_json().unwrap_or_default()
}

/// Headers of every answer. The decoders of the viewer are WebAssembly in workers.
const SECURITY: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self'; \
         img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

fn routes_of_api() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(session, open_session, close_session))
        .routes(routes!(vocabulary))
        .routes(routes!(card))
        .routes(routes!(jobs))
        .routes(routes!(job, cancel))
        .routes(routes!(analyse))
        .routes(routes!(labels))
        .routes(routes!(audit))
        .merge(api_cases::routes())
        .merge(changes::routes())
        .merge(exports::routes())
}

/// Routes that take as long as they take.
fn slow_routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(events)).layer(DefaultBodyLimit::disable())
}

/// A language.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InLanguage {
    /// Language of the words.
    pub(crate) lang: Lang,
}

/// A token that opens a session.
#[derive(Deserialize, ToSchema)]
struct Token {
    token: String,
}

/// Who asks.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Who), (status = 401, body = Problem)))]
async fn session(State(server): App, Extension(who): Extension<Who>) -> Answer<Json<Who>> {
    if who.means == Means::Nobody { Err(server.no_session()) } else { Ok(Json(who)) }
}

/// A browser remembers a token for this time.
const TOKEN_TIME: Duration = Duration::from_secs(43_200);

/// Opens a session with a token: a cookie for the page.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Token, responses((status = 200, body = Who), (status = "4XX", body = Problem)))]
async fn open_session(State(server): App, Json(Token { token }): Json<Token>) -> Answer<Response> {
    let token = token.trim();
    let shaped = token.len() == 64 && token.chars().all(|c| c.is_ascii_hexdigit());
    let who = if shaped { who_has(&server, token)? } else { None };
    let who = who.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "nobody has this token"))?;
    let cookie = set_cookie(COOKIE, token, SameSite::Strict, TOKEN_TIME);
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(who)).into_response())
}

/// A session that was closed.
#[derive(Serialize, ToSchema)]
struct Closed {
    /// Where the browser ends the session at the OpenID provider too, where there is one.
    provider: Option<String>,
}

/// Closes the session.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 200, body = Closed), (status = 403, body = Problem)))]
async fn close_session(State(server): App, Extension(InSession(session)): Extension<InSession>) -> Response {
    let provider = match server.openid.as_ref().zip(session) {
        Some((openid, id)) => openid.close(&id).await,
        None => None,
    };
    let cookies = AppendHeaders([
        (header::SET_COOKIE, set_cookie(COOKIE, "", SameSite::Strict, Duration::ZERO)),
        (header::SET_COOKIE, set_cookie(SESSION, "", SameSite::Lax, Duration::ZERO)),
    ]);
    (cookies, axum::Json(Closed { provider })).into_response()
}

/// All ids of the case format with their names.
#[utoipa::path(get, path = "/api/v1/vocabulary", tag = "knowledge", params(InLanguage), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn vocabulary(State(server): App, Query(InLanguage { lang }): Query<InLanguage>) -> Json<Value> {
    Json(server.vocabulary(lang))
}

/// What is known of a diagnosis, a finding, an analyte or a condition, with its sources.
#[utoipa::path(get, path = "/api/v1/knowledge/{id}", tag = "knowledge", params(("id" = String, Path), InLanguage), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn card(
    State(server): App,
    Path(id): Path<String>,
    Query(InLanguage { lang }): Query<InLanguage>,
) -> Answer<Json<Value>> {
    server.card(&id, lang).map(Json).ok_or_else(|| Problem::not_found("the knowledge has nothing of this id"))
}

/// The last jobs, the newest first.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", responses((status = 200, body = Vec<Job>)))]
async fn jobs(State(server): App) -> Answer<Json<Vec<Job>>> {
    Ok(Json(server.store.jobs(200)?))
}

/// One job, with its progress while it runs.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn job(State(server): App, Path(id): Path<i64>) -> Answer<Json<Value>> {
    let job = server.store.job(id)?.ok_or_else(|| Problem::not_found("there is no job of this number"))?;
    let mut value = json!(job);
    if let Some((step, share)) = server.jobs.progress(id) {
        value["step"] = json!(step);
        value["share"] = json!(share);
    }
    Ok(Json(value))
}

/// Cancels a job: its result is not kept.
#[utoipa::path(delete, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = Job), (status = "4XX", body = Problem)))]
async fn cancel(State(server): App, Path(id): Path<i64>) -> Answer<Json<Job>> {
    let ended = server.store.end_job(id, "cancelled", None)?;
    let job = server.store.job(id)?.ok_or_else(|| Problem::not_found("there is no job of this number"))?;
    if !ended {
        return Err(Problem::new(StatusCode::CONFLICT, "the job has ended already"));
    }
    let (state, study) = (job.state.clone(), job.study.clone());
    server.jobs.tell(Event::Job { id, study, state, step: String::new(), share: 1.0 });
    Ok(Json(job))
}

/// Asks for the analysis of a study, again where it was analysed already.
#[utoipa::path(post, path = "/api/v1/studies/{study}/analysis", tag = "jobs", params(("study" = String, Path)), responses((status = 202, body = Job), (status = "4XX", body = Problem)))]
async fn analyse(State(server): App, Path(study): Path<String>) -> Answer<Response> {
    if server.store.study(&study)?.is_none() {
        return Err(Problem::not_found("there is no study of this UID"));
    }
    let id = server.store.add_job(&study)?;
    server.jobs.wake();
    let job = server.store.job(id)?.ok_or_else(|| Problem::not_found("there is no job of this number"))?;
    Ok((StatusCode::ACCEPTED, axum::Json(job)).into_response())
}

/// The lesions of a study as voxels: 16 bit little endian, columns fastest, on the grid that the analysis names.
#[utoipa::path(get, path = "/api/v1/studies/{study}/labels", tag = "cases", params(("study" = String, Path)), responses((status = 200, content_type = "application/octet-stream"), (status = "4XX", body = Problem)))]
async fn labels(State(server): App, Path(study): Path<String>) -> Answer<Response> {
    let result = server.store.result(&study)?;
    let result = result.ok_or_else(|| Problem::not_found("the study is not analysed"))?;
    let packed = server.store.labels(&result.labels)?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_ENCODING, "gzip")];
    Ok((headers, packed).into_response())
}

/// Who did what, the newest first; only for admins.
#[utoipa::path(get, path = "/api/v1/audit", tag = "session", responses((status = 200, body = Vec<Value>), (status = "4XX", body = Problem)))]
async fn audit(State(server): App) -> Answer<Json<Vec<Value>>> {
    Ok(Json(server.store.audit(1000)?))
}

/// Takes files in: DICOM, case files and zip archives of them, as multipart/form-data. The name of each file is its
/// path within the folder it was taken from.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "cases", responses((status = 200, body = Taken), (status = "4XX", body = Problem)))]
async fn upload(State(server): App, request: axum::extract::Request) -> Answer<Json<Taken>> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok());
    let boundary = boundary.ok_or_else(|| {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send files as multipart/form-data")
    })?;
    let folder = tempfile::tempdir_in(server.store.incoming())?;
    let mut parts = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    let mut files = Vec::new();
    let mut total = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| multipart_problem(&error))? {
        let name = part.file_name().or(part.name()).unwrap_or_default().to_owned();
        let path = folder.path().join(files.len().to_string());
        spool(&server.limits, part, &path, &mut total).await?;
        files.push(Incoming { name, path });
        if files.len() > server.limits.files {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too many files in one upload"));
        }
    }
    if files.is_empty() {
        return Err(Problem::bad("the upload holds no file"));
    }
    let taken = take_in(&server, folder, files, false).await?;
    for id in &taken.cases {
        server.jobs.tell(Event::Case { id: id.clone() });
    }
    Ok(Json(taken))
}

/// Takes spooled files into the store, so many uploads at once as the limits say; `more` where others of their studies
/// may follow at once.
pub(crate) async fn take_in(
    server: &Arc<Server>,
    folder: tempfile::TempDir,
    files: Vec<Incoming>,
    more: bool,
) -> Answer<Taken> {
    let _turn = server.intakes.acquire().await.map_err(|error| Problem::internal(&error))?;
    let server = server.clone();
    tokio::task::spawn_blocking(move || {
        let taken = take(&server.store, &server.knowledge, &server.limits, &files)?;
        drop(folder);
        if more {
            taken.studies.iter().for_each(|study| server.jobs.arrived(study));
        }
        server.analyse_new(&taken)?;
        Ok(taken)
    })
    .await?
}

/// Writes a part of a multipart body to a file, within the limits.
pub(crate) async fn spool(
    limits: &Limits,
    mut part: multer::Field<'_>,
    path: &std::path::Path,
    total: &mut u64,
) -> Answer<()> {
    let mut file = tokio::fs::File::create(path).await?;
    while let Some(chunk) = part.chunk().await.map_err(|error| multipart_problem(&error))? {
        *total += chunk.len() as u64;
        if *total > limits.upload_bytes {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the upload has more than {} bytes", limits.upload_bytes),
            ));
        }
        file.write_all(&chunk).await?;
    }
    file.flush().await?;
    Ok(())
}

/// A body that is no multipart body.
pub(crate) fn multipart_problem(error: &multer::Error) -> Problem {
    Problem::bad(format!("the multipart body cannot be read: {error}"))
}

/// What happens, as server-sent events: progress of jobs, and cases that changed.
#[utoipa::path(get, path = "/api/v1/events", tag = "jobs", responses((status = 200, content_type = "text/event-stream", body = Event)))]
async fn events(
    State(server): App,
    Extension(InSession(session)): Extension<InSession>,
) -> Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>> {
    let all = BroadcastStream::new(server.jobs.events.subscribe());
    // nothing more is told when the session ends
    let open = all.take_while(move |_| {
        let over = session
            .as_ref()
            .zip(server.openid.as_ref())
            .is_some_and(|(id, openid)| openid.session(id).is_none());
        std::future::ready(!over)
    });
    let told = open.filter_map(async |event| {
        // whoever cannot keep up reads the state again
        let event = event.ok()?;
        axum::response::sse::Event::default().json_data(&event).ok().map(Ok)
    });
    Sse::new(told).keep_alive(KeepAlive::default())
}

async fn metrics(State(server): App) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], Body::from(server.metrics.text())).into_response()
}
