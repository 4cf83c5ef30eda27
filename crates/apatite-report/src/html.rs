use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::report::{Bar, Block, Report, Span, Tone};

const STYLE: &str = include_str!("../templates/report.css");

/// The report as one HTML file that needs nothing else: no script, no network, its style allowed by its hash alone.
#[must_use]
pub fn html(report: &Report) -> String {
    let first = report.sections.first();
    let page = Page {
        report,
        style: STYLE,
        style_hash: STANDARD.encode(Sha256::digest(STYLE)),
        first: first.map_or("", |section| section.id),
        first_title: first.map_or("", |section| section.title.as_str()),
    };
    let mut out = String::new();
    // a template writes into a string without fail
    let _ = page.render_into(&mut out);
    out
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    style_hash: String,
    first: &'a str,
    first_title: &'a str,
}

/// A part of a bar on a field of 200 by 16.
enum Shape {
    Box { class: &'static str, x: String, width: String },
    Line { from: String, to: String },
    Axis { x: String },
}

const LENGTH: f64 = 200.0;

fn shapes(bar: &Bar) -> Vec<Shape> {
    let at = |share: f64| format!("{:.1}", share.clamp(0.0, 1.0) * LENGTH);
    match *bar {
        Bar::Share { value, interval, tone } => {
            let class = match tone {
                Tone::Plain => "share",
                Tone::Warning => "share warning",
                Tone::Danger => "share danger",
            };
            let mut shapes = vec![
                Shape::Box { class: "track", x: at(0.0), width: at(1.0) },
                Shape::Box { class, x: at(0.0), width: at(value) },
            ];
            if let Some([low, high]) = interval {
                shapes.push(Shape::Line { from: at(low), to: at(high) });
            }
            shapes
        }
        Bar::Weight { value } => {
            let half = value.clamp(-1.0, 1.0) / 2.0;
            let (class, x) = if half < 0.0 { ("against", 0.5 + half) } else { ("for", 0.5) };
            vec![
                Shape::Box { class: "track", x: at(0.0), width: at(1.0) },
                Shape::Box { class, x: at(x), width: at(half.abs()) },
                Shape::Axis { x: at(0.5) },
            ]
        }
    }
}

fn tone(tone: &Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Warning => "warning",
        Tone::Danger => "danger",
    }
}

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
