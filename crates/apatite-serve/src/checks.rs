/*!
Whether an edit names lesions and studies that are there.
*/

use apatite_follow::parts_patients;

use crate::Server;
use crate::edit::Edit;
use crate::problem::{Answer, Problem};

impl Server {
    /// Whether the lesion or the study that an edit of a case names is there, and a study that is to belong to the case
    /// of its patient.
    pub(crate) fn check_named(&self, case: &str, edit: &Edit) -> Answer<()> {
        match edit {
            Edit::Lesion { study, lesion, .. } | Edit::LesionKind { study, lesion, .. } => {
                self.check_lesion(case, study, *lesion)
            }
            Edit::Study { study, .. } => self.check_study(case, study),
            _ => Ok(()),
        }
    }

    fn check_lesion(&self, case: &str, study: &str, lesion: u16) -> Answer<()> {
        let standing = self.standing(case, &[])?;
        let analysed = standing.analysed.iter().find(|analysed| analysed.study == study);
        let analysed =
            analysed.ok_or_else(|| Problem::not_found("the case has no measured study of this UID"))?;
        if analysed.lesions.iter().any(|(known, _)| known.id == lesion) {
            return Ok(());
        }
        Err(Problem::not_found(format!("the study has no lesion {lesion}")))
    }

    fn check_study(&self, case: &str, study: &str) -> Answer<()> {
        let Some(of_study) = self.patients(&[study.to_owned()])?.pop() else {
            return Err(Problem::not_found("there is no study of this UID"));
        };
        let own = self.standing(case, &[])?.stored.studies;
        for of_case in self.patients(&own)? {
            if let Some(attribute) = parts_patients(&of_case, &of_study) {
                let told = format!(
                    "the study has another {attribute} than those of the case: it is of another patient"
                );
                return Err(Problem::bad(told));
            }
        }
        Ok(())
    }
}
