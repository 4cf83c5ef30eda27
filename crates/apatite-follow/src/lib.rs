/*!
Two CT studies of one patient: what has changed.

[`follow`] registers the studies on the skeleton, pairs the lesions that were found in each, and compares volume, mass,
density and rim. A difference is called a change only beyond the limit of repeatability (`knowledge/change.toml`) and
beyond the uncertainty of the two measurements. The crate reads no file and makes no diagnosis.

Patient coordinates are DICOM's (LPS, mm), each study's own; [`Registration::earlier_from_later`] maps one to the other.
Equal input gives equal output on any number of threads.
*/

mod change;
mod image;
mod pairing;
mod register;
mod rigid;

use apatite_lesion::{Analysis, Kind, Lesion};
use apatite_volume::{Labels, Volume};
use serde::{Deserialize, Serialize};

pub use change::{
    Change, DensityLimit, FindingLimit, Limits, LimitsError, Measured, ShareLimit, Verdict, VolumeLimit,
};
pub use register::Registration;
pub use rigid::Rigid;

/// One study as it was read and analysed.
#[derive(Clone, Copy, Debug)]
pub struct Study<'a> {
    /// The images.
    pub volume: &'a Volume,
    /// Its analysis, with [`apatite_lesion::Masks::All`]: registration needs the body.
    pub analysis: &'a Analysis,
}

/// What has changed between two studies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Followed {
    /// How the studies lie to each other.
    pub registration: Registration,
    /// Days from the earlier to the later study.
    pub days: Option<f64>,
    /// The lesions, paired; ids from 1 in this order.
    pub lesions: Vec<Pair>,
    /// Volume of all lesions in the view of both studies, mm³.
    pub burden_mm3: Change,
    /// What limits the comparison.
    pub warnings: Vec<Warning>,
}

/// A lesion, or lesions that belong together, in both studies.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Pair {
    /// Its number, and its value in [`Followed::labels`].
    pub id: u16,
    /// What became of it.
    pub outcome: Outcome,
    /// What it is: the kind of the largest member.
    pub kind: Kind,
    /// Ids of the lesions in the earlier study.
    pub earlier: Vec<u16>,
    /// Ids of the lesions in the later study.
    pub later: Vec<u16>,
    /// Centre, patient coordinates of the earlier study, mm.
    pub centre_mm: [f64; 3],
    /// Volume corrected for partial volume, mm³.
    pub volume_mm3: Change,
    /// Sum of HU times volume, HU·mm³.
    pub mass_hu_mm3: Change,
    /// Mean attenuation, HU; where it is in both studies.
    pub density_hu: Option<Change>,
    /// Findings that came or went; where it is in both studies.
    pub findings: Vec<FindingChange>,
    /// Growth of the volume, mm³ per month, with its 95 % interval; where the dates are known and it is a change.
    pub growth_mm3_per_month: Option<[f64; 3]>,
}

/// What became of a lesion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One lesion in each study.
    Matched,
    /// One became several.
    Split,
    /// Several became one.
    Merged,
    /// Several became several others.
    Regrouped,
    /// Only in the later study.
    New,
    /// Only in the earlier study.
    Gone,
    /// In one study only, but the other has mineral in its place that was not told apart from bone or another structure.
    Unsettled,
    /// Not wholly in the view of both studies: not compared.
    OutOfView,
}

impl Outcome {
    /// Its word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Split => "split",
            Self::Merged => "merged",
            Self::Regrouped => "regrouped",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Unsettled => "unsettled",
            Self::OutOfView => "out_of_view",
        }
    }
}

/// A finding that came or went.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct FindingChange {
    /// Id of the vocabulary.
    pub id: String,
    /// Probability in the earlier study.
    pub earlier: f64,
    /// Probability in the later study.
    pub later: f64,
}

/// What limits a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// The studies have different kernels or tube voltages: attenuation does not compare.
    Protocol,
    /// The skeletons fit, and not as well as those of one patient mostly do.
    LooseFit,
    /// Less than half of the earlier study's body is in view in the later.
    LittleInCommon,
    /// Voxels of the studies differ by half or more.
    VoxelSize,
    /// There are no dates, or the earlier study is not the earlier one.
    Dates,
}

impl Warning {
    /// Its word, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Protocol => "protocol",
            Self::LooseFit => "loose_fit",
            Self::LittleInCommon => "little_in_common",
            Self::VoxelSize => "voxel_size",
            Self::Dates => "dates",
        }
    }
}

/// Why two studies cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// An analysis without masks.
    #[error("the studies were analysed without a mask of the body: analyse them with all masks")]
    NoMasks,
    /// Nothing to register on.
    #[error("one of the studies shows no skeleton to register on: choose series that show bone")]
    NoSkeleton,
    /// The views hardly meet.
    #[error(
        "only {common_cm3:.1} cm³ of bone are in view in both studies, too little to register on: choose series of the same region"
    )]
    TooLittleBone {
        /// Bone in common view, cm³.
        common_cm3: f64,
    },
    /// Another patient, another side, another region, or a joint bent otherwise.
    #[error(
        "the skeletons do not fit: {overlap_percent:.0} % of the bone overlaps and its edges are {residual_mm:.1} mm apart; \
         the studies must show the same region and side of one patient, with the joints held alike"
    )]
    NoFit {
        /// Overlap of bone, per cent.
        overlap_percent: f64,
        /// Median distance of the edges of bone, mm.
        residual_mm: f64,
    },
}

/// The attribute by which two studies are of two patients, given PatientID, PatientBirthDate and PatientSex of each;
/// what is empty tells nothing. Numbers of patients differ from hospital to hospital; who was born on another day is
/// somebody else.
#[must_use]
pub fn parts_patients(a: &[String; 3], b: &[String; 3]) -> Option<&'static str> {
    let differs = |at: usize| !a[at].is_empty() && !b[at].is_empty() && a[at] != b[at];
    [(1, "PatientBirthDate"), (2, "PatientSex")]
        .into_iter()
        .find(|(at, _)| differs(*at))
        .map(|(_, name)| name)
}

/// Mean length of a month, days.
const MONTH_DAYS: f64 = 365.25 / 12.0;

/// Compares two studies; `days` from the earlier to the later, where known. `progress` is told the share that is done.
///
/// # Errors
/// An analysis without masks; skeletons that are missing, hardly meet or do not fit.
pub fn follow(
    earlier: &Study,
    later: &Study,
    days: Option<f64>,
    limits: &Limits,
    progress: &dyn Fn(f64),
) -> Result<Followed, FollowError> {
    for study in [earlier, later] {
        if study.analysis.body.is_none() {
            return Err(FollowError::NoMasks);
        }
    }
    let registration = register::register(earlier, later, &|share| progress(0.8 * share))?;
    progress(0.8);
    let days = days.filter(|days| *days > 0.0);
    let mut lesions: Vec<Pair> = pairing::groups(earlier, later, &registration.earlier_from_later)
        .iter()
        .filter_map(|group| pair(group, earlier, later, &registration, days, limits))
        .collect();
    // what is compared first, then by falling volume
    lesions.sort_by(|a, b| {
        let size = |pair: &Pair| pair.volume_mm3.earlier.value.max(pair.volume_mm3.later.value);
        (a.outcome == Outcome::OutOfView)
            .cmp(&(b.outcome == Outcome::OutOfView))
            .then(size(b).total_cmp(&size(a)))
            .then(a.earlier.cmp(&b.earlier))
            .then(a.later.cmp(&b.later))
    });
    for (place, pair) in lesions.iter_mut().enumerate() {
        pair.id = (place + 1).min(usize::from(u16::MAX)) as u16;
    }
    progress(1.0);
    Ok(Followed {
        warnings: warnings(earlier, later, &registration, days),
        burden_mm3: burden(&lesions, limits),
        registration,
        days,
        lesions,
    })
}

impl Followed {
    /// The lesions of one study under their common ids, on its own grid.
    #[must_use]
    pub fn labels(&self, analysis: &Analysis, of_later: bool) -> Labels {
        let most = analysis.lesions.iter().map(|lesion| usize::from(lesion.id)).max().unwrap_or(0);
        let mut common = vec![0; most + 1];
        for pair in &self.lesions {
            for &id in if of_later { &pair.later } else { &pair.earlier } {
                common[usize::from(id)] = pair.id;
            }
        }
        let values = analysis
            .labels
            .values
            .iter()
            .map(|&label| common.get(usize::from(label)).copied().unwrap_or(0))
            .collect();
        Labels { values, ..analysis.labels.clone() }
    }
}

fn pair(
    group: &pairing::Group,
    earlier: &Study,
    later: &Study,
    registration: &Registration,
    days: Option<f64>,
    limits: &Limits,
) -> Option<Pair> {
    let members = |study: &Study, ids: &[u16]| -> Vec<Lesion> {
        study.analysis.lesions.iter().filter(|lesion| ids.contains(&lesion.id)).cloned().collect()
    };
    let (before, after) = (members(earlier, &group.earlier), members(later, &group.later));
    let kind = before
        .iter()
        .chain(&after)
        .filter(|lesion| matches!(lesion.kind, Kind::Calcification | Kind::Vascular))
        .max_by(|a, b| a.volume_mm3.total_cmp(&b.volume_mm3))?
        .kind;
    let outcome = match (before.len(), after.len()) {
        _ if !group.in_view => Outcome::OutOfView,
        (0, _) | (_, 0) if group.mineral_without_label => Outcome::Unsettled,
        (0, _) => Outcome::New,
        (_, 0) => Outcome::Gone,
        (1, 1) => Outcome::Matched,
        (1, _) => Outcome::Split,
        (_, 1) => Outcome::Merged,
        _ => Outcome::Regrouped,
    };
    let centre_mm = if before.is_empty() {
        registration.earlier_from_later.apply(centre(&after))
    } else {
        centre(&before)
    };
    let volumes = [volume(&before), volume(&after)];
    let limit = limits.volume_mm3(volumes[0].value.max(volumes[1].value));
    let volume_mm3 = Change::between(volumes[0], volumes[1], limit);
    let masses = [mass(&before, volumes[0]), mass(&after, volumes[1])];
    let largest = volumes[0].value.max(volumes[1].value).max(1.0);
    let mass_limit = limits.mass.factor * limit / largest * masses[0].value.max(masses[1].value);
    let both = !before.is_empty() && !after.is_empty();
    let density_hu = both.then(|| {
        let densities = [density(&before, earlier), density(&after, later)];
        let limit = limits.density.hu.max(limits.density.share * densities[0].value.abs());
        Change::between(densities[0], densities[1], limit)
    });
    let compared = outcome != Outcome::OutOfView && outcome != Outcome::Unsettled;
    let settled =
        |change: Change| if compared { change } else { Change { verdict: Verdict::NoChange, ..change } };
    let growth_mm3_per_month = days.filter(|_| volume_mm3.verdict != Verdict::NoChange).map(|days| {
        [volume_mm3.difference, volume_mm3.interval[0], volume_mm3.interval[1]]
            .map(|mm3| mm3 / days * MONTH_DAYS)
    });
    Some(Pair {
        id: 0,
        outcome,
        kind,
        earlier: group.earlier.clone(),
        later: group.later.clone(),
        centre_mm,
        volume_mm3,
        mass_hu_mm3: settled(Change::between(masses[0], masses[1], mass_limit)),
        density_hu,
        findings: if both { findings(&before, &after, limits) } else { Vec::new() },
        growth_mm3_per_month,
    })
}

fn centre(lesions: &[Lesion]) -> [f64; 3] {
    let whole: f64 = lesions.iter().map(|lesion| lesion.volume_mm3).sum();
    std::array::from_fn(|axis| {
        lesions.iter().map(|lesion| lesion.centre_mm[axis] * lesion.volume_mm3).sum::<f64>() / whole.max(1e-9)
    })
}

fn volume(lesions: &[Lesion]) -> Measured {
    Measured {
        // the sum of nothing is -0
        value: lesions.iter().map(|lesion| lesion.volume_partial_mm3).sum::<f64>() + 0.0,
        sd: (lesions.iter().map(|lesion| lesion.volume_uncertainty_mm3.powi(2)).sum::<f64>() + 0.0).sqrt(),
    }
}

/// The mass is as sure as the volume it is summed over.
fn mass(lesions: &[Lesion], volume: Measured) -> Measured {
    let value = lesions.iter().map(|lesion| lesion.hu_mm3).sum::<f64>() + 0.0;
    Measured { value, sd: if volume.value > 0.0 { value * volume.sd / volume.value } else { 0.0 } }
}

/// Mean attenuation: as sure as the noise over the voxels and a tenth of the spread within the lesion, which the edge of
/// the mask decides.
fn density(lesions: &[Lesion], study: &Study) -> Measured {
    let whole: f64 = lesions.iter().map(|lesion| lesion.volume_mm3).sum::<f64>().max(1e-9);
    let mean = |of: &dyn Fn(&Lesion) -> f64| {
        lesions.iter().map(|lesion| of(lesion) * lesion.volume_mm3).sum::<f64>() / whole
    };
    let voxels = (whole / study.volume.geometry.voxel_mm3()).max(1.0);
    let noise = study.analysis.noise_hu / voxels.sqrt();
    Measured { value: mean(&|lesion| lesion.mean_hu), sd: noise.hypot(0.1 * mean(&|lesion| lesion.sd_hu)) }
}

/// Findings that were improbable in all members of one study and are probable in a member of the other.
fn findings(before: &[Lesion], after: &[Lesion], limits: &Limits) -> Vec<FindingChange> {
    let highest = |lesions: &[Lesion], id: &str| {
        lesions
            .iter()
            .flat_map(|lesion| &lesion.findings)
            .filter(|finding| finding.id == id)
            .map(|finding| finding.probability)
            .fold(0.0, f64::max)
    };
    let mut ids: Vec<&str> = before
        .iter()
        .chain(after)
        .flat_map(|lesion| lesion.findings.iter().map(|finding| finding.id.as_str()))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter()
        .filter_map(|id| {
            let (earlier, later) = (highest(before, id), highest(after, id));
            let limit = &limits.finding;
            let moved = earlier.min(later) <= limit.absent_below && earlier.max(later) >= limit.present_from;
            moved.then(|| FindingChange { id: id.to_owned(), earlier, later })
        })
        .collect()
}

/// All that was compared, together.
fn burden(lesions: &[Pair], limits: &Limits) -> Change {
    let sum = |of: &dyn Fn(&Pair) -> Measured| {
        let compared = || {
            lesions
                .iter()
                .filter(|pair| !matches!(pair.outcome, Outcome::OutOfView | Outcome::Unsettled))
                .map(of)
        };
        Measured {
            value: compared().map(|measured| measured.value).sum::<f64>() + 0.0,
            sd: (compared().map(|measured| measured.sd.powi(2)).sum::<f64>() + 0.0).sqrt(),
        }
    };
    let (earlier, later) = (sum(&|pair| pair.volume_mm3.earlier), sum(&|pair| pair.volume_mm3.later));
    Change::between(earlier, later, limits.volume_mm3(earlier.value.max(later.value)))
}

fn warnings(earlier: &Study, later: &Study, registration: &Registration, days: Option<f64>) -> Vec<Warning> {
    const LITTLE: f64 = 0.5;
    const COARSER: f64 = 1.5;
    let mut warnings = Vec::new();
    let (a, b) = (&earlier.volume.acquisition, &later.volume.acquisition);
    let voltages = a.tube_voltage_kv.zip(b.tube_voltage_kv);
    if a.kernel != b.kernel || voltages.is_some_and(|(a, b)| (a - b).abs() > 0.5) {
        warnings.push(Warning::Protocol);
    }
    if registration.loose {
        warnings.push(Warning::LooseFit);
    }
    if registration.common_view < LITTLE {
        warnings.push(Warning::LittleInCommon);
    }
    let (a, b) = (earlier.volume.geometry.voxel_mm3().cbrt(), later.volume.geometry.voxel_mm3().cbrt());
    if a.max(b) > COARSER * a.min(b) {
        warnings.push(Warning::VoxelSize);
    }
    if days.is_none() {
        warnings.push(Warning::Dates);
    }
    warnings
}
