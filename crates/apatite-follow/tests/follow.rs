//! Two studies of phantoms whose motion and growth are known. The whole trial is `examples/trial.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use apatite_follow::{Change, FollowError, Followed, Limits, Measured, Outcome, Study, Verdict, follow};
use apatite_lesion::{Analysis, analyse};
use apatite_phantom::{Options, PatientPosition, Phantom, Visit, make};

const LIMITS: &str = include_str!("../../../knowledge/change.toml");

fn scan(pattern: &str, position: Option<PatientPosition>, visit: Option<Visit>) -> (Phantom, Analysis) {
    let size = Some([128, 128, 80]);
    let phantom = make(pattern, &Options { seed: 3, position, size, visit, ..Options::default() }).unwrap();
    let options =
        apatite_lesion::Options { masks: apatite_lesion::Masks::All, ..apatite_lesion::Options::default() };
    let analysis = analyse(&phantom.volume, &options, &|_, _| {}).unwrap();
    (phantom, analysis)
}

fn study((phantom, analysis): &(Phantom, Analysis)) -> Study<'_> {
    Study { volume: &phantom.volume, analysis }
}

fn compare(earlier: &(Phantom, Analysis), later: &(Phantom, Analysis)) -> Result<Followed, FollowError> {
    follow(&study(earlier), &study(later), Some(56.0), &Limits::read(LIMITS).unwrap(), &|_| {})
}

#[test]
fn a_thigh_that_is_turned_and_shifted_is_followed() {
    let first = scan("myositis_ossificans", None, None);
    for (growth, turned_degrees, position) in
        [(0.0, 12.0, PatientPosition::FeetFirstProne), (0.5, 7.0, PatientPosition::HeadFirstRight)]
    {
        let visit = Visit { growth, turned_degrees, shifted_mm: 8.0, weeks: 8, ..Visit::again(2) };
        let second = scan("myositis_ossificans", Some(position), Some(visit));
        let followed = compare(&first, &second).unwrap();
        // the same lesions meet where the truth has them
        for (before, after) in first.0.lesions.iter().zip(&second.0.lesions) {
            let there = followed.registration.earlier_from_later.apply(after.centre_mm);
            // what the view or a bone cuts off in one study has its centre elsewhere
            let whole = (after.volume_mm3 / before.volume_mm3 / (1.0 + growth) - 1.0).abs() < 0.04;
            let off: f64 = (0..3).map(|axis| (there[axis] - before.centre_mm[axis]).powi(2)).sum();
            assert!(!whole || off.sqrt() < 1.0, "lesion {} is {:.2} mm off", before.id, off.sqrt());
        }
        assert!((followed.registration.earlier_from_later.angle_degrees() - turned_degrees).abs() < 1.0);
        assert!(
            followed.lesions.iter().any(|pair| pair.outcome == Outcome::Matched),
            "{:?}",
            followed.lesions
        );
        let truth = |phantom: &Phantom| phantom.lesions.iter().map(|lesion| lesion.volume_mm3).sum::<f64>();
        let change = truth(&second.0) - truth(&first.0);
        let burden = followed.burden_mm3;
        assert!(burden.interval[0] <= change && change <= burden.interval[1], "{change}: {burden:?}");
        for pair in &followed.lesions {
            assert!(growth > 0.0 || pair.volume_mm3.verdict == Verdict::NoChange, "{pair:?}");
            assert!(pair.volume_mm3.verdict != Verdict::Decreased, "{pair:?}");
        }
        // the masks carry the common ids
        let masks = [followed.labels(&first.1, false), followed.labels(&second.1, true)];
        for pair in &followed.lesions {
            assert_eq!(masks[0].values.contains(&pair.id), !pair.earlier.is_empty(), "{}", pair.id);
            assert_eq!(masks[1].values.contains(&pair.id), !pair.later.is_empty(), "{}", pair.id);
        }
    }
}

#[test]
fn another_region_is_refused() {
    let thigh = scan("normal_thigh", None, None);
    let foot = scan("normal_foot", None, None);
    assert!(matches!(
        compare(&thigh, &foot),
        Err(FollowError::NoFit { .. } | FollowError::TooLittleBone { .. })
    ));
    let bare = Analysis { body: None, ..thigh.1.clone() };
    let error = compare(&thigh, &(thigh.0.clone(), bare)).unwrap_err();
    assert_eq!(error, FollowError::NoMasks);
}

#[test]
fn a_change_is_one_beyond_limit_and_interval_only() {
    let measured = |value: f64, sd: f64| Measured { value, sd };
    let table = [
        (measured(100.0, 5.0), measured(160.0, 5.0), 50.0, Verdict::Increased),
        (measured(100.0, 5.0), measured(140.0, 5.0), 50.0, Verdict::NoChange),
        (measured(100.0, 30.0), measured(160.0, 30.0), 50.0, Verdict::NoChange),
        (measured(160.0, 5.0), measured(100.0, 5.0), 50.0, Verdict::Decreased),
        (measured(0.0, 0.0), measured(60.0, 10.0), 50.0, Verdict::Increased),
    ];
    for (earlier, later, limit, verdict) in table {
        assert_eq!(Change::between(earlier, later, limit).verdict, verdict, "{earlier:?} {later:?}");
    }
    // 0.16 V + 4.30 √V + 0.23 · 25 - 5.00, by hand
    let limits = Limits::read(LIMITS).unwrap();
    assert!((limits.volume_mm3(400.0) - 150.75).abs() < 1e-9);
    for (from, to, wrong) in [
        ("per_mm3             = 0.16", "per_mm3             = -1", "at least 0"),
        ("absent_below = 0.25", "absent_below = 0.9", "less than present_from"),
        ("factor  = 1.0", "factor  = \"one\"", "invalid type"),
    ] {
        let error = Limits::read(&LIMITS.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}
