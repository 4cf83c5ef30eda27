//! From measurement to findings of the vocabulary.

use crate::candidate::Scene;
use crate::kind::Group;
use crate::grid::Run;
use crate::{FindingEvidence, Lesion};

pub(crate) fn lesions(_scene: &Scene, _groups: &[Group], _masks: &[Vec<Run>], _lesions: &mut [Lesion]) {}

pub(crate) fn region(_scene: &Scene) -> Option<FindingEvidence> {
    None
}

pub(crate) fn study(_scene: &Scene, _lesions: &[Lesion]) -> Vec<FindingEvidence> {
    Vec::new()
}
