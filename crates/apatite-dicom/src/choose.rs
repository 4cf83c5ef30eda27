/*!
Which series to measure.
*/

use std::cmp::Reverse;

use crate::{ReadError, Series};

pub(crate) fn choose<'a>(all: &'a [Series], wanted: Option<&str>) -> Result<&'a Series, ReadError> {
    let Some(wanted) = wanted else {
        return all
            .iter()
            .filter(|series| series.is_volume)
            .min_by_key(|series| merit(series))
            .ok_or_else(|| ReadError::NoVolume { known: names(all.iter()) });
    };
    let matching = find(all, wanted.trim());
    match matching.as_slice() {
        [] => Err(ReadError::NoSuchSeries { wanted: wanted.into(), known: names(all.iter()) }),
        [one] => Ok(one),
        several => {
            Err(ReadError::AmbiguousSeries { wanted: wanted.into(), known: names(several.iter().copied()) })
        }
    }
}

/// The closest kind of match decides: a UID before a number, a whole description before a part of one.
fn find<'a>(all: &'a [Series], wanted: &str) -> Vec<&'a Series> {
    if let Some(place) = wanted.strip_prefix('#').and_then(|number| number.parse::<usize>().ok()) {
        return place.checked_sub(1).and_then(|index| all.get(index)).into_iter().collect();
    }
    let small = wanted.to_lowercase();
    let number = wanted.parse::<i64>().ok();
    let tests: [&dyn Fn(&Series) -> bool; 4] = [
        &|series| series.uid == wanted,
        &|series| number.is_some() && series.number == number,
        &|series| series.description.to_lowercase() == small,
        &|series| !small.is_empty() && series.description.to_lowercase().contains(&small),
    ];
    tests
        .iter()
        .map(|test| all.iter().filter(|series| test(series)).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn names<'a>(series: impl Iterator<Item = &'a Series>) -> String {
    series.map(Series::name).collect::<Vec<_>>().join("; ")
}

/// Lower is better: modality, enough slices, acquired rather than derived, contrast, kernel, thickness, more slices.
type Merit = (u8, bool, bool, u8, u64, u8, Reverse<usize>);

fn merit(series: &Series) -> Merit {
    let modality = match series.modality.as_str() {
        "CT" => 0,
        "" => 1,
        "MR" => 2,
        _ => 3,
    };
    let contrast = match series.contrast {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    };
    let thickness =
        series.spacing_mm.map_or(f64::MAX, |mm| mm[2]).max(series.slice_thickness_mm.unwrap_or(0.0));
    // half a millimetre is no difference; below one none is seen
    let thickness = (thickness.max(1.0) * 2.0).round() as u64;
    // masks lie beside volumes: they come last of all
    let few = series.slices < 8 || series.is_mask;
    (modality, few, series.is_derived(), contrast, thickness, kernel(&series.kernel), Reverse(series.slices))
}

/// Soft tissue 0, bone 1, unknown 2, lung 3. Names as the vendors write them.
fn kernel(name: &str) -> u8 {
    let name = name.to_ascii_uppercase();
    // Siemens adds the algorithm behind a backslash
    let name = name.split('\\').next().unwrap_or_default().trim();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let number: Option<u32> = name
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .ok();
    if has(&["LUNG"]) || name.starts_with("BL") {
        3
    } else if has(&["SOFT", "STANDARD", "STND", "DETAIL"]) || matches!(name, "A" | "B" | "C") {
        0
    } else if has(&["BONE", "EDGE", "SHARP"]) || matches!(name, "D" | "YD" | "YB") {
        1
    } else if name.starts_with("FC") {
        // Canon: FC01 to FC29 body and head, FC30 to FC49 bone, FC50 and above lung
        match number {
            Some(0..=29) => 0,
            Some(30..=49) => 1,
            Some(_) => 3,
            None => 2,
        }
    } else if name.starts_with(['B', 'H', 'I', 'J', 'U', 'T', 'Q']) {
        // Siemens: two digits of sharpness
        match number {
            Some(0..=49) => 0,
            Some(50..=89) => 1,
            _ => 2,
        }
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::kernel;

    #[test]
    fn kernels_of_the_vendors() {
        for (name, class) in [
            ("SOFT", 0),
            ("STANDARD", 0),
            ("BONEPLUS", 1),
            ("LUNG", 3),
            ("B30f", 0),
            ("B70f", 1),
            ("Br38f\\3", 0),
            ("Bl57d", 3),
            ("FC08", 0),
            ("FC30", 1),
            ("FC51", 3),
            ("B", 0),
            ("D", 1),
            ("", 2),
        ] {
            assert_eq!(kernel(name), class, "{name}");
        }
    }
}
