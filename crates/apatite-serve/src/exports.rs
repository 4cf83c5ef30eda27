/*!
A case, its answer and its lesions in the forms of other systems.
*/

use apatite_case::Case;
use apatite_objects::{Measured, ObjectError, Told};
use apatite_reason::{Differential, diagnose, robustness};
use apatite_tables::Table;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Server;
use crate::api::{App, Path, Query};
use crate::api_cases::blocking;
use crate::problem::{Answer, Problem};
use crate::reading::{Analysed, Lang, Standing};
use crate::reports::{DRAWS, SEED};

pub(crate) fn routes() -> OpenApiRouter<std::sync::Arc<Server>> {
    OpenApiRouter::new().routes(routes!(export))
}

/// How an export is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Exported {
    /// Form.
    #[param(inline)]
    format: ExportFormat,
    /// What csv, jsonl and parquet hold.
    #[serde(default)]
    #[param(inline)]
    table: TableOf,
    /// StudyInstanceUID of the study whose lesions are told; the first that is analysed where none is named.
    #[serde(default)]
    study: Option<String>,
    /// Language of names and texts.
    #[serde(default)]
    lang: Lang,
}

/// Form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ExportFormat {
    /// FHIR R4 bundle: case, lesions, differential.
    Fhir,
    /// GA4GH phenopacket 2.0: the case.
    Phenopacket,
    /// DICOM SR by TID 1500: measurements and differential.
    Sr,
    /// DICOM SEG: one segment a lesion.
    Seg,
    /// DICOM RTSTRUCT: contours of the lesions.
    Rtstruct,
    /// Comma-separated values.
    Csv,
    /// JSON, one object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// What a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum TableOf {
    /// A row a diagnosis.
    #[default]
    Differential,
    /// A row a lesion.
    Lesions,
}

/// A file for another system, and what of the case it cannot carry.
struct File {
    bytes: Vec<u8>,
    remarks: Vec<String>,
}

/// A case in the form of another system. What the form cannot carry is told in the header `apatite-remarks`, a list in JSON.
#[utoipa::path(get, path = "/api/v1/cases/{id}/export", tag = "cases", params(("id" = String, Path), Exported), responses((status = 200), (status = "4XX", body = Problem)))]
async fn export(
    State(server): App,
    Path(id): Path<String>,
    Query(wanted): Query<Exported>,
) -> Answer<Response> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let (case, _) = server.case_of(&standing);
        let File { bytes, remarks } = server.export(&standing, &case, &wanted)?;
        let (kind, ending) = wanted.kind();
        let headers = [
            (header::CONTENT_TYPE, kind.to_owned()),
            (header::CONTENT_DISPOSITION, format!("attachment; filename=\"apatite-{id}.{ending}\"")),
            (header::HeaderName::from_static("apatite-remarks"), in_ascii(&serde_json::to_string(&remarks)?)),
        ];
        Ok((headers, bytes).into_response())
    })
    .await
}

impl Exported {
    /// Media type and ending of file names.
    fn kind(&self) -> (&'static str, String) {
        let of_table = match self.table {
            TableOf::Differential => "differential",
            TableOf::Lesions => "lesions",
        };
        let (kind, ending) = match self.format {
            ExportFormat::Fhir => ("application/fhir+json", "fhir.json"),
            ExportFormat::Phenopacket => ("application/json", "phenopacket.json"),
            ExportFormat::Sr => ("application/dicom", "sr.dcm"),
            ExportFormat::Seg => ("application/dicom", "seg.dcm"),
            ExportFormat::Rtstruct => ("application/dicom", "rtstruct.dcm"),
            ExportFormat::Csv => return ("text/csv; charset=utf-8", format!("{of_table}.csv")),
            ExportFormat::Jsonl => return ("application/jsonl", format!("{of_table}.jsonl")),
            ExportFormat::Parquet => {
                return ("application/vnd.apache.parquet", format!("{of_table}.parquet"));
            }
        };
        (kind, ending.to_owned())
    }

    fn analysed<'s>(&self, standing: &'s Standing) -> Answer<&'s Analysed> {
        let is_wanted =
            |analysed: &&Analysed| self.study.as_ref().is_none_or(|study| *study == analysed.study);
        let found = standing.analysed.iter().find(is_wanted);
        found.ok_or_else(|| Problem::bad("this format needs a CT study that is analysed"))
    }
}

impl Server {
    fn export(&self, standing: &Standing, case: &Case, wanted: &Exported) -> Answer<File> {
        let words = self.words(wanted.lang);
        let model = self.model(standing.read.setting.as_deref())?;
        let mut answer = diagnose(model, &self.knowledge, case, 0)?;
        answer.add_robustness(model, robustness(model, &self.knowledge, case, DRAWS, SEED)?);
        let version = env!("CARGO_PKG_VERSION");
        match wanted.format {
            ExportFormat::Fhir => {
                let mut parts = Vec::new();
                for analysed in &standing.analysed {
                    parts.push((self.origin(analysed)?, self.analysis(analysed)?));
                }
                let examination = case.examinations.iter().position(|made| made.modality == "CT");
                let studies = parts.iter().filter_map(|(origin, analysis)| {
                    Some(apatite_fhir::Study { examination: examination?, origin: origin.as_ref(), analysis })
                });
                let studies = studies.collect::<Vec<_>>();
                let differential = Some(&answer);
                document(&apatite_fhir::bundle(&apatite_fhir::Input {
                    words: &words,
                    case,
                    differential,
                    studies: &studies,
                    version,
                }))
            }
            ExportFormat::Phenopacket => document(&apatite_fhir::phenopacket(&apatite_fhir::Input {
                words: &words,
                case,
                differential: None,
                studies: &[],
                version,
            })),
            ExportFormat::Sr | ExportFormat::Seg | ExportFormat::Rtstruct => {
                let analysed = wanted.analysed(standing)?;
                let origin = self.origin(analysed)?;
                let origin = origin.ok_or_else(|| Problem::bad(words.text("exchange-no-dicom", &[])))?;
                let analysis = self.analysis(analysed)?;
                let measured = Measured { origin: &origin, analysis: &analysis, version };
                let refused = |error: ObjectError| Problem::bad(error.to_string());
                let object = match wanted.format {
                    ExportFormat::Seg => apatite_objects::segmentation(&measured, &words),
                    ExportFormat::Rtstruct => apatite_objects::structures(&measured, &words),
                    _ => {
                        let has_lesions = !analysis.lesions.is_empty();
                        let segments =
                            has_lesions.then(|| apatite_objects::segmentation(&measured, &words)).transpose();
                        let told = Told { words: &words, differential: Some(&answer) };
                        segments
                            .and_then(|segments| apatite_objects::report(&measured, segments.as_ref(), &told))
                    }
                };
                let object = object.map_err(refused)?;
                Ok(File { bytes: object.bytes, remarks: object.warnings })
            }
            ExportFormat::Csv | ExportFormat::Jsonl | ExportFormat::Parquet => {
                let table = self.table(standing, &answer, wanted)?;
                let refused = |error: apatite_tables::TableError| Problem::internal(&error);
                let bytes = match wanted.format {
                    ExportFormat::Csv => table.to_csv().map_err(refused)?.into_bytes(),
                    ExportFormat::Jsonl => table.to_json_lines().into_bytes(),
                    _ => table.to_parquet().map_err(refused)?,
                };
                Ok(File { bytes, remarks: Vec::new() })
            }
        }
    }

    fn table(&self, standing: &Standing, answer: &Differential, wanted: &Exported) -> Answer<Table> {
        let name = &standing.stored.id;
        Ok(match wanted.table {
            TableOf::Differential => apatite_tables::differential(name, answer, &self.words(wanted.lang)),
            TableOf::Lesions => {
                let analysed = wanted.analysed(standing)?;
                apatite_tables::lesions(name, &analysed.series.uid, &self.analysis(analysed)?)
            }
        })
    }

    /// The lesions that count, with their labels.
    fn analysis(&self, analysed: &Analysed) -> Answer<apatite_lesion::Analysis> {
        let mut analysis = analysed.measurement().analysis;
        analysis.lesions = analysed.counted().cloned().collect();
        analysis.labels = self.counted_labels(analysed, &analysis.lesions)?;
        Ok(analysis)
    }

    /// Whose images a series is.
    fn origin(&self, analysed: &Analysed) -> Answer<Option<apatite_dicom::Origin>> {
        self.read_series(&analysed.study, Some(&analysed.series.uid), apatite_dicom::Series::origin)
    }
}

fn document(document: &apatite_fhir::Document) -> Answer<File> {
    let remarks = document.uncoded.iter().map(|term| format!("without a code: {term}"));
    let remarks = remarks.chain(document.left_out.iter().cloned()).collect();
    Ok(File { bytes: serde_json::to_vec_pretty(&document.json)?, remarks })
}

/// JSON as a header can carry it.
fn in_ascii(json: &str) -> String {
    let escaped = |character: char| {
        let mut units = [0; 2];
        character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
    };
    json.chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() { c.to_string() } else { escaped(c) })
        .collect()
}
