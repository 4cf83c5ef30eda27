/*!
Pictures for the report of a case.
*/

use apatite_lesion::Kind;
use apatite_report::{Picture, is_in_view, pictures_of_measured, pictures_of_shown};
use apatite_study::Measurement;
use apatite_text::Words;
use apatite_volume::Volume;
use dicom_dictionary_std::tags;

use crate::Server;
use crate::dicom::first_text;
use crate::problem::{Answer, Problem};
use crate::reading::{Analysed, Standing};

/// Modalities whose series are volumes.
const SLICED: [&str; 3] = ["CT", "MR", "PT"];
/// Fewer slices make no volume.
const FEWEST_SLICES: i64 = 4;

impl Server {
    /// Key images of a measured study, with its lesions as they stand in the case; sections of another one that is a
    /// volume; of the rest none. The measurement receives its labels.
    pub(crate) fn pictures(
        &self,
        words: &Words<'_>,
        standing: &Standing,
        study: &str,
        measured: Option<(&Analysed, &mut Measurement)>,
    ) -> Answer<Vec<Picture>> {
        // one volume at a time: two would be too much
        let _turn = self.drawing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let pictures = match measured {
            Some((analysed, measurement)) => {
                let (volume, _) = self.volume(study, Some(&measurement.series.uid))?;
                measurement.analysis.labels = self.counted_labels(analysed, &measurement.analysis.lesions)?;
                pictures_of_measured(words, &volume, measurement)
            }
            None => {
                let is_volume = self.store.series(Some(study))?.iter().any(|series| {
                    let modality = first_text(&series.attributes, tags::MODALITY);
                    SLICED.contains(&modality.as_str()) && series.instances >= FEWEST_SLICES
                });
                if !is_volume {
                    return Ok(Vec::new());
                }
                let (volume, frame) = self.volume(study, None)?;
                let lesion = self.lesion_in(&volume, &frame, &standing.analysed)?;
                pictures_of_shown(words, &volume, lesion)
            }
        };
        pictures.map_err(|error| Problem::internal(&error))
    }

    /// Centre (LPS, mm) of the first calcification that another study measured in the space of this one; the surest
    /// stand first.
    fn lesion_in(&self, volume: &Volume, frame: &str, all: &[Analysed]) -> Answer<Option<[f64; 3]>> {
        for other in all {
            let series = self.store.series(Some(&other.study))?;
            let is_same = series.iter().any(|series| {
                series.uid == other.series.uid
                    && first_text(&series.attributes, tags::FRAME_OF_REFERENCE_UID) == frame
            });
            let mut lesions = other.counted();
            let seen = |lesion: &&apatite_lesion::Lesion| {
                lesion.kind == Kind::Calcification && is_in_view(volume, lesion.centre_mm)
            };
            if let Some(lesion) = lesions.find(seen).filter(|_| is_same && !frame.is_empty()) {
                return Ok(Some(lesion.centre_mm));
            }
        }
        Ok(None)
    }
}
