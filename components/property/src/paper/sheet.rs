//! Pages of A4 that are filled from the top: first everything is placed, then all of it is drawn, so that every page
//! can say how many there are. Places are measured from the edge at which the language begins to be read.

use std::collections::BTreeSet;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::metadata::{Metadata, TextDirection};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};

use super::type_setting::{self, Line, Reading, Run, Weight};
use super::{Paper, PaperError};

/// Millimetres would be rounder, but PDF measures in points (1/72 inch).
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
pub const MARGIN: f32 = 50.0;
/// Between the margins.
pub const ROOM: f32 = WIDTH - 2.0 * MARGIN;
/// Where the foot of a page begins.
const FOOT: f32 = HEIGHT - 48.0;
/// From one line to the next, in sizes of the font.
const LEADING: f32 = 1.45;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

pub const BLACK: Colour = Colour(0x1c, 0x1f, 0x24);
pub const GREY: Colour = Colour(0x6b, 0x72, 0x80);
pub const PALE: Colour = Colour(0xf3, 0xf4, 0xf6);

impl Colour {
    /// `#1a7f5a`
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let [red, green, blue] = [0, 2, 4].map(|at| {
            digits
                .get(at..at + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
        });
        Some(Self(red?, green?, blue?))
    }

    fn fill(self) -> Fill {
        Fill {
            paint: rgb::Color::new(self.0, self.1, self.2).into(),
            ..Fill::default()
        }
    }
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub size: f32,
    pub weight: Weight,
    pub colour: Colour,
}

/// Where a text stands within its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Start,
    End,
}

/// From where to where, measured from the margin at which reading begins.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub from: f32,
    pub width: f32,
    pub side: Side,
}

impl Column {
    pub const fn new(from: f32, width: f32, side: Side) -> Self {
        Self { from, width, side }
    }
}

enum Mark {
    Text {
        x: f32,
        baseline: f32,
        line: Line,
        style: Style,
    },
    Area {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        colour: Colour,
    },
    Picture {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
        image: Image,
    },
}

pub struct Sheet {
    reading: Reading,
    pages: Vec<Vec<Mark>>,
    /// How far down the present page is filled.
    pub y: f32,
}

impl Sheet {
    pub fn new(reading: Reading) -> Self {
        Self {
            reading,
            pages: vec![Vec::new()],
            y: MARGIN,
        }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// The left edge of what is `width` wide and begins at `from`.
    fn left(&self, from: f32, width: f32) -> f32 {
        match self.reading {
            Reading::LeftToRight => MARGIN + from,
            Reading::RightToLeft => WIDTH - MARGIN - from - width,
        }
    }

    /// Whether so much still fits on this page; if not, a new one begins.
    pub fn make_room(&mut self, height: f32) -> bool {
        let fits = self.y + height <= FOOT - 12.0;
        if !fits {
            self.pages.push(Vec::new());
            self.y = MARGIN;
        }
        fits
    }

    /// What somebody wrote, which reads as its own letters do; it stands where all else does.
    pub fn given(&mut self, text: &str, style: Style, column: Column, top: f32) -> f32 {
        let lines = self.given_lines(text, style, column.width);
        self.place(lines, style, column, top)
    }

    pub fn given_lines(&self, text: &str, style: Style, width: f32) -> Vec<Line> {
        let reading = Reading::of(text, self.reading);
        type_setting::wrap(text, style.weight, reading, width / style.size)
    }

    /// The text in its column, as many lines as it takes, beginning at `top`; says where it ends.
    pub fn text(&mut self, text: &str, style: Style, column: Column, top: f32) -> f32 {
        let lines = self.lines(text, style, column.width);
        self.place(lines, style, column, top)
    }

    fn lines(&self, text: &str, style: Style, width: f32) -> Vec<Line> {
        type_setting::wrap(text, style.weight, self.reading, width / style.size)
    }

    pub fn height_of(lines: &[Line], style: Style) -> f32 {
        lines.len() as f32 * style.size * LEADING
    }

    pub fn place(&mut self, lines: Vec<Line>, style: Style, column: Column, top: f32) -> f32 {
        let mut baseline = top;
        for line in lines {
            baseline += style.size * LEADING;
            let width = line.width * style.size;
            let from = match column.side {
                Side::Start => column.from,
                Side::End => column.from + column.width - width,
            };
            let x = self.left(from, width);
            self.mark(Mark::Text {
                x,
                baseline: baseline - style.size * 0.35,
                line,
                style,
            });
        }
        baseline
    }

    /// A number or code, which reads from the left in every language.
    pub fn figure(&mut self, text: &str, style: Style, column: Column, top: f32) -> f32 {
        let line = type_setting::set(text, style.weight, Reading::LeftToRight);
        self.place(vec![line], style, column, top)
    }

    pub fn area(&mut self, from: f32, top: f32, width: f32, height: f32, colour: Colour) {
        let x = self.left(from, width);
        self.mark(Mark::Area {
            x,
            y: top,
            width,
            height,
            colour,
        });
    }

    /// The picture as large as it fits into the box at the beginning of the line; says how wide it is.
    pub fn picture(&mut self, image: Image, top: f32, most_wide: f32, most_high: f32) -> f32 {
        let (wide, high) = image.size();
        let (wide, high) = (wide.max(1) as f32, high.max(1) as f32);
        let scale = (most_wide / wide).min(most_high / high);
        let (width, height) = (wide * scale, high * scale);
        let x = self.left(0.0, width);
        self.mark(Mark::Picture {
            x,
            y: top,
            width,
            height,
            image,
        });
        width
    }

    /// All pages, with a foot on each.
    pub fn print(mut self, metadata: Metadata, foot: impl Fn(usize, usize) -> String) -> Result<Paper, PaperError> {
        let count = self.pages.len();
        let style = Style {
            size: 8.0,
            weight: Weight::Regular,
            colour: GREY,
        };
        for (place, page) in self.pages.iter_mut().enumerate() {
            let line = type_setting::set(&foot(place + 1, count), style.weight, self.reading);
            let x = (WIDTH - line.width * style.size) / 2.0;
            page.push(Mark::Text {
                x,
                baseline: FOOT + 18.0,
                line,
                style,
            });
        }
        let missing_scripts = self.missing_scripts();
        let mut document = Document::new();
        document.set_metadata(metadata.text_direction(match self.reading {
            Reading::LeftToRight => TextDirection::LeftToRight,
            Reading::RightToLeft => TextDirection::RightToLeft,
        }));
        for marks in self.pages {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or(PaperError("the page has no size"))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for mark in marks {
                draw(&mut surface, mark)?;
            }
            surface.finish();
            page.finish();
        }
        let content = document
            .finish()
            .map_err(|_| PaperError("the document can't be written"))?;
        Ok(Paper {
            content,
            missing_scripts,
        })
    }

    fn missing_scripts(&self) -> BTreeSet<&'static str> {
        let lines = self.pages.iter().flatten().filter_map(|mark| match mark {
            Mark::Text { line, .. } => Some(line),
            _ => None,
        });
        lines
            .flat_map(|line| &line.runs)
            .flat_map(|run| run.missing_scripts.iter().copied())
            .collect()
    }
}

/// An empty box for each letter that the font lacks, as high as a capital letter.
fn draw_missing(surface: &mut krilla::surface::Surface<'_>, run: &Run, left: f32, baseline: f32, style: Style) {
    let (gap, thickness, height) = (0.06, 0.05, 0.72);
    let mut path = PathBuilder::new();
    for (from, width) in &run.missing {
        let rect = |inset: f32| {
            Rect::from_xywh(
                left + (from + gap + inset) * style.size,
                baseline - (height - inset) * style.size,
                (width - 2.0 * (gap + inset)) * style.size,
                (height - 2.0 * inset) * style.size,
            )
        };
        if let (Some(outer), Some(inner)) = (rect(0.0), rect(thickness)) {
            path.push_rect(outer);
            path.push_rect(inner);
        }
    }
    if let Some(path) = path.finish() {
        surface.set_fill(Some(Fill {
            rule: FillRule::EvenOdd,
            ..style.colour.fill()
        }));
        surface.draw_path(&path);
        surface.set_fill(Some(style.colour.fill()));
    }
}

fn draw(surface: &mut krilla::surface::Surface<'_>, mark: Mark) -> Result<(), PaperError> {
    match mark {
        Mark::Text {
            mut x,
            baseline,
            line,
            style,
        } => {
            let font = type_setting::embedded(style.weight).ok_or(PaperError("the font can't be read"))?;
            surface.set_fill(Some(style.colour.fill()));
            for run in line.runs {
                surface.draw_glyphs(
                    Point::from_xy(x, baseline),
                    &run.glyphs,
                    font.clone(),
                    &run.letters,
                    style.size,
                    false,
                );
                draw_missing(surface, &run, x, baseline, style);
                x += run.width * style.size;
            }
        }
        Mark::Area {
            x,
            y,
            width,
            height,
            colour,
        } => {
            let mut path = PathBuilder::new();
            if let Some(area) = Rect::from_xywh(x, y, width, height) {
                path.push_rect(area);
            }
            if let Some(path) = path.finish() {
                surface.set_fill(Some(colour.fill()));
                surface.draw_path(&path);
            }
        }
        Mark::Picture {
            x,
            y,
            width,
            height,
            image,
        } => {
            if let Some(size) = Size::from_wh(width, height) {
                surface.push_transform(&Transform::from_translate(x, y));
                surface.draw_image(image, size);
                surface.pop();
            }
        }
    }
    Ok(())
}
