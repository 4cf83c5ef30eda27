/*!
What changed between two measured studies of a case, their lesions as the reader left them.

The skeletons are registered anew, which takes seconds, so the answer is kept under the digest of what it was computed
from.
*/

use std::sync::Arc;

use apatite_follow::{Change, Followed, Pair, Study, follow, parts_patients};
use apatite_lesion::{Analysis, Masks, Options, analyse};
use apatite_text::Words;
use apatite_volume::Volume;
use axum::extract::State;
use dicom_dictionary_std::tags;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Server;
use crate::api::{App, Json, Path, Query};
use crate::api_cases::blocking;
use crate::dicom::first_text;
use crate::problem::{Answer, Problem};
use crate::reading::{Analysed, Lang, Standing};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(changes))
}

/// Which studies are compared.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Two {
    /// StudyInstanceUID of the earlier one; the first measured by StudyDate where none is named.
    #[serde(default)]
    earlier: Option<String>,
    /// StudyInstanceUID of the later one; the last where none is named.
    #[serde(default)]
    later: Option<String>,
    /// Language of the words.
    #[serde(default)]
    lang: Lang,
}

/// What has changed, in words.
#[derive(Serialize)]
struct Told<'a> {
    earlier: &'a str,
    later: &'a str,
    days: Option<f64>,
    /// How the studies lie to each other.
    registration: String,
    lesions: Vec<ToldPair<'a>>,
    burden: ToldChange<'a>,
    warnings: Vec<String>,
    /// From what difference on one is called a change, and by whom.
    limit: String,
}

#[derive(Serialize)]
struct ToldPair<'a> {
    #[serde(flatten)]
    pair: &'a Pair,
    kind_name: String,
    outcome_name: String,
    volume: ToldChange<'a>,
    /// What else there is to say of it, a line each.
    told: Vec<String>,
}

#[derive(Serialize)]
struct ToldChange<'a> {
    #[serde(flatten)]
    change: &'a Change,
    verdict_name: String,
}

/// What has changed between two measured studies of a case.
#[utoipa::path(get, path = "/api/v1/cases/{id}/changes", tag = "cases", params(("id" = String, Path), Two), responses((status = 200, body = Value), (status = "4XX", body = Problem)))]
async fn changes(
    State(server): App,
    Path(id): Path<String>,
    Query(Two { earlier, later, lang }): Query<Two>,
) -> Answer<Json<Value>> {
    blocking(server, move |server| {
        let standing = server.standing(&id, &[])?;
        let dated = server.dated(&standing)?;
        let named = |uid: Option<String>, other: Option<&(Option<Date>, usize)>| match uid {
            Some(uid) => standing
                .analysed
                .iter()
                .find(|analysed| analysed.study == uid)
                .ok_or_else(|| Problem::not_found("the case has no measured study of this UID")),
            None => other
                .map(|(_, at)| &standing.analysed[*at])
                .ok_or_else(|| Problem::bad("the case has no measured study")),
        };
        let (earlier, later) = (named(earlier, dated.first())?, named(later, dated.last())?);
        let followed = server.followed(earlier, later)?;
        Ok(Json(serde_json::to_value(server.changes_in_words(&followed, earlier, later, lang))?))
    })
    .await
}

impl Server {
    /// What has changed from the first to the last measured study of a case; none where it has not two of different
    /// days.
    pub(crate) fn course_of(&self, standing: &Standing) -> Answer<Option<Followed>> {
        let dated = self.dated(standing)?;
        let (Some((Some(first), earlier)), Some((Some(last), later))) = (dated.first(), dated.last()) else {
            return Ok(None);
        };
        if first == last {
            return Ok(None);
        }
        self.followed(&standing.analysed[*earlier], &standing.analysed[*later]).map(Some)
    }

    /// The measured studies by their dates, as places in `analysed`; those without a date first.
    fn dated(&self, standing: &Standing) -> Answer<Vec<(Option<Date>, usize)>> {
        let mut dated = Vec::new();
        for (at, analysed) in standing.analysed.iter().enumerate() {
            dated.push((self.date_of(analysed)?, at));
        }
        dated.sort();
        Ok(dated)
    }

    /// StudyDate, where it is a date.
    fn date_of(&self, analysed: &Analysed) -> Answer<Option<Date>> {
        let study = self.store.study(&analysed.study)?;
        let date = study.map(|study| first_text(&study.attributes, tags::STUDY_DATE));
        Ok(date.and_then(|date| Date::strptime("%Y%m%d", date).ok()))
    }

    fn followed(&self, earlier: &Analysed, later: &Analysed) -> Answer<Followed> {
        if earlier.study == later.study {
            return Err(Problem::bad(
                "name two different studies of the case; it needs two that are measured",
            ));
        }
        let from = [earlier, later].map(|analysed| {
            let counted = analysed.counted().map(|lesion| (lesion.id, lesion.kind));
            (&analysed.study, &analysed.labels, counted.collect::<Vec<_>>())
        });
        self.store.computed("comparison", &from, || self.follow(earlier, later))
    }

    fn follow(&self, earlier: &Analysed, later: &Analysed) -> Answer<Followed> {
        let patients = self.patients(&[earlier.study.clone(), later.study.clone()])?;
        if let [first, last] = patients.as_slice()
            && let Some(attribute) = parts_patients(first, last)
        {
            return Err(Problem::bad(format!(
                "the studies have different {attribute}: they are of two patients"
            )));
        }
        let dates = self.date_of(earlier)?.zip(self.date_of(later)?);
        let days = dates.and_then(|(from, to)| from.until(to).ok());
        let days = days.map(|span| f64::from(span.get_days()));
        // two volumes at a time: four would be too much
        let _turn = self.drawing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let read = [self.read_to_follow(earlier)?, self.read_to_follow(later)?];
        let [first, last] = read.each_ref().map(|(volume, analysis)| Study { volume, analysis });
        follow(&first, &last, days, &self.change_limits, &|_| {})
            .map_err(|error| Problem::bad(format!("the studies cannot be compared: {error}")))
    }

    /// The images of a study with masks of body and skeleton, and its lesions as the reader left them.
    fn read_to_follow(&self, analysed: &Analysed) -> Answer<(Volume, Analysis)> {
        let (volume, _) = self.volume(&analysed.study, Some(&analysed.series.uid))?;
        let options = Options { masks: Masks::All, ..Options::default() };
        let mut analysis = analyse(&volume, &options, &|_, _| {})
            .map_err(|error| Problem::bad(format!("the images cannot be measured: {error}")))?;
        analysis.lesions = analysed.counted().cloned().collect();
        analysis.labels = self.counted_labels(analysed, &analysis.lesions)?;
        Ok((volume, analysis))
    }

    fn changes_in_words<'a>(
        &self,
        followed: &'a Followed,
        earlier: &'a Analysed,
        later: &'a Analysed,
        lang: Lang,
    ) -> Told<'a> {
        let words = self.words(lang);
        let warnings = followed.warnings.iter();
        Told {
            earlier: &earlier.study,
            later: &later.study,
            days: followed.days,
            registration: words.registration(followed),
            lesions: followed.lesions.iter().map(|pair| told_pair(pair, &words)).collect(),
            burden: told_change(&followed.burden_mm3, &words),
            warnings: warnings.map(|warning| words.follow_warning(*warning)).collect(),
            limit: words.limit_of_change(&self.change_limits),
        }
    }
}

fn told_pair<'a>(pair: &'a Pair, words: &Words<'_>) -> ToldPair<'a> {
    ToldPair {
        kind_name: words.kind(pair.kind),
        outcome_name: words.outcome(pair.outcome),
        volume: told_change(&pair.volume_mm3, words),
        told: words.changes_of(pair),
        pair,
    }
}

fn told_change<'a>(change: &'a Change, words: &Words<'_>) -> ToldChange<'a> {
    ToldChange { change, verdict_name: words.verdict(change.verdict) }
}
