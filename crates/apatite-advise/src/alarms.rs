/*!
What must be said before the differential is read.
*/

use apatite_case::{Assertion, Case};
use apatite_knowledge::{Circumstance, Knowledge, Urgency};
use serde::Serialize;

use crate::circumstance::holds;

/// Something that must be said at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alarm {
    /// Id of the alarm in the knowledge.
    pub alarm: String,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Ids of the sources of its threshold.
    pub sources: Vec<String>,
}

/// Two findings told as present that cannot both hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Clash {
    /// Ids of the two.
    pub findings: [String; 2],
}

/// The alarms that sound in a case, most urgent first. `posterior` is in the order of the knowledge's diagnoses.
#[must_use]
pub fn alarms(case: &Case, knowledge: &Knowledge, posterior: &[f64]) -> Vec<Alarm> {
    let mut sounding = knowledge
        .alarms
        .alarms
        .iter()
        .filter(|(_, alarm)| {
            let any = |circumstances: &[Circumstance]| {
                circumstances.iter().any(|circumstance| holds(circumstance, case, knowledge, posterior))
            };
            any(&alarm.when) && !any(&alarm.unless)
        })
        .map(|(id, alarm)| Alarm {
            alarm: id.clone(),
            urgency: alarm.urgency,
            sources: alarm.sources.clone(),
        })
        .collect::<Vec<_>>();
    sounding.sort_by(|a, b| a.urgency.cmp(&b.urgency).then_with(|| a.alarm.cmp(&b.alarm)));
    sounding
}

/// Pairs of facts that contradict each other, whichever examination told them.
#[must_use]
pub fn clashes(case: &Case, knowledge: &Knowledge) -> Vec<Clash> {
    let is_present = |finding: &String| {
        case.observations.iter().any(|told| told.finding == *finding && told.assertion == Assertion::Present)
    };
    knowledge
        .contradictions
        .iter()
        .filter(|pair| pair.iter().all(is_present))
        .map(|pair| Clash { findings: pair.clone() })
        .collect()
}
