/// The candidates most like what was written, best first, at most three.
#[must_use]
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let written = written.to_lowercase().replace([' ', '-'], "_");
    let mut scored = candidates
        .into_iter()
        .map(|candidate| {
            (strsim::jaro_winkler(&written, candidate).max(shared_words(&written, candidate)), candidate)
        })
        .filter(|(score, _)| *score > 0.8)
        .collect::<Vec<_>>();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// `calcification_periarticular` is near `periarticular`: what is written may have words too many or too few.
fn shared_words(a: &str, b: &str) -> f64 {
    let (a, b) = (a.split('_').collect::<Vec<_>>(), b.split('_').collect::<Vec<_>>());
    let shared = a.iter().filter(|word| word.len() > 2 && b.contains(word)).count();
    if shared == 0 { 0.0 } else { 0.7 + 0.3 * (2 * shared) as f64 / (a.len() + b.len()) as f64 }
}
