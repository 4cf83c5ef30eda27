/*!
The whole knowledge as a folder of Markdown pages.
*/

use std::fmt::Write as _;

use crate::card::card;
use crate::words::Words;

/// Path and text of every page, in one language.
#[must_use]
pub fn manual(words: &Words<'_>) -> Vec<(String, String)> {
    let knowledge = words.knowledge;
    let language = words.language.code();
    let mut pages = Vec::new();
    let mut index = format!("# {}\n\n{}\n", words.text("manual-title", &[]), words.text("manual-intro", &[]));

    let _ = writeln!(index, "\n## {}", words.text("manual-diagnoses", &[]));
    for mechanism in &knowledge.vocabulary.mechanisms {
        let _ = writeln!(index, "\n### {}\n", words.mechanism(mechanism));
        for diagnosis in knowledge.diagnoses.iter().filter(|diagnosis| diagnosis.mechanism == *mechanism) {
            let _ = writeln!(index, "- [{}](diagnoses/{}.md)", words.diagnosis(&diagnosis.id), diagnosis.id);
            if let Some(page) = card(words, &diagnosis.id) {
                pages.push((format!("{language}/diagnoses/{}.md", diagnosis.id), page));
            }
        }
    }
    let _ = writeln!(index, "\n## {}\n", words.text("manual-conditions", &[]));
    for condition in &knowledge.conditions {
        let _ =
            writeln!(index, "- [{}](conditions/{}.md)", condition.names.get(words.language), condition.id);
        if let Some(page) = card(words, &condition.id) {
            pages.push((format!("{language}/conditions/{}.md", condition.id), page));
        }
    }
    let _ = writeln!(index, "\n## {}", words.text("manual-findings", &[]));
    for group in &knowledge.vocabulary.groups {
        let name = knowledge
            .findings
            .groups
            .get(&group.id)
            .map_or(group.id.as_str(), |known| known.names.get(words.language));
        let _ = writeln!(index, "\n- [{name}](findings/{}.md)", group.id);
        let page =
            group.findings.iter().filter_map(|finding| card(words, finding)).collect::<Vec<_>>().join("\n");
        pages.push((format!("{language}/findings/{}.md", group.id), page));
    }
    let _ = writeln!(index, "\n## {}\n", words.text("manual-analytes", &[]));
    let mut analytes = String::new();
    for analyte in &knowledge.vocabulary.analytes {
        if let Some(page) = card(words, analyte) {
            let _ = writeln!(analytes, "{page}");
        }
    }
    let _ = writeln!(index, "- [{}](analytes.md)", words.text("manual-analytes", &[]));
    pages.push((format!("{language}/analytes.md"), analytes));
    pages.push((format!("{language}/README.md"), index));
    pages.sort();
    pages
}
