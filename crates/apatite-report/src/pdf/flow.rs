//! Lays the report out on pages.

use super::letters::{Colour, FAINT, INK, Letters, Run, Style};
use crate::report::{Block, Notice, Picture, Report, Source, Text, Tone};

/// A4, pt.
pub(super) const PAGE: [f32; 2] = [595.28, 841.89];
pub(super) const LEFT: f32 = 48.0;
pub(super) const TOP: f32 = 46.0;
/// Nothing but the footer is below this.
pub(super) const BOTTOM: f32 = 790.0;
pub(super) const WIDTH: f32 = PAGE[0] - 2.0 * LEFT;
const BODY: f32 = 9.5;
const INDENT: f32 = 16.0;
/// Of a picture, pt.
const PICTURE_HEIGHT: f32 = 250.0;
const GAP: f32 = 12.0;

pub(super) const WARNING: Colour = [122, 72, 0];
pub(super) const DANGER: Colour = [169, 32, 26];

/// The report on pages.
pub(super) struct Layout {
    pub(super) pages: Vec<Vec<Item>>,
    /// What the items mean; the first is the document.
    pub(super) nodes: Vec<Node>,
    /// Sections: title, page, height.
    pub(super) outline: Vec<(String, usize, f32)>,
}

/// Something to be drawn.
pub(super) enum Item {
    /// Text; `y` is its baseline.
    Text { at: [f32; 2], size: f32, run: Run, leaf: Option<usize> },
    /// A filled rectangle: left, top, width, height. Never content of its own.
    Box { place: [f32; 4], colour: Colour },
    /// A picture of the report: left, top, width, height.
    Picture { place: [f32; 4], png: Vec<u8>, leaf: usize },
    /// A link over something that is drawn.
    Link { place: [f32; 4], url: String, leaf: usize },
}

/// A node of the tree of meaning.
pub(super) struct Node {
    pub(super) meaning: Meaning,
    pub(super) children: Vec<Child>,
}

/// What a node or an item hangs on.
pub(super) enum Child {
    Node(usize),
    /// An item by its leaf.
    Leaf(usize),
}

/// What something is.
pub(super) enum Meaning {
    Document,
    Heading(u16, String),
    Paragraph,
    List { numbered: bool },
    ListItem,
    Label,
    ListBody,
    Table(String),
    TableHead,
    TableBody,
    TableRow,
    ColumnHeading,
    RowHeading,
    Cell,
    Figure(String),
    Caption,
    Note,
    Link,
}

pub(super) struct Flow<'l> {
    pub(super) letters: &'l Letters,
    layout: Layout,
    leaves: usize,
    pub(super) y: f32,
}

impl<'l> Flow<'l> {
    pub(super) fn new(letters: &'l Letters) -> Self {
        let document = Node { meaning: Meaning::Document, children: Vec::new() };
        let layout = Layout { pages: vec![Vec::new()], nodes: vec![document], outline: Vec::new() };
        Self { letters, layout, leaves: 0, y: TOP }
    }

    pub(super) fn report(mut self, report: &Report) -> Layout {
        let kind = Text::plain(&report.kind);
        self.paragraph(0, &kind, Style::FAINT, BODY, 0.0);
        let node = self.node(0, Meaning::Heading(1, report.title.clone()));
        self.text(node, &Text::plain(&report.title), Style::BOLD, 17.0, LEFT, WIDTH);
        self.y += 4.0;
        for (label, value) in &report.head {
            let text = Text(vec![
                crate::report::Span::Faint(format!("{label}: ")),
                crate::report::Span::Plain(value.clone()),
            ]);
            let node = self.node(0, Meaning::Paragraph);
            self.text(node, &text, Style::PLAIN, BODY, LEFT, WIDTH);
        }
        self.y += 4.0;
        let node = self.node(0, Meaning::Paragraph);
        self.text(node, &Text::plain(&report.intended_use), Style::BOLD, BODY, LEFT, WIDTH);
        for section in &report.sections {
            self.heading(2, &Text::plain(&section.title));
            for block in &section.blocks {
                self.block(block);
            }
        }
        self.footers(report);
        self.layout
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Heading(text) => self.heading(3, text),
            Block::Subheading(text) => self.heading(4, text),
            Block::Paragraph(text) => self.paragraph(0, text, Style::PLAIN, BODY, 4.0),
            Block::Notice(notice) => self.notice(notice),
            Block::List { numbered, items } => self.list(*numbered, items),
            Block::Table(table) => self.table(table),
            Block::Pictures(pictures) => self.pictures(pictures),
            Block::Sources(sources) => self.sources(sources),
        }
    }

    fn heading(&mut self, level: u16, text: &Text) {
        let (size, before, after) = match level {
            2 => (13.0, 18.0, 5.0),
            3 => (10.8, 12.0, 3.0),
            _ => (BODY, 8.0, 2.0),
        };
        // not alone at the foot of a page
        self.ensure(before + size + after + 64.0);
        if self.y > TOP {
            self.y += before;
        }
        if level == 2 {
            self.layout.outline.push((text.bare(), self.layout.pages.len() - 1, self.y));
        }
        let node = self.node(0, Meaning::Heading(level, text.bare()));
        self.text(node, text, Style::BOLD, size, LEFT, WIDTH);
        if level == 2 {
            self.rule(self.y + 1.0);
        }
        self.y += after;
    }

    fn paragraph(&mut self, parent: usize, text: &Text, style: Style, size: f32, after: f32) {
        let node = self.node(parent, Meaning::Paragraph);
        self.text(node, text, style, size, LEFT, WIDTH);
        self.y += after;
    }

    fn notice(&mut self, notice: &Notice) {
        let colour = match notice.tone {
            Tone::Plain => INK,
            Tone::Warning => WARNING,
            Tone::Danger => DANGER,
        };
        let title = Text::plain(&notice.title);
        let (left, width) = (LEFT + 10.0, WIDTH - 10.0);
        let lines = self.letters.lines(&notice.text, Style::PLAIN, BODY, width).len()
            + self.letters.lines(&title, Style::BOLD, BODY, width).len();
        self.y += 4.0;
        self.ensure(lines as f32 * line_height(BODY));
        let (page, top) = (self.layout.pages.len(), self.y);
        let node = self.node(0, Meaning::Note);
        let line = self.node(node, Meaning::Paragraph);
        self.text(line, &title, Style { colour, ..Style::BOLD }, BODY, left, width);
        let line = self.node(node, Meaning::Paragraph);
        self.text(line, &notice.text, Style::PLAIN, BODY, left, width);
        if self.layout.pages.len() == page {
            self.draw(Item::Box { place: [LEFT, top, 2.5, self.y - top], colour });
        }
        self.y += 6.0;
    }

    fn list(&mut self, numbered: bool, items: &[Text]) {
        let list = self.node(0, Meaning::List { numbered });
        for (place, item) in items.iter().enumerate() {
            let label = if numbered { format!("{}. ", place + 1) } else { "• ".to_owned() };
            self.list_item(list, &label, item, INDENT);
        }
        self.y += 4.0;
    }

    fn list_item(&mut self, list: usize, label: &str, text: &Text, indent: f32) -> usize {
        let entry = self.node(list, Meaning::ListItem);
        self.ensure(line_height(BODY));
        let top = self.y;
        let node = self.node(entry, Meaning::Label);
        self.text(
            node,
            &Text(vec![crate::report::Span::Plain(label.to_owned())]),
            Style::PLAIN,
            BODY,
            LEFT,
            indent,
        );
        self.y = top;
        let node = self.node(entry, Meaning::ListBody);
        self.text(node, text, Style::PLAIN, BODY, LEFT + indent, WIDTH - indent);
        self.y += 1.5;
        node
    }

    fn sources(&mut self, sources: &[Source]) {
        let list = self.node(0, Meaning::List { numbered: true });
        for source in sources {
            let text = Text::plain(&source.citation);
            let body = self.list_item(list, &format!("{}. ", source.number), &text, 24.0);
            let Some(url) = &source.link else { continue };
            let (left, width) = (LEFT + 24.0, WIDTH - 24.0);
            for line in self.letters.lines(&Text::plain(url), Style::LINK, BODY, width) {
                let node = self.node(body, Meaning::Link);
                let length = line.last().map_or(0.0, |run| run.x + run.width);
                self.line(Some(node), line, BODY, left);
                let height = line_height(BODY);
                let leaf = self.leaf(node);
                let place = [left, self.y - height, length, height];
                self.draw(Item::Link { place, url: url.clone(), leaf });
            }
            self.y += 2.0;
        }
    }

    fn pictures(&mut self, pictures: &[Picture]) {
        let column = (WIDTH - GAP) / 2.0;
        for pair in pictures.chunks(2) {
            let placed = pair
                .iter()
                .map(|picture| {
                    let [across, down] = picture.size.map(|length| length.max(1) as f32);
                    let scale = (column / across).min(PICTURE_HEIGHT / down);
                    let lines = self.letters.lines(&Text::plain(&picture.caption), Style::FAINT, 8.5, column);
                    (picture, [across * scale, down * scale], lines)
                })
                .collect::<Vec<_>>();
            let tallest = placed.iter().map(|(_, size, _)| size[1]).fold(0.0, f32::max);
            let text = placed.iter().map(|(_, _, lines)| lines.len()).max().unwrap_or(0);
            self.ensure(tallest + text as f32 * line_height(8.5) + 10.0);
            let top = self.y;
            let mut lowest = top;
            for (place, (picture, size, lines)) in placed.into_iter().enumerate() {
                let left = LEFT + place as f32 * (column + GAP);
                let figure = self.node(0, Meaning::Figure(picture.alternative.clone()));
                let leaf = self.leaf(figure);
                let place = [left, top, size[0], size[1]];
                self.draw(Item::Picture { place, png: picture.png.clone(), leaf });
                self.y = top + size[1] + 2.0;
                let caption = self.node(figure, Meaning::Caption);
                for line in lines {
                    self.line(Some(caption), line, 8.5, left);
                }
                lowest = lowest.max(self.y);
            }
            self.y = lowest + 8.0;
        }
    }

    /// Lays text on lines below each other, over as many pages as it takes.
    pub(super) fn text(&mut self, node: usize, text: &Text, style: Style, size: f32, left: f32, width: f32) {
        for line in self.letters.lines(text, style, size, width) {
            self.ensure(line_height(size));
            self.line(Some(node), line, size, left);
        }
    }

    /// One line below what there is; without a node it is no content.
    pub(super) fn line(&mut self, node: Option<usize>, line: Vec<Run>, size: f32, left: f32) {
        let height = line_height(size);
        let baseline = self.y + 0.78 * height;
        for run in line {
            let leaf = node.map(|node| self.leaf(node));
            self.draw(Item::Text { at: [left + run.x, baseline], size, run, leaf });
        }
        self.y += height;
    }

    /// Begins a page where less than `height` is left on this one.
    pub(super) fn ensure(&mut self, height: f32) -> bool {
        let turns = self.y + height > BOTTOM && self.y > TOP;
        if turns {
            self.layout.pages.push(Vec::new());
            self.y = TOP;
        }
        turns
    }

    pub(super) fn node(&mut self, parent: usize, meaning: Meaning) -> usize {
        let node = self.layout.nodes.len();
        self.layout.nodes.push(Node { meaning, children: Vec::new() });
        self.layout.nodes[parent].children.push(Child::Node(node));
        node
    }

    fn leaf(&mut self, node: usize) -> usize {
        let leaf = self.leaves;
        self.leaves += 1;
        self.layout.nodes[node].children.push(Child::Leaf(leaf));
        leaf
    }

    pub(super) fn draw(&mut self, item: Item) {
        if let Some(page) = self.layout.pages.last_mut() {
            page.push(item);
        }
    }

    pub(super) fn rule(&mut self, y: f32) {
        self.draw(Item::Box { place: [LEFT, y, WIDTH, 0.5], colour: [192, 198, 204] });
    }

    /// Title, intended use and number of every page.
    fn footers(&mut self, report: &Report) {
        const SIZE: f32 = 7.5;
        let pages = self.layout.pages.len();
        let use_lines =
            self.letters.lines(&Text::plain(&report.intended_use), Style::FAINT, SIZE, WIDTH - 80.0);
        for page in 0..pages {
            let number = format!("{} {} / {pages}", report.page, page + 1);
            let width = self.letters.width(&number, false, SIZE);
            let style = Style { colour: FAINT, ..Style::PLAIN };
            let run = Run { text: number, style, x: 0.0, width };
            let items = &mut self.layout.pages[page];
            items.push(Item::Text { at: [PAGE[0] - LEFT - width, 812.0], size: SIZE, run, leaf: None });
            for (place, line) in use_lines.iter().enumerate() {
                for run in line {
                    let at = [LEFT + run.x, 812.0 + place as f32 * line_height(SIZE)];
                    items.push(Item::Text { at, size: SIZE, run: run.clone(), leaf: None });
                }
            }
        }
    }
}

pub(super) fn line_height(size: f32) -> f32 {
    size * 1.36
}
