//! Draws what was laid out, and writes what it means.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::configure::{Configuration, Validator};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{
    ArtifactType, ContentTag, Identifier, ListNumbering, Node as TagNode, SpanTag, TableHeaderScope, Tag,
    TagGroup, TagKind, TagTree,
};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use krilla::{Document, SerializeSettings};

use super::PdfError;
use super::flow::{Child, Item, Layout, Meaning, PAGE};
use super::letters::{Colour, Letters, Run};
use crate::report::Report;

/// Identifiers of what was drawn, by leaf.
type Drawn = BTreeMap<usize, Identifier>;

pub(super) fn emit(report: &Report, letters: &Letters, layout: &Layout) -> Result<Vec<u8>, PdfError> {
    let settings = SerializeSettings {
        configuration: Configuration::new_with_validator(Validator::A2_A),
        enable_tagging: true,
        ..SerializeSettings::default()
    };
    let mut document = Document::new_with(settings);
    let font = |is_bold| Font::new(Letters::file(is_bold).to_vec().into(), 0).ok_or(PdfError::Font);
    let fonts = [font(false)?, font(true)?];
    let mut drawn = Drawn::new();
    for items in &layout.pages {
        let Some(page_settings) = PageSettings::from_wh(PAGE[0], PAGE[1]) else { continue };
        let mut page = document.start_page_with(page_settings);
        let mut surface = page.surface();
        for item in items {
            draw(&mut surface, item, letters, &fonts, &mut drawn)?;
        }
        surface.finish();
        for item in items {
            if let Item::Link { place, url, leaf } = item
                && let Some(rect) = rect(*place)
            {
                let target = Target::Action(Action::Link(LinkAction::new(url.clone())));
                let link = Annotation::new_link(LinkAnnotation::new(rect, target), Some(url.clone()));
                drawn.insert(*leaf, page.add_tagged_annotation(link));
            }
        }
        page.finish();
    }
    let mut tree = TagTree::new().with_lang(Some(report.language.code().to_owned()));
    for child in &layout.nodes[0].children {
        if let Some(node) = node(child, layout, &mut drawn) {
            tree.push(node);
        }
    }
    document.set_tag_tree(tree);
    let mut outline = Outline::new();
    for (title, page, y) in &layout.outline {
        let place = XyzDestination::new(*page, Point::from_xy(0.0, *y));
        outline.push_child(OutlineNode::new(title.clone(), place));
    }
    document.set_outline(outline);
    document.set_metadata(metadata(report));
    document.finish().map_err(|error| PdfError::Standard { reason: format!("{error:?}") })
}

fn metadata(report: &Report) -> Metadata {
    let stamp = report.stamp;
    let date = DateTime::new(stamp.year().unsigned_abs())
        .month(stamp.month().unsigned_abs())
        .day(stamp.day().unsigned_abs());
    Metadata::new()
        .title(format!("{} - {}", report.title, report.kind))
        .description(report.intended_use.clone())
        .language(report.language.code().to_owned())
        .creator(report.program.clone())
        .creation_date(date)
}

fn draw(
    surface: &mut Surface<'_>,
    item: &Item,
    letters: &Letters,
    fonts: &[Font; 2],
    drawn: &mut Drawn,
) -> Result<(), PdfError> {
    match item {
        Item::Text { at, size, run, leaf } => {
            let language = run.style.is_english.then_some("en");
            let tag = match leaf {
                Some(_) => ContentTag::Span(SpanTag::empty().with_lang(language)),
                None => ContentTag::Artifact(ArtifactType::Other),
            };
            let identifier = surface.start_tagged(tag);
            draw_run(surface, *at, *size, run, letters, fonts);
            surface.end_tagged();
            if let Some(leaf) = leaf {
                drawn.insert(*leaf, identifier);
            }
        }
        Item::Box { place, colour } => {
            let Some(rect) = rect(*place) else { return Ok(()) };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            let Some(path) = path.finish() else { return Ok(()) };
            surface.start_tagged(ContentTag::Artifact(ArtifactType::Other));
            fill(surface, *colour);
            surface.draw_path(&path);
            surface.end_tagged();
        }
        Item::Picture { place: [left, top, width, height], png, leaf } => {
            let image =
                Image::from_png(png.clone().into(), false).map_err(|reason| PdfError::Picture { reason })?;
            let Some(size) = Size::from_wh(*width, *height) else { return Ok(()) };
            let identifier = surface.start_tagged(ContentTag::Other);
            surface.push_transform(&Transform::from_translate(*left, *top));
            surface.draw_image(image, size);
            surface.pop();
            surface.end_tagged();
            drawn.insert(*leaf, identifier);
        }
        // what can be clicked is no drawing
        Item::Link { .. } => {}
    }
    Ok(())
}

fn draw_run(
    surface: &mut Surface<'_>,
    at: [f32; 2],
    size: f32,
    run: &Run,
    letters: &Letters,
    fonts: &[Font; 2],
) {
    let glyphs = letters
        .shape(&run.text, run.style.is_bold)
        .into_iter()
        .map(|shaped| {
            let [x, y] = shaped.offset;
            KrillaGlyph::new(GlyphId::new(shaped.glyph), shaped.advance, x, y, 0.0, shaped.range, None)
        })
        .collect::<Vec<_>>();
    fill(surface, run.style.colour);
    let font = fonts[usize::from(run.style.is_bold)].clone();
    surface.draw_glyphs(Point::from_xy(at[0], at[1]), &glyphs, font, &run.text, size, false);
}

fn fill(surface: &mut Surface<'_>, [red, green, blue]: Colour) {
    surface.set_fill(Some(Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }));
}

/// None where there is nothing to see.
fn rect([left, top, width, height]: [f32; 4]) -> Option<Rect> {
    if width > 0.0 && height > 0.0 { Rect::from_xywh(left, top, width, height) } else { None }
}

/// A node with everything below it; none where an item was too small to draw.
fn node(child: &Child, layout: &Layout, drawn: &mut Drawn) -> Option<TagNode> {
    match child {
        Child::Leaf(leaf) => drawn.remove(leaf).map(TagNode::Leaf),
        Child::Node(index) => {
            let own = &layout.nodes[*index];
            let children = own.children.iter().filter_map(|child| node(child, layout, drawn)).collect();
            Some(TagNode::Group(TagGroup::with_children(tag(&own.meaning), children)))
        }
    }
}

fn tag(meaning: &Meaning) -> TagKind {
    match meaning {
        Meaning::Document => TagKind::from(Tag::Part),
        Meaning::Heading(level, title) => {
            Tag::Hn(NonZeroU16::new(*level).unwrap_or(NonZeroU16::MIN), Some(title.clone())).into()
        }
        Meaning::Paragraph => Tag::P.into(),
        Meaning::List { numbered: true } => Tag::L(ListNumbering::Decimal).into(),
        Meaning::List { numbered: false } => Tag::L(ListNumbering::Disc).into(),
        Meaning::ListItem => Tag::LI.into(),
        Meaning::Label => Tag::Lbl.into(),
        Meaning::ListBody => Tag::LBody.into(),
        Meaning::Table(summary) => Tag::Table.with_summary(Some(summary.clone())).into(),
        Meaning::TableHead => Tag::THead.into(),
        Meaning::TableBody => Tag::TBody.into(),
        Meaning::TableRow => Tag::TR.into(),
        Meaning::ColumnHeading => Tag::TH(TableHeaderScope::Column).into(),
        Meaning::RowHeading => Tag::TH(TableHeaderScope::Row).into(),
        Meaning::Cell => Tag::TD.into(),
        Meaning::Figure(alternative) => Tag::Figure(Some(alternative.clone())).into(),
        Meaning::Caption => Tag::Caption.into(),
        Meaning::Note => Tag::Div.into(),
        Meaning::Link => Tag::Link.into(),
    }
}
