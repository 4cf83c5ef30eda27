/*!
The API of cases: worklist, one case, its edits, its differential, reports.
*/

use std::collections::BTreeMap;
use std::sync::Arc;

use apatite_network::Workspace;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use dicom_dictionary_std::tags;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Server;
use crate::api::{App, InLanguage, Json, Path, Query};
use crate::auth::Who;
use crate::dicom::first_text;
use crate::differential::Told as Differential;
use crate::edit::Edit;
use crate::jobs::Event;
use crate::problem::{Answer, Problem};
use crate::reading::{Lang, Standing, Wanted, calcifications};
use crate::reports::ReportFormat;
use crate::store::NewEdit;
use crate::view::{View, in_words};

/// So many of the last edits come with a case.
const EDITS_SHOWN: usize = 50;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(worklist))
        .routes(routes!(case))
        .routes(routes!(edit, edits))
        .routes(routes!(other_studies))
        .routes(routes!(differential_of_case))
        .routes(routes!(what_if))
        .routes(routes!(compare_in_case))
        .routes(routes!(report))
        .routes(routes!(advice))
        .routes(routes!(labels_of_case))
        .routes(routes!(differential))
}

/// The worklist: all cases, the last added first. A case that came of a study alone, and in which nobody did anything,
/// is not among them while its study belongs to another.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", params(InLanguage), responses((status = 200, body = Vec<Value>), (status = "4XX", body = Problem)))]
async fn worklist(
    State(server): App,
    Query(InLanguage { lang }): Query<InLanguage>,
) -> Answer<Json<Vec<Value>>> {
    blocking(server, move |server| {
        let mut workspace = Workspace::default();
        let mut rows = Vec::new();
        let mut holders: BTreeMap<String, usize> = BTreeMap::new();
        for stored in server.store.cases()? {
            let standing = server.standing_of(stored, &[])?;
            let row = row(server, &standing, lang, &mut workspace)?;
            standing.stored.studies.iter().for_each(|uid| *holders.entry(uid.clone()).or_default() += 1);
            rows.push((row, standing.is_of_images_alone().then_some(standing.stored.studies)));
        }
        // a study that was taken into another case is read there
        let elsewhere = |studies: &Vec<String>| studies.iter().all(|uid| holders[uid] > 1);
        rows.retain(|(_, studies)| !studies.as_ref().is_some_and(elsewhere));
        Ok(Json(rows.into_iter().map(|(row, _)| row).collect()))
    })
    .await
}

fn row(server: &Server, standing: &Standing, lang: Lang, workspace: &mut Workspace) -> Answer<Value> {
    let words = server.words(lang);
    let (case, _) = server.case_of(standing);
    let model = server.model(standing.read.setting.as_deref())?;
    let evidence = model.evidence(&case, &server.knowledge).evidence;
    let posterior =
        model.engine().posterior(&evidence, workspace).map_err(|error| Problem::internal(&error))?;
    let best = posterior.root.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    let leading = best.map(|(root, probability)| {
        let id = &model.diagnoses[root];
        json!({ "diagnosis": id, "name": words.diagnosis(id), "probability": probability })
    });
    let mut sites: Vec<&str> = Vec::new();
    for site in case.examinations.iter().flat_map(|examination| &examination.sites) {
        let name = words.site(site);
        if !sites.contains(&name) {
            sites.push(name);
        }
    }
    let mut studies = Vec::new();
    for uid in &standing.stored.studies {
        if let Some(study) = server.store.study(uid)? {
            studies.push(json!({
                "uid": uid,
                "patient": first_text(&study.attributes, tags::PATIENT_NAME),
                "patient_id": first_text(&study.attributes, tags::PATIENT_ID),
                "date": first_text(&study.attributes, tags::STUDY_DATE),
                "description": first_text(&study.attributes, tags::STUDY_DESCRIPTION),
                "modalities": study.modalities,
            }));
        }
    }
    let mut modalities = case.examinations.iter().map(|e| e.modality.clone()).collect::<Vec<_>>();
    modalities.sort();
    modalities.dedup();
    let analysed = !standing.analysed.is_empty();
    let found = analysed.then(|| standing.analysed.iter().map(calcifications).sum::<usize>());
    Ok(json!({
        "id": standing.stored.id,
        "added": standing.stored.added,
        "title": case.title,
        "age": case.age_years,
        "sex": case.sex.map(apatite_case::Sex::word),
        "sites": sites,
        "modalities": modalities,
        "studies": studies,
        "calcifications": found,
        "leading": leading,
        "edits": standing.log.len(),
    }))
}

/// A case as it stands: what was said, what the images propose, what was done to it.
#[utoipa::path(get, path = "/api/v1/cases/{id}", tag = "cases", params(("id" = String, Path), InLanguage), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn case(
    State(server): App,
    Path(id): Path<String>,
    Query(InLanguage { lang }): Query<InLanguage>,
) -> Answer<Told> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, problems) = server.case_of(&standing);
        Told::of(&server.view(&standing, &case, problems, lang, EDITS_SHOWN)?)
    })
    .await
}

/// Does something to a case, and answers with the case and its differential.
#[utoipa::path(post, path = "/api/v1/cases/{id}/edits", tag = "cases", params(("id" = String, Path), Wanted), request_body = Edit, responses((status = 201, body = Value), (status = "4XX", body = Problem)))]
async fn edit(
    State(server): App,
    Extension(who): Extension<Who>,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    Json(edit): Json<Edit>,
) -> Answer<Response> {
    let (edit, stroke) = match edit {
        Edit::Lesion { .. }
        | Edit::LesionKind { .. }
        | Edit::LesionDrawing { .. }
        | Edit::Undo { .. }
        | Edit::Study { .. } => {
            let draws = matches!(edit, Edit::LesionDrawing { .. });
            let stroke = if draws { Some(server.strokes.lock().await) } else { None };
            let checked = blocking(server.clone(), move |server| {
                edit.check(&server.knowledge, |number| Ok(server.store.has_edit(&id, number)?))?;
                server.check_named(&id, &edit)?;
                let body = server.with_ids(&id, edit)?;
                Ok(NewEdit { case: id, who: who.name, body })
            });
            (checked.await?, stroke)
        }
        // what the store need not be asked about
        _ => {
            edit.check(&server.knowledge, |_| Ok(false))?;
            (NewEdit { case: id, who: who.name, body: edit }, None)
        }
    };
    let case = edit.case.clone();
    server.scribe.write(edit).await?;
    drop(stroke);
    let turn = wanted.clone();
    let told = clicked(server.clone(), &turn, move |server| {
        let standing = server.standing(&case, &[])?;
        server.jobs.tell(Event::Case { id: case });
        let (case, problems) = server.case_of(&standing);
        let differential = server.differential(&case, standing.read.setting.as_deref(), &wanted)?;
        let case = server.view(&standing, &case, problems, wanted.lang, EDITS_SHOWN)?;
        Told::of(&Clicked { case, differential })
    })
    .await?;
    Ok((StatusCode::CREATED, told).into_response())
}

/// The answer to an edit.
#[derive(Serialize)]
struct Clicked<'a> {
    case: View<'a>,
    differential: Differential,
}

/// JSON that was written where it was computed, off the threads that answer.
struct Told(Vec<u8>);

impl Told {
    fn of(value: &impl Serialize) -> Answer<Self> {
        Ok(Self(serde_json::to_vec(value)?))
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// All that was done to a case, in the order it was done.
#[utoipa::path(get, path = "/api/v1/cases/{id}/edits", tag = "cases", params(("id" = String, Path)), responses((status = 200, body = Vec<Value>), (status = "4XX", body = Problem)))]
async fn edits(State(server): App, Path(id): Path<String>) -> Answer<Told> {
    blocking(server, move |server| Told::of(&server.standing(&id, &[])?.edits(usize::MAX))).await
}

/// The studies of the same PatientID that do not belong to a case, the last first.
#[utoipa::path(get, path = "/api/v1/cases/{id}/other-studies", tag = "cases", params(("id" = String, Path)), responses((status = 200, body = Vec<Value>), (status = "4XX", body = Problem)))]
async fn other_studies(State(server): App, Path(id): Path<String>) -> Answer<Told> {
    blocking(server, move |server| Told::of(&server.other_studies(&server.standing(&id, &[])?)?)).await
}

/// The differential of a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}/differential", tag = "differential", params(("id" = String, Path), Wanted), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn differential_of_case(
    State(server): App,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Told> {
    let turn = wanted.clone();
    clicked(server, &turn, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, _) = server.case_of(&standing);
        Told::of(&server.differential(&case, standing.read.setting.as_deref(), &wanted)?)
    })
    .await
}

/// Edits to suppose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Suppose {
    /// What is supposed, at most 100.
    #[schema(max_items = 100)]
    edits: Vec<Edit>,
}

/// The differential of a case if something were so; nothing is stored.
#[utoipa::path(post, path = "/api/v1/cases/{id}/what-if", tag = "differential", params(("id" = String, Path), Wanted), request_body = Suppose, responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn what_if(
    State(server): App,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    Json(Suppose { edits }): Json<Suppose>,
) -> Answer<Told> {
    let cannot =
        |edit: &Edit| matches!(edit, Edit::Undo { .. } | Edit::LesionDrawing { .. } | Edit::Study { .. });
    if edits.len() > 100 || edits.iter().any(cannot) {
        return Err(Problem::bad("suppose at most 100 edits, none of them an undo, a drawing or a study"));
    }
    let turn = wanted.clone();
    clicked(server, &turn, move |server| {
        edits.iter().try_for_each(|edit| edit.check(&server.knowledge, |_| Ok(false)))?;
        let standing = server.standing(&id, &edits)?;
        let (case, _) = server.case_of(&standing);
        Told::of(&server.differential(&case, standing.read.setting.as_deref(), &wanted)?)
    })
    .await
}

/// Two diagnoses.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Two {
    /// Id of the first.
    a: String,
    /// Id of the second.
    b: String,
    /// Language of the words.
    #[serde(default)]
    lang: Lang,
}

/// What separates two diagnoses in a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}/compare", tag = "differential", params(("id" = String, Path), Two), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn compare_in_case(
    State(server): App,
    Path(id): Path<String>,
    Query(Two { a, b, lang }): Query<Two>,
) -> Answer<Json<Value>> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, _) = server.case_of(&standing);
        server.comparison(&case, standing.read.setting.as_deref(), &a, &b, lang).map(Json)
    })
    .await
}

/// A case that is asked about and not stored.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A case in the case format.
    case: Value,
    /// Id of the setting.
    #[serde(default)]
    setting: Option<String>,
}

/// The answer to a case that is not stored.
#[derive(Serialize)]
struct WithProblems {
    #[serde(flatten)]
    differential: Differential,
    problems: Vec<Value>,
}

/// The differential of a case that is not stored.
#[utoipa::path(post, path = "/api/v1/differential", tag = "differential", params(Wanted), request_body = Asked, responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn differential(
    State(server): App,
    Query(wanted): Query<Wanted>,
    Json(Asked { case, setting }): Json<Asked>,
) -> Answer<Told> {
    blocking(server, move |server| {
        let (mut case, mut problems) = server.case_from(&case);
        apatite_grade::add_course(&server.course, &server.knowledge, &mut case);
        problems.iter_mut().for_each(|told| in_words(told, server.words(wanted.lang)));
        let differential = server.differential(&case, setting.as_deref(), &wanted)?;
        Told::of(&WithProblems { differential, problems })
    })
    .await
}

/// The lesions of a study as they stand in a case, with what its reader drew: voxels as those of the analysis.
#[utoipa::path(get, path = "/api/v1/cases/{id}/studies/{study}/labels", tag = "cases", params(("id" = String, Path), ("study" = String, Path)), responses((status = 200, content_type = "application/octet-stream"), (status = "4XX", body = Problem)))]
async fn labels_of_case(State(server): App, Path((id, study)): Path<(String, String)>) -> Answer<Response> {
    let packed = blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        if !standing.stored.studies.contains(&study) {
            return Err(Problem::not_found("the case has no study of this UID"));
        }
        let analysed = standing.analysed.iter().find(|analysed| analysed.study == study);
        let analysed = analysed.ok_or_else(|| Problem::not_found("the study is not analysed"))?;
        Ok(server.store.labels(&analysed.labels)?)
    })
    .await?;
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_ENCODING, "gzip")];
    Ok((headers, packed).into_response())
}

/// How a report is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Reported {
    /// Form.
    #[param(inline)]
    format: ReportFormat,
    /// Language of the words.
    lang: Lang,
}

/// A report of a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}/report", tag = "cases", params(("id" = String, Path), Reported), responses((status = 200), (status = "4XX", body = Problem)))]
async fn report(
    State(server): App,
    Path(id): Path<String>,
    Query(Reported { format, lang }): Query<Reported>,
) -> Answer<Response> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, problems) = server.case_of(&standing);
        let (kind, ending) = format.kind();
        let bytes = if format == ReportFormat::Json {
            let wanted = Wanted { lang, explain: 60, draws: 200 };
            let differential = server.differential(&case, standing.read.setting.as_deref(), &wanted)?;
            let case = server.view(&standing, &case, problems, lang, usize::MAX)?;
            serde_json::to_vec_pretty(&Clicked { case, differential })?
        } else {
            server.report(&standing, &case, &problems, format, lang)?
        };
        let disposition = format!("inline; filename=\"apatite-{id}.{ending}\"");
        let headers = [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
            // a report is one file with its own looks, and runs nothing
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'none'"
                    .to_owned(),
            ),
        ];
        Ok((headers, bytes).into_response())
    })
    .await
}

/// What cannot wait, what to examine next with what each result would mean, and whether enough is known.
#[utoipa::path(get, path = "/api/v1/cases/{id}/advice", tag = "differential", params(("id" = String, Path), InLanguage), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn advice(
    State(server): App,
    Path(id): Path<String>,
    Query(InLanguage { lang }): Query<InLanguage>,
) -> Answer<Json<Value>> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, _) = server.case_of(&standing);
        server.advice(&standing, &case, lang).map(Json)
    })
    .await
}

/// Runs a click, in turn: two at once for each core, so that the first of a wave need not wait for the last.
/// Draws take long, and would hold up those that wait; they go beside.
async fn clicked<T: Send + 'static>(
    server: Arc<Server>,
    wanted: &Wanted,
    work: impl FnOnce(&Server) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    if wanted.draws > 0 {
        return blocking(server, work).await;
    }
    let waiting = server.clone();
    // the gate is never closed
    let turn = waiting.clicks.acquire().await;
    let answer = blocking(server, work).await;
    drop(turn);
    answer
}

/// Runs what reads the store or computes off the threads that answer.
pub(crate) async fn blocking<T: Send + 'static>(
    server: Arc<Server>,
    work: impl FnOnce(&Server) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    tokio::task::spawn_blocking(move || work(&server)).await?
}
