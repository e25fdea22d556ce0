//! Text as glyphs: the bidirectional algorithm (UAX #9) finds the runs, the shaper joins and places their letters.
//! What the fonts lack becomes a box, so that nobody takes a paper for complete that isn't.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use harfrust::{Buffer, Direction, Font, ShapeOptions, ShaperFont};
use krilla::text::{Font as EmbeddedFont, GlyphId, KrillaGlyph};
use unicode_bidi::{Direction as Written, Level, ParagraphBidiInfo, get_base_direction};
use unicode_script::{Script, UnicodeScript};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Bold,
}

/// Which way a paragraph reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    LeftToRight,
    RightToLeft,
}

impl Reading {
    /// Which way somebody wrote this: as its first letter reads (UAX #9, P2). A Latin address stays in order within an
    /// Arabic document. What has no letters reads as the document does.
    pub fn of(text: &str, document: Reading) -> Self {
        match get_base_direction(text) {
            Written::Ltr => Self::LeftToRight,
            Written::Rtl => Self::RightToLeft,
            Written::Mixed => document,
        }
    }
}

/// One font, as the shaper and as the document see it.
struct Typeface {
    shaped: Font,
    embedded: EmbeddedFont,
}

impl Typeface {
    fn read(content: &'static [u8]) -> Option<Self> {
        Some(Self {
            shaped: Font::new(content, 0)?,
            embedded: EmbeddedFont::new(content.into(), 0)?,
        })
    }
}

// Vazirmatn has Latin and Arabic letters in one design (fonts/OFL.txt).
static REGULAR: LazyLock<Option<Typeface>> =
    LazyLock::new(|| Typeface::read(include_bytes!("../../fonts/Vazirmatn-Regular.ttf")));
static BOLD: LazyLock<Option<Typeface>> =
    LazyLock::new(|| Typeface::read(include_bytes!("../../fonts/Vazirmatn-Bold.ttf")));

fn typeface(weight: Weight) -> Option<&'static Typeface> {
    match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Bold => BOLD.as_ref(),
    }
}

/// The font to draw glyphs of this weight with.
pub fn embedded(weight: Weight) -> Option<EmbeddedFont> {
    typeface(weight).map(|typeface| typeface.embedded.clone())
}

/// Glyphs that stand beside each other, with the letters they show.
pub struct Run {
    pub letters: String,
    pub glyphs: Vec<KrillaGlyph>,
    pub width: f32,
    /// Where letters stand that the font lacks: from the run's left edge, and how wide.
    pub missing: Vec<(f32, f32)>,
    /// The scripts that those letters are of.
    pub missing_scripts: BTreeSet<&'static str>,
}

/// A line as it is drawn, from left to right. Widths are in units of the font's size.
#[derive(Default)]
pub struct Line {
    pub runs: Vec<Run>,
    pub width: f32,
}

/// Shapes one line.
pub fn set(text: &str, weight: Weight, reading: Reading) -> Line {
    let Some(typeface) = typeface(weight) else {
        return Line::default();
    };
    let base = match reading {
        Reading::LeftToRight => Level::ltr(),
        Reading::RightToLeft => Level::rtl(),
    };
    let bidi = ParagraphBidiInfo::new(text, Some(base));
    let (levels, ranges) = bidi.visual_runs(0..text.len());
    let runs: Vec<Run> = ranges
        .into_iter()
        .map(|range| shape(typeface, &text[range.clone()], levels[range.start].is_rtl()))
        .collect();
    let width = runs.iter().map(|run| run.width).sum();
    Line { runs, width }
}

fn shape(typeface: &Typeface, letters: &str, from_right: bool) -> Run {
    let font = ShaperFont::new(&typeface.shaped);
    let mut buffer = Buffer::new();
    buffer.push_str(letters);
    buffer.set_direction(if from_right {
        Direction::RightToLeft
    } else {
        Direction::LeftToRight
    });
    buffer.guess_segment_properties();
    if harfrust::shape(&font, &mut buffer, ShapeOptions::new()).is_err() {
        buffer.clear();
    }
    let em = f32::from(typeface.shaped.units_per_em());
    let size = |units: i32| units as f32 / em;
    let mut begins: Vec<usize> = buffer.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    begins.sort_unstable();
    begins.dedup();
    let glyphs: Vec<KrillaGlyph> = buffer
        .glyph_infos()
        .iter()
        .zip(buffer.glyph_positions())
        .map(|(info, position)| {
            let begin = info.cluster as usize;
            let end = begins
                .iter()
                .copied()
                .find(|next| *next > begin)
                .unwrap_or(letters.len());
            KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                size(position.x_advance),
                size(position.x_offset),
                size(position.y_offset),
                0.0,
                begin..end,
                None,
            )
        })
        .collect();
    let (mut x, mut missing, mut missing_scripts) = (0.0, Vec::new(), BTreeSet::new());
    for glyph in &glyphs {
        if glyph.glyph_id.to_u32() == 0 {
            missing.push((x, glyph.x_advance));
            missing_scripts.insert(script_of(&letters[glyph.text_range.clone()]));
        }
        x += glyph.x_advance;
    }
    Run {
        letters: letters.to_owned(),
        width: x,
        glyphs,
        missing,
        missing_scripts,
    }
}

/// The script of a letter and its marks; digits, signs and pictures have none of their own.
fn script_of(letters: &str) -> &'static str {
    letters
        .chars()
        .map(|letter| letter.script())
        .find(|script| !matches!(script, Script::Common | Script::Inherited))
        .unwrap_or(Script::Common)
        .full_name()
}

/// The lines of a text that is `room` units of the font's size wide at most; words longer than that are broken.
pub fn wrap(text: &str, weight: Weight, reading: Reading, room: f32) -> Vec<Line> {
    let width = |text: &str| set(text, weight, reading).width;
    let space = width(" ");
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
    for word in text.split_whitespace().flat_map(|word| pieces(word, room, &width)) {
        let wide = width(&word);
        if !line.is_empty() && used + space + wide > room {
            lines.push(std::mem::take(&mut line));
            used = 0.0;
        }
        if !line.is_empty() {
            line.push(' ');
            used += space;
        }
        line.push_str(&word);
        used += wide;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines.iter().map(|line| set(line, weight, reading)).collect()
}

/// The word, in as many pieces as it takes for each to fit.
fn pieces(word: &str, room: f32, width: &impl Fn(&str) -> f32) -> Vec<String> {
    if width(word) <= room {
        return vec![word.to_owned()];
    }
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    for letter in word.chars() {
        piece.push(letter);
        if width(&piece) > room && piece.chars().count() > 1 {
            piece.pop();
            pieces.push(std::mem::replace(&mut piece, letter.to_string()));
        }
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(text: &str, reading: Reading) -> Vec<u32> {
        let line = set(text, Weight::Regular, reading);
        line.runs
            .iter()
            .flat_map(|run| run.glyphs.iter().map(|glyph| glyph.glyph_id.to_u32()))
            .collect()
    }

    #[test]
    fn every_letter_of_the_languages_we_write_has_a_glyph() {
        for text in [
            "The quick brown fox, 0123456789 × № €",
            "Réçû à l’œuvre, ŞşĞğİı Łőž",
            "إيجار شهر ٢٠٢٦، فاتورة رقم ؟",
        ] {
            assert!(!glyphs(text, Reading::LeftToRight).contains(&0), "{text}");
        }
    }

    #[test]
    fn letters_that_the_fonts_lack_become_boxes_as_wide_as_their_glyph() {
        for (text, script) in [
            ("Иван", "Cyrillic"),
            ("Γιώργος", "Greek"),
            ("דוד", "Hebrew"),
            ("สมชาย", "Thai"),
            ("田中", "Han"),
            ("김", "Hangul"),
            ("😀", "Common"),
        ] {
            for weight in [Weight::Regular, Weight::Bold] {
                let line = set(&format!("Mr {text} 1"), weight, Reading::LeftToRight);
                let missing: Vec<_> = line.runs.iter().flat_map(|run| &run.missing).collect();
                assert_eq!(missing.len(), text.chars().count(), "{text}");
                assert!(missing.iter().all(|(_, width)| *width > 0.2), "{text}: {missing:?}");
                let scripts: Vec<_> = line.runs.iter().flat_map(|run| &run.missing_scripts).collect();
                assert_eq!(scripts, [&script], "{text}");
            }
        }
        let line = set("Réçû 1 إيجار", Weight::Regular, Reading::LeftToRight);
        assert!(line.runs.iter().all(|run| run.missing.is_empty()));
    }

    #[test]
    fn arabic_letters_are_joined_and_run_from_the_right() {
        let (alone, joined) = (glyphs("ب", Reading::RightToLeft), glyphs("ببب", Reading::RightToLeft));
        assert_eq!(joined.len(), 3);
        assert!(
            joined.iter().all(|glyph| *glyph != alone[0]),
            "each has the form of its place"
        );
        assert!(joined[0] != joined[1] && joined[1] != joined[2] && joined[0] != joined[2]);
        let line = set("سلام", Weight::Regular, Reading::RightToLeft);
        let first = line.runs[0].glyphs.first().map(|glyph| glyph.text_range.start);
        assert!(first > Some(0), "the first glyph drawn is of the last letter");
    }

    #[test]
    fn numbers_keep_their_order_within_arabic() {
        let line = set("فاتورة 2026-000017", Weight::Regular, Reading::RightToLeft);
        let texts: Vec<&str> = line.runs.iter().map(|run| run.letters.as_str()).collect();
        assert_eq!(texts.last(), Some(&"فاتورة "), "{texts:?}");
    }

    #[test]
    fn a_text_reads_as_its_first_letter_does_whatever_the_document_s_language() {
        let (ltr, rtl) = (Reading::LeftToRight, Reading::RightToLeft);
        assert_eq!(Reading::of("12 Corniche Road, Cairo (2)", rtl), ltr);
        assert_eq!(Reading::of("12 شارع الكورنيش", ltr), rtl);
        assert_eq!(Reading::of("12-34 / 5", rtl), rtl);
    }

    #[test]
    fn lines_fit_and_nothing_is_lost() {
        let text = format!("Rent of the month and a {} and then some", "very".repeat(40));
        let lines = wrap(&text, Weight::Bold, Reading::LeftToRight, 10.0);
        assert!(lines.len() > 5 && lines.iter().all(|line| line.width <= 10.0));
        let shown: String = lines
            .iter()
            .flat_map(|line| &line.runs)
            .map(|run| run.letters.as_str())
            .collect();
        assert_eq!(shown.replace(' ', ""), text.replace(' ', ""));
    }
}
