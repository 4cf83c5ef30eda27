use super::{Checker, JUDGEMENT, JUDGEMENT_SPAN};
use crate::advice::{Amount, Circumstance};
use crate::records::Localised;

impl Checker<'_> {
    pub(super) fn examinations(&mut self) {
        let file = "examinations.toml";
        let knowledge = self.knowledge;
        let known = &knowledge.examinations;
        let ids = || known.examinations.keys().map(String::as_str);
        let weights = &known.weights;
        let all = [
            weights.dose,
            weights.contrast,
            weights.invasiveness,
            weights.delay,
            weights.cost,
            weights.base - f64::MIN_POSITIVE,
        ];
        if !all.iter().all(|weight| *weight >= 0.0 && weight.is_finite()) {
            self.problem(file, "weights", "a weight is negative, or the base is not above 0");
        }
        self.sources_needed(file, "weights", &weights.sources);
        self.amount(file, "reporting.remarkable_odds", &known.reporting.remarkable_odds);
        self.amount(file, "reporting.better_by", &known.reporting.better_by);
        for (id, examination) in &known.examinations {
            let path = &format!("examinations.{id}");
            self.localised(file, path, &examination.names);
            self.sources_needed(file, path, &examination.sources);
            for other in [&examination.includes, &examination.after].into_iter().flatten() {
                self.known(file, path, other, ids());
                if let Some(included) = known.examinations.get(other)
                    && (included.includes.is_some() || other == id)
                {
                    self.problem(file, path, &format!("includes `{other}`, which includes another"));
                }
            }
            match &examination.modality {
                Some(modality) => {
                    self.known(file, path, modality, knowledge.modalities.keys().map(String::as_str));
                }
                None if !(examination.groups.is_empty() && examination.findings.is_empty()) => {
                    self.problem(file, path, "has findings but no modality that shows them");
                }
                None => {}
            }
            for group in &examination.groups {
                self.known(
                    file,
                    path,
                    group,
                    knowledge.vocabulary.groups.iter().map(|group| group.id.as_str()),
                );
            }
            for finding in examination.findings.iter().chain(&examination.except) {
                self.known(file, path, finding, knowledge.vocabulary.findings());
                if let Some(modality) = &examination.modality
                    && examination.findings.contains(finding)
                    && knowledge.view(modality, finding).is_none()
                {
                    self.problem(file, path, &format!("{modality} cannot show `{finding}`"));
                }
            }
            for quantity in &examination.quantities {
                self.known(file, path, quantity, knowledge.vocabulary.quantities.iter().map(String::as_str));
            }
            for analyte in &examination.analytes {
                self.known(file, path, analyte, knowledge.vocabulary.analytes.iter().map(String::as_str));
            }
            if let Some(dose) = &examination.dose_msv {
                self.amount(file, &format!("{path}.dose_msv.elsewhere"), &dose.elsewhere);
                for (site, amount) in &dose.at {
                    let path = format!("{path}.dose_msv.at.{site}");
                    self.known(file, &path, site, knowledge.vocabulary.sites.iter().map(String::as_str));
                    self.amount(file, &path, amount);
                }
            }
            self.amount(file, &format!("{path}.delay_days"), &examination.delay_days);
            if let Some(answers) = &examination.answers {
                self.amount(file, &format!("{path}.answers"), answers);
            }
            if !(1..=5).contains(&examination.cost_class) {
                self.problem(file, path, "the class of cost is not 1 to 5");
            }
            if examination.invasiveness.is_nan() || examination.invasiveness < 0.0 {
                self.problem(file, path, "the invasiveness is negative");
            }
        }
        for (id, warning) in &known.warnings {
            let path = &format!("warnings.{id}");
            self.localised(file, path, &Localised { en: warning.en.clone(), it: warning.it.clone() });
            self.sources_needed(file, path, &warning.sources);
            for examination in &warning.examinations {
                self.known(file, path, examination, ids());
            }
            if warning.examinations.is_empty()
                && warning.contrast.is_empty()
                && warning.dose_from_msv.is_none()
            {
                self.problem(file, path, "is about no examination");
            }
            self.circumstances(file, path, &warning.when);
        }
    }

    pub(super) fn alarms(&mut self) {
        let file = "alarms.toml";
        let knowledge = self.knowledge;
        for (id, alarm) in &knowledge.alarms.alarms {
            let path = &format!("alarms.{id}");
            self.localised(file, path, &alarm.names);
            self.localised(file, path, &Localised { en: alarm.en.clone(), it: alarm.it.clone() });
            self.sources_needed(file, path, &alarm.sources);
            self.circumstances(file, path, &alarm.when);
            if !alarm.unless.is_empty() {
                self.circumstances(file, path, &alarm.unless);
            }
        }
        let (strange, insufficient) = (&knowledge.alarms.strange, &knowledge.alarms.insufficient);
        self.sources_needed(file, "strange", &strange.sources);
        self.sources_needed(file, "insufficient", &insufficient.sources);
        if !(insufficient.from > 0.0 && insufficient.from < 1.0) {
            self.problem(file, "insufficient", "is not between 0 and 1");
        }
        if !strange.conflict_bits_per_fact_from.is_finite() {
            self.problem(file, "strange", "is not a number");
        }
    }

    fn circumstances(&mut self, file: &str, path: &str, when: &[Circumstance]) {
        let knowledge = self.knowledge;
        if when.is_empty() {
            self.problem(file, path, "holds in no circumstance");
        }
        for circumstance in when {
            if *circumstance == Circumstance::default() {
                self.problem(file, path, "holds always: a circumstance is empty");
            }
            let Circumstance { present, none_of, nothing_but, .. } = circumstance;
            for finding in present.iter().chain(none_of).chain(nothing_but) {
                self.known(file, path, finding, knowledge.vocabulary.findings());
            }
            for diagnosis in &circumstance.diagnoses {
                self.known(
                    file,
                    path,
                    diagnosis,
                    knowledge.diagnoses.iter().map(|diagnosis| diagnosis.id.as_str()),
                );
            }
            if let Some(analyte) = &circumstance.analyte {
                self.known(file, path, analyte, knowledge.vocabulary.analytes.iter().map(String::as_str));
                if circumstance.above.is_none()
                    && circumstance.below.is_none()
                    && circumstance.levels.is_empty()
                {
                    self.problem(file, path, &format!("says nothing of the result of `{analyte}`"));
                }
            }
            let weighs = !circumstance.diagnoses.is_empty() || circumstance.nature.is_some();
            if weighs != circumstance.probability.is_some_and(|share| share > 0.0 && share < 1.0) {
                self.problem(file, path, "diagnoses and a probability between 0 and 1 belong together");
            }
        }
    }

    fn amount(&mut self, file: &str, path: &str, amount: &Amount) {
        let Amount { best, low, high, sources } = amount;
        if !(0.0 < *low && low <= best && best <= high && high.is_finite()) {
            self.problem(file, path, &format!("[{best}, {low}, {high}] is not 0 < low <= best <= high"));
        } else if sources.iter().all(|source| source == JUDGEMENT) && high / low < JUDGEMENT_SPAN {
            self.problem(file, path, &format!("[{best}, {low}, {high}] is too narrow for a judgement"));
        }
        self.sources_needed(file, path, sources);
    }
}
