/*!
DICOMweb: QIDO-RS, WADO-RS and STOW-RS (PS3.18).
*/

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query as Parameters, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use futures::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::Server;
use crate::dicom::{INSTANCE, first_text, key};
use crate::intake::Incoming;
use crate::jobs::Event;
use crate::pixels::{native, render};
use crate::problem::{Answer, Problem};
use crate::query::Query;
use crate::store::{Instance, Series, Study};

type App = State<Arc<Server>>;
type Pairs = Parameters<Vec<(String, String)>>;

/// Explicit VR Little Endian, in which frames are given.
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// The routes, below `/dicomweb`.
pub(crate) fn routes() -> Router<Arc<Server>> {
    Router::new()
        .route("/studies", get(studies).post(stow))
        .route("/studies/{study}", get(retrieve_study).post(stow))
        .route("/studies/{study}/metadata", get(metadata_of_study))
        .route("/studies/{study}/series", get(series_of_study))
        .route("/studies/{study}/instances", get(instances_of_study))
        .route("/studies/{study}/series/{series}", get(retrieve_series))
        .route("/studies/{study}/series/{series}/metadata", get(metadata_of_series))
        .route("/studies/{study}/series/{series}/instances", get(instances_of_series))
        .route("/studies/{study}/series/{series}/instances/{instance}", get(retrieve_instance))
        .route("/studies/{study}/series/{series}/instances/{instance}/metadata", get(metadata_of_instance))
        .route("/studies/{study}/series/{series}/instances/{instance}/rendered", get(rendered))
        .route("/studies/{study}/series/{series}/instances/{instance}/thumbnail", get(thumbnail))
        .route("/studies/{study}/series/{series}/instances/{instance}/frames/{frames}", get(frames))
        .route(
            "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered",
            get(rendered_frame),
        )
        .route("/series", get(all_series))
        .route("/instances", get(all_instances))
}

async fn studies(State(server): App, Parameters(parameters): Pairs) -> Answer<Response> {
    let query = Query::of(&parameters)?;
    let rows = server.store.studies()?.into_iter().map(study_row);
    Ok(dicom_json(&query.answer(rows, &STUDY_LEVEL)))
}

async fn series_of_study(
    State(server): App,
    Path(study): Path<String>,
    Parameters(parameters): Pairs,
) -> Answer<Response> {
    search_series(&server, Some(&study), &parameters)
}

async fn all_series(State(server): App, Parameters(parameters): Pairs) -> Answer<Response> {
    search_series(&server, None, &parameters)
}

fn search_series(server: &Server, study: Option<&str>, parameters: &[(String, String)]) -> Answer<Response> {
    let query = Query::of(parameters)?;
    let rows = server.store.series(study)?.into_iter().map(series_row);
    Ok(dicom_json(&query.answer(rows, &SERIES_LEVEL)))
}

async fn instances_of_study(
    State(server): App,
    Path(study): Path<String>,
    Parameters(parameters): Pairs,
) -> Answer<Response> {
    search_instances(&server, Some(&study), None, &parameters)
}

async fn instances_of_series(
    State(server): App,
    Path((study, series)): Path<(String, String)>,
    Parameters(parameters): Pairs,
) -> Answer<Response> {
    search_instances(&server, Some(&study), Some(&series), &parameters)
}

async fn all_instances(State(server): App, Parameters(parameters): Pairs) -> Answer<Response> {
    search_instances(&server, None, None, &parameters)
}

fn search_instances(
    server: &Server,
    study: Option<&str>,
    series: Option<&str>,
    parameters: &[(String, String)],
) -> Answer<Response> {
    let query = Query::of(parameters)?;
    let rows = server.store.instances(study, series, None)?.into_iter().map(|instance| instance.metadata);
    let mut level = INSTANCE.to_vec();
    level.extend([tags::STUDY_INSTANCE_UID, tags::SERIES_INSTANCE_UID, tags::MODALITY]);
    Ok(dicom_json(&query.answer(rows, &level)))
}

const STUDY_LEVEL: [Tag; 14] = [
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::MODALITIES_IN_STUDY,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::STUDY_INSTANCE_UID,
    tags::STUDY_ID,
    tags::NUMBER_OF_STUDY_RELATED_SERIES,
    tags::NUMBER_OF_STUDY_RELATED_INSTANCES,
];

const SERIES_LEVEL: [Tag; 8] = [
    tags::MODALITY,
    tags::SERIES_DESCRIPTION,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::SERIES_NUMBER,
    tags::BODY_PART_EXAMINED,
    tags::FRAME_OF_REFERENCE_UID,
    tags::NUMBER_OF_SERIES_RELATED_INSTANCES,
];

fn study_row(study: Study) -> Value {
    let mut row = study.attributes;
    row[key(tags::MODALITIES_IN_STUDY)] = json!({ "vr": "CS", "Value": study.modalities });
    row[key(tags::NUMBER_OF_STUDY_RELATED_SERIES)] = json!({ "vr": "IS", "Value": [study.series] });
    row[key(tags::NUMBER_OF_STUDY_RELATED_INSTANCES)] = json!({ "vr": "IS", "Value": [study.instances] });
    row
}

fn series_row(series: Series) -> Value {
    let mut row = series.attributes;
    row[key(tags::STUDY_INSTANCE_UID)] = json!({ "vr": "UI", "Value": [series.study] });
    row[key(tags::SERIES_INSTANCE_UID)] = json!({ "vr": "UI", "Value": [series.uid] });
    row[key(tags::NUMBER_OF_SERIES_RELATED_INSTANCES)] = json!({ "vr": "IS", "Value": [series.instances] });
    row
}

async fn metadata_of_study(State(server): App, Path(study): Path<String>) -> Answer<Response> {
    metadata(&server, &study, None, None)
}

async fn metadata_of_series(
    State(server): App,
    Path((study, series)): Path<(String, String)>,
) -> Answer<Response> {
    metadata(&server, &study, Some(&series), None)
}

async fn metadata_of_instance(
    State(server): App,
    Path((study, series, instance)): Path<(String, String, String)>,
) -> Answer<Response> {
    metadata(&server, &study, Some(&series), Some(&instance))
}

fn metadata(server: &Server, study: &str, series: Option<&str>, instance: Option<&str>) -> Answer<Response> {
    let found = server.store.metadata(study, series, instance)?;
    if found.is_empty() {
        return Err(Problem::not_found("nothing is stored under these UIDs"));
    }
    // a viewer waits for them: they are handed on as they are kept
    let body = format!("[{}]", found.join(","));
    Ok(([(header::CONTENT_TYPE, "application/dicom+json")], body).into_response())
}

fn found(
    server: &Server,
    study: &str,
    series: Option<&str>,
    instance: Option<&str>,
) -> Answer<Vec<Instance>> {
    let found = server.store.instances(Some(study), series, instance)?;
    if found.is_empty() {
        return Err(Problem::not_found("nothing is stored under these UIDs"));
    }
    Ok(found)
}

fn one(server: &Server, study: &str, series: &str, instance: &str) -> Answer<Instance> {
    let missing = || Problem::not_found("nothing is stored under these UIDs");
    found(server, study, Some(series), Some(instance))?.into_iter().next().ok_or_else(missing)
}

async fn retrieve_study(State(server): App, Path(study): Path<String>) -> Answer<Response> {
    retrieve(server.clone(), found(&server, &study, None, None)?)
}

async fn retrieve_series(
    State(server): App,
    Path((study, series)): Path<(String, String)>,
) -> Answer<Response> {
    retrieve(server.clone(), found(&server, &study, Some(&series), None)?)
}

async fn retrieve_instance(
    State(server): App,
    Path((study, series, instance)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let instance = one(&server, &study, &series, &instance)?;
    let accept = accepted(&headers);
    if accept.starts_with("application/dicom") && !accept.contains("multipart") {
        let bytes = tokio::fs::read(server.store.original(&instance.original)).await?;
        return Ok(([(header::CONTENT_TYPE, "application/dicom")], bytes).into_response());
    }
    retrieve(server, vec![instance])
}

/// Originals as multipart/related, one file in memory at a time.
fn retrieve(server: Arc<Server>, instances: Vec<Instance>) -> Answer<Response> {
    let stream = futures::stream::unfold(
        (server, instances.into_iter(), false),
        |(server, mut rest, closed)| async move {
            if closed {
                return None;
            }
            let Some(instance) = rest.next() else {
                return Some((Ok(Bytes::from(closing())), (server, rest, true)));
            };
            let part = tokio::fs::read(server.store.original(&instance.original)).await.map(|bytes| {
                let head = format!(
                    "--{BOUNDARY}\r\nContent-Type: application/dicom; transfer-syntax={}\r\n\r\n",
                    instance.syntax
                );
                Bytes::from([head.as_bytes(), &bytes, b"\r\n"].concat())
            });
            Some((part, (server, rest, false)))
        },
    );
    Ok((multipart_of("application/dicom"), Body::from_stream(stream.fuse())).into_response())
}

async fn frames(
    State(server): App,
    Path((study, series, instance, frames)): Path<(String, String, String, String)>,
) -> Answer<Response> {
    let instance = one(&server, &study, &series, &instance)?;
    let wanted = frames
        .split([',', '\\'])
        .map(|frame| frame.trim().parse::<usize>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| Problem::bad("frames are numbers from 1, parted by commas"))?;
    if wanted.is_empty() || wanted.len() as i64 > instance.frames {
        return Err(Problem::bad("more frames are asked for than there are"));
    }
    let body = tokio::task::spawn_blocking(move || -> Answer<Vec<u8>> {
        let path = server.store.original(&instance.original);
        let bits = first_text(&instance.metadata, tags::BITS_ALLOCATED).parse().unwrap_or(16);
        let mut body = Vec::new();
        for frame in wanted {
            let picture = server.frames.frame(&instance, &path, frame)?;
            let head = format!(
                "--{BOUNDARY}\r\nContent-Type: application/octet-stream; transfer-syntax={EXPLICIT}\r\n\r\n"
            );
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(&native(&picture, bits));
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(closing().as_bytes());
        Ok(body)
    })
    .await??;
    let caching = [(header::CACHE_CONTROL, "private, max-age=86400, immutable")];
    Ok((multipart_of("application/octet-stream"), caching, body).into_response())
}

async fn rendered(
    State(server): App,
    Path((study, series, instance)): Path<(String, String, String)>,
    Parameters(parameters): Pairs,
    headers: HeaderMap,
) -> Answer<Response> {
    let instance = one(&server, &study, &series, &instance)?;
    picture(server, instance, 1, parameters, accepted(&headers)).await
}

async fn rendered_frame(
    State(server): App,
    Path((study, series, instance, frame)): Path<(String, String, String, usize)>,
    Parameters(parameters): Pairs,
    headers: HeaderMap,
) -> Answer<Response> {
    let instance = one(&server, &study, &series, &instance)?;
    picture(server, instance, frame, parameters, accepted(&headers)).await
}

async fn thumbnail(
    State(server): App,
    Path((study, series, instance)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let instance = one(&server, &study, &series, &instance)?;
    let size = vec![("viewport".to_owned(), "128,128".to_owned())];
    picture(server, instance, 1, size, accepted(&headers)).await
}

/// A frame as PNG or JPEG (PS3.18 8.3.5): `window=centre,width,linear`, `viewport=columns,rows`, `quality`.
async fn picture(
    server: Arc<Server>,
    instance: Instance,
    frame: usize,
    parameters: Vec<(String, String)>,
    accept: String,
) -> Answer<Response> {
    let mut window = None;
    let mut viewport = None;
    let mut quality = 90;
    for (name, value) in &parameters {
        let numbers = value.split(',').map(|part| part.trim().parse::<f64>().ok()).collect::<Vec<_>>();
        match (name.as_str(), numbers.as_slice()) {
            ("window", [Some(centre), Some(width), rest @ ..])
                if centre.is_finite() && *width >= 1.0 && width.is_finite() && rest.len() <= 1 =>
            {
                window = Some((*centre, *width));
            }
            ("viewport", [Some(columns), Some(rows)]) if *columns >= 1.0 && *rows >= 1.0 => {
                viewport = Some((*columns as usize, *rows as usize));
            }
            ("quality", [Some(asked)]) if (1.0..=100.0).contains(asked) => quality = *asked as u8,
            ("accept", _) => {}
            (name, _) => {
                let name = apatite_text::printable(&name.chars().take(40).collect::<String>());
                return Err(Problem::bad(format!(
                    "`{name}` is not understood: `window=centre,width,linear`, `viewport=columns,rows` or `quality=1..100`"
                )));
            }
        }
    }
    let asked =
        parameters.iter().find(|(name, _)| name == "accept").map_or(accept, |(_, value)| value.clone());
    let kind = match () {
        () if asked.contains("image/png") => "image/png",
        () if asked.contains("image/jpeg")
            || asked.contains("*/*")
            || asked.contains("image/*")
            || asked.is_empty() =>
        {
            "image/jpeg"
        }
        () => return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "rendered are image/jpeg and image/png")),
    };
    let bytes = tokio::task::spawn_blocking(move || -> Answer<Vec<u8>> {
        let path = server.store.original(&instance.original);
        let picture = server.frames.frame(&instance, &path, frame)?;
        let mut rendered = render(&picture, &instance.metadata, window);
        if let Some((columns, rows)) = viewport {
            rendered = rendered.within(columns, rows);
        }
        if kind == "image/png" { rendered.png() } else { rendered.jpeg(quality) }
    })
    .await??;
    Ok(([(header::CONTENT_TYPE, kind)], bytes).into_response())
}

/// STOW-RS: each part is one DICOM file.
async fn stow(State(server): App, study: Option<Path<String>>, request: Request) -> Answer<Response> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let unsupported = || {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "store as multipart/related; type=\"application/dicom\"",
        )
    };
    let kind = kind.ok_or_else(unsupported)?;
    if !kind.starts_with("multipart/related") || !kind.contains("application/dicom") {
        return Err(unsupported());
    }
    let boundary = kind
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"').to_owned())
        .ok_or_else(|| Problem::bad("Content-Type names no boundary"))?;
    let folder = tempfile::tempdir_in(server.store.incoming())?;
    let mut parts = multer::Multipart::new(request.into_body().into_data_stream(), boundary);
    let mut files = Vec::new();
    let mut total = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| crate::api::multipart_problem(&error))? {
        let path = folder.path().join(files.len().to_string());
        crate::api::spool(&server.limits, part, &path, &mut total).await?;
        files.push(Incoming { name: format!("part {}", files.len() + 1), path });
        if files.len() > server.limits.files {
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too many instances in one request"));
        }
    }
    let count = files.len();
    // systems that send instance by instance send the next one soon
    let taken = crate::api::take_in(&server, folder, files, true).await?;
    let wrong_study = study.is_some_and(|Path(study)| taken.studies.iter().any(|uid| *uid != study));
    for id in &taken.cases {
        server.jobs.tell(Event::Case { id: id.clone() });
    }
    let failed = taken.left_out.iter().map(|left| {
        // 0xC000, cannot understand; which part it was stands beside it
        json!({ "00081197": { "vr": "US", "Value": [0xC000] }, "00080070": { "vr": "LO", "Value": [left.file] } })
    });
    let failed = failed.collect::<Vec<_>>();
    let mut stored = Vec::new();
    for study in &taken.studies {
        for instance in server.store.instances(Some(study), None, None)? {
            stored.push(json!({
                "00081150": { "vr": "UI", "Value": [first_text(&instance.metadata, tags::SOP_CLASS_UID)] },
                "00081155": { "vr": "UI", "Value": [instance.uid] },
                "00081190": { "vr": "UR", "Value": [format!(
                    "/dicomweb/studies/{}/series/{}/instances/{}", instance.study, instance.series, instance.uid
                )] },
            }));
        }
    }
    let mut answer = Map::new();
    answer.insert("00081199".to_owned(), json!({ "vr": "SQ", "Value": stored }));
    if !failed.is_empty() {
        answer.insert("00081198".to_owned(), json!({ "vr": "SQ", "Value": failed }));
    }
    let status = match (failed.len(), wrong_study) {
        (_, true) => StatusCode::ACCEPTED,
        (0, _) => StatusCode::OK,
        (failed, _) if failed == count => StatusCode::CONFLICT,
        _ => StatusCode::ACCEPTED,
    };
    let body = Value::Object(answer).to_string();
    Ok((status, [(header::CONTENT_TYPE, "application/dicom+json")], body).into_response())
}

/// No file is expected to hold it; a reader of multipart finds parts by it.
const BOUNDARY: &str = "apatite-8c1f4e62d9b34a70";

fn closing() -> String {
    format!("--{BOUNDARY}--\r\n")
}

fn multipart_of(kind: &str) -> [(header::HeaderName, String); 1] {
    [(header::CONTENT_TYPE, format!("multipart/related; type=\"{kind}\"; boundary={BOUNDARY}"))]
}

fn accepted(headers: &HeaderMap) -> String {
    headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default().to_owned()
}

fn dicom_json(values: &[Value]) -> Response {
    let body = serde_json::to_string(values).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/dicom+json")], body).into_response()
}
