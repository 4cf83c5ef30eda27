/*!
The API of cases: worklist, one case, its edits, its differential, reports.
*/

use std::sync::Arc;

use apatite_case::Case;
use apatite_lesion::Clause;
use apatite_network::Workspace;
use apatite_text::Words;
use axum::extract::{Extension, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use dicom_dictionary_std::tags;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Server;
use crate::api::{App, InLanguage, Json, Path, Query};
use crate::auth::Who;
use crate::dicom::first_text;
use crate::edit::Edit;
use crate::jobs::Event;
use crate::problem::{Answer, Problem};
use crate::reading::{Lang, Standing, Wanted, calcifications};
use crate::reports::ReportFormat;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(worklist))
        .routes(routes!(case))
        .routes(routes!(edit))
        .routes(routes!(differential_of_case))
        .routes(routes!(what_if))
        .routes(routes!(compare_in_case))
        .routes(routes!(report))
        .routes(routes!(advice))
        .routes(routes!(labels_of_case))
        .routes(routes!(differential))
}

/// The worklist: all cases, the last added first.
#[utoipa::path(get, path = "/api/v1/cases", tag = "cases", params(InLanguage), responses((status = 200, body = Vec<Value>), (status = "4XX", body = Problem)))]
async fn worklist(
    State(server): App,
    Query(InLanguage { lang }): Query<InLanguage>,
) -> Answer<Json<Vec<Value>>> {
    blocking(server, move |server| {
        let mut workspace = Workspace::default();
        let cases = server.store.cases()?;
        cases
            .into_iter()
            .map(|stored| row(server, &server.standing_of(stored, &[])?, lang, &mut workspace))
            .collect::<Answer<Vec<_>>>()
            .map(Json)
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
) -> Answer<Json<Value>> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, problems) = server.case_of(&standing);
        view(server, &standing, &case, &problems, lang).map(Json)
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
    let turn = wanted.clone();
    let answer = clicked(server, &turn, move |server| {
        let stored = server.store.case(&id)?;
        let stored = stored.ok_or_else(|| Problem::not_found("there is no case of this id"))?;
        edit.check(&server.knowledge, &server.store.edits(&id)?)?;
        let edit = server.with_ids(&id, edit)?;
        server.store.add_edit(&id, &who.name, &serde_json::to_value(&edit)?)?;
        server.jobs.tell(Event::Case { id });
        let standing = server.standing_of(stored, &[])?;
        let (case, problems) = server.case_of(&standing);
        let differential = server.differential(&case, standing.read.setting.as_deref(), &wanted)?;
        Ok(json!({ "case": view(server, &standing, &case, &problems, wanted.lang)?, "differential": differential }))
    })
    .await?;
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

/// The differential of a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}/differential", tag = "differential", params(("id" = String, Path), Wanted), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn differential_of_case(
    State(server): App,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Answer<Json<Value>> {
    let turn = wanted.clone();
    clicked(server, &turn, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, _) = server.case_of(&standing);
        server.differential(&case, standing.read.setting.as_deref(), &wanted).map(Json)
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
) -> Answer<Json<Value>> {
    let cannot = |edit: &Edit| matches!(edit, Edit::Undo { .. } | Edit::LesionDrawing { .. });
    if edits.len() > 100 || edits.iter().any(cannot) {
        return Err(Problem::bad("suppose at most 100 edits, none of them an undo or a drawing"));
    }
    let turn = wanted.clone();
    clicked(server, &turn, move |server| {
        edits.iter().try_for_each(|edit| edit.check(&server.knowledge, &[]))?;
        let standing = server.standing(&id, &edits)?;
        let (case, _) = server.case_of(&standing);
        server.differential(&case, standing.read.setting.as_deref(), &wanted).map(Json)
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

/// The differential of a case that is not stored.
#[utoipa::path(post, path = "/api/v1/differential", tag = "differential", params(Wanted), request_body = Asked, responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn differential(
    State(server): App,
    Query(wanted): Query<Wanted>,
    Json(Asked { case, setting }): Json<Asked>,
) -> Answer<Json<Value>> {
    blocking(server, move |server| {
        let (mut case, mut problems) = server.case_from(&case);
        apatite_grade::add_course(&server.course, &server.knowledge, &mut case);
        problems.iter_mut().for_each(|told| in_words(told, server.words(wanted.lang)));
        let mut answer = server.differential(&case, setting.as_deref(), &wanted)?;
        answer["problems"] = json!(problems);
        Ok(Json(answer))
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
        let result = server.store.result(&study)?;
        let result = result.ok_or_else(|| Problem::not_found("the study is not analysed"))?;
        let revised = server.revised(&study, &result, &standing.read)?;
        Ok(server.store.labels(&revised.map_or(result.labels, |revised| revised.labels))?)
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
            let case = view(server, &standing, &case, &problems, lang)?;
            serde_json::to_vec_pretty(&json!({ "case": case, "differential": differential }))?
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

fn view(server: &Server, standing: &Standing, case: &Case, problems: &[Value], lang: Lang) -> Answer<Value> {
    let words = server.words(lang);
    let jobs = if standing.stored.studies.is_empty() { Vec::new() } else { server.store.jobs(200)? };
    let mut studies = Vec::new();
    for uid in &standing.stored.studies {
        let Some(study) = server.store.study(uid)? else { continue };
        let text = |tag| first_text(&study.attributes, tag);
        let series = server.store.series(Some(uid))?.into_iter().map(|series| {
            let text = |tag| first_text(&series.attributes, tag);
            json!({
                "uid": series.uid,
                "modality": text(tags::MODALITY),
                "description": text(tags::SERIES_DESCRIPTION),
                "number": text(tags::SERIES_NUMBER).parse::<i64>().ok(),
                "instances": series.instances,
                "frame_of_reference": text(tags::FRAME_OF_REFERENCE_UID),
            })
        });
        let analysed = standing.analysed.iter().find(|analysed| analysed.study == *uid);
        let analysis = analysed.map(|analysed| {
            let lesions = analysed.lesions.iter().map(|(lesion, verdict)| {
                let mut value = json!(lesion);
                value["verdict"] = json!(verdict);
                value["kind_name"] =
                    json!(words.text(&format!("kind-{}", value["kind"].as_str().unwrap_or("")), &[]));
                for finding in value["findings"].as_array_mut().into_iter().flatten() {
                    finding["name"] = json!(words.finding(finding["id"].as_str().unwrap_or_default()));
                }
                if !lesion.decided_from.is_empty() {
                    value["decided_by"] = json!(words.measured(&lesion.decided_from));
                }
                value["findings"].as_array_mut().into_iter().flatten().for_each(|told| in_words(told, words));
                value
            });
            let mut findings = json!(analysed.findings);
            findings.as_array_mut().into_iter().flatten().for_each(|told| in_words(told, words));
            let warnings = analysed.warnings.iter();
            let warnings = warnings.map(|warning| words.remark(warning).unwrap_or_else(|| warning.clone()));
            json!({
                "series": analysed.body["series"],
                "warnings": warnings.collect::<Vec<_>>(),
                "labels": analysed.body["labels"],
                "lesions": lesions.collect::<Vec<_>>(),
                "findings": findings,
                "gap": analysed.gap,
                "region": analysed.region,
            })
        });
        let job = jobs.iter().find(|job| job.study == *uid);
        studies.push(json!({
            "uid": uid,
            "patient": text(tags::PATIENT_NAME),
            "patient_id": text(tags::PATIENT_ID),
            "birth_date": text(tags::PATIENT_BIRTH_DATE),
            "date": text(tags::STUDY_DATE),
            "description": text(tags::STUDY_DESCRIPTION),
            "modalities": study.modalities,
            "series": series.collect::<Vec<_>>(),
            "analysis": analysis,
            "job": job,
        }));
    }
    let labs = case.labs.iter().map(|lab| {
        let result = match &lab.result {
            apatite_case::LabResult::Levels(levels) => levels
                .iter()
                .map(|level| words.text(&format!("level-{}", level.id()), &[]))
                .collect::<Vec<_>>()
                .join(", "),
            apatite_case::LabResult::Positive(true) => words.text("level-positive", &[]),
            apatite_case::LabResult::Positive(false) => words.text("level-negative", &[]),
        };
        json!({
            "analyte": lab.analyte,
            "said": lab.said,
            "result": result,
            "interval": lab.measured.as_ref().and_then(|measured| measured.interval),
            "unit": lab.measured.as_ref().map(|measured| measured.unit.clone()),
        })
    });
    let mut problems = problems.to_vec();
    problems.iter_mut().for_each(|told| in_words(told, words));
    let edits = standing.log.iter().map(|logged| {
        let mut value = json!(logged);
        value["holds"] = json!(standing.read.holding.contains(&logged.number));
        value
    });
    Ok(json!({
        "id": standing.stored.id,
        "added": standing.stored.added,
        "title": case.title,
        "document": standing.read.document,
        "setting": standing.read.setting.as_deref().or_else(|| server.knowledge.settings.first().map(|s| s.id.as_str())),
        "labs": labs.collect::<Vec<_>>(),
        "problems": problems,
        "studies": studies,
        "edits": edits.collect::<Vec<_>>(),
    }))
}

/// Runs a click, in turn: as many at once as there are cores, so that the first of a wave need not wait for the last.
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

/// What something was measured from, and what is wrong, in the words of a language; what an earlier program measured
/// stays English.
fn in_words(told: &mut Value, words: Words<'_>) {
    for key in ["message", "help"] {
        if let Some(said) = told[key].as_str().and_then(|english| words.remark(english)) {
            told[key] = json!(said);
        }
    }
    if let Some(clauses) = told.get_mut("measured_from")
        && let Ok(clauses) = serde_json::from_value::<Vec<Clause>>(clauses.take())
        && !clauses.is_empty()
    {
        told["because"] = json!(words.measured(&clauses));
    }
}

/// Runs what reads the store or computes off the threads that answer.
pub(crate) async fn blocking<T: Send + 'static>(
    server: Arc<Server>,
    work: impl FnOnce(&Server) -> Answer<T> + Send + 'static,
) -> Answer<T> {
    tokio::task::spawn_blocking(move || work(&server)).await?
}
