/*!
The network in formats that other engines read.

Numbers are written with 17 significant digits, so that reading them back gives the same doubles.
*/

use std::fmt::Write as _;

use crate::network::{Network, Variable};

/// The network as XMLBIF 0.3.
///
/// `properties` are written as `<PROPERTY>name = value</PROPERTY>` of the network: what is needed to reproduce a query.
#[must_use]
pub fn to_xmlbif(network: &Network, name: &str, properties: &[(String, String)]) -> String {
    let mut out =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<BIF VERSION=\"0.3\">\n<NETWORK>\n");
    let _ = writeln!(out, "<NAME>{}</NAME>", escape(name));
    for (key, value) in properties {
        let _ = writeln!(out, "<PROPERTY>{} = {}</PROPERTY>", escape(key), escape(value));
    }
    for variable in network.variables() {
        let _ = write!(out, "<VARIABLE TYPE=\"nature\"><NAME>{}</NAME>", escape(&variable.name));
        for state in &variable.states {
            let _ = write!(out, "<OUTCOME>{}</OUTCOME>", escape(state));
        }
        out.push_str("</VARIABLE>\n");
    }
    for variable in network.variables() {
        let _ = write!(out, "<DEFINITION><FOR>{}</FOR>", escape(&variable.name));
        for parent in &variable.parents {
            let _ = write!(out, "<GIVEN>{}</GIVEN>", escape(&network.variable(*parent).name));
        }
        out.push_str("<TABLE>");
        write_numbers(&mut out, &variable.table, " ");
        out.push_str("</TABLE></DEFINITION>\n");
    }
    out.push_str("</NETWORK>\n</BIF>\n");
    out
}

/// The network in the Bayesian Interchange Format (BIF).
#[must_use]
pub fn to_bif(network: &Network, name: &str, properties: &[(String, String)]) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "network \"{}\" {{", name.replace('"', "'"));
    for (key, value) in properties {
        let _ = writeln!(out, "  property \"{} = {}\" ;", key.replace('"', "'"), value.replace('"', "'"));
    }
    out.push_str("}\n");
    for variable in network.variables() {
        let _ = writeln!(
            out,
            "variable {} {{\n  type discrete [ {} ] {{ {} }};\n}}",
            bif_name(&variable.name),
            variable.states.len(),
            variable.states.iter().map(|state| bif_name(state)).collect::<Vec<_>>().join(", ")
        );
    }
    for variable in network.variables() {
        let _ = write!(out, "probability ( {}", bif_name(&variable.name));
        let parents = variable.parents.iter().map(|parent| network.variable(*parent)).collect::<Vec<_>>();
        if !parents.is_empty() {
            let names = parents.iter().map(|parent| bif_name(&parent.name)).collect::<Vec<_>>();
            let _ = write!(out, " | {}", names.join(", "));
        }
        out.push_str(" ) {\n");
        for (row, entries) in variable.table.chunks(variable.states.len()).enumerate() {
            if parents.is_empty() {
                out.push_str("  table ");
            } else {
                let _ = write!(out, "  ({}) ", row_states(&parents, row).join(", "));
            }
            write_numbers(&mut out, entries, ", ");
            out.push_str(";\n");
        }
        out.push_str("}\n");
    }
    out
}

/// The states of the parents in one row of the table.
fn row_states(parents: &[&Variable], mut row: usize) -> Vec<String> {
    let mut states = Vec::with_capacity(parents.len());
    for parent in parents.iter().rev() {
        states.push(bif_name(&parent.states[row % parent.states.len()]));
        row /= parent.states.len();
    }
    states.reverse();
    states
}

fn write_numbers(out: &mut String, numbers: &[f64], separator: &str) {
    for (index, number) in numbers.iter().enumerate() {
        if index > 0 {
            out.push_str(separator);
        }
        let _ = write!(out, "{number:.16e}");
    }
}

/// BIF names are words: letters, digits and underscores.
fn bif_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
