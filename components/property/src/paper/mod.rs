//! Invoices and receipts on paper (PDF). The same input gives the same bytes: nothing here reads a clock or draws
//! a random number.

mod invoice;
pub mod logo;
mod receipt;
mod sheet;
mod type_setting;
mod words;

use std::collections::BTreeSet;

use krilla::image::Image;
use krilla::metadata::Metadata;
use nexus_domain::person_name::Locale;
use nexus_store::property::papers::{Addressee, Letterhead};

pub use invoice::print_invoice;
pub use receipt::print_receipt;
use sheet::{BLACK, Colour, Column, GREY, MARGIN, ROOM, Sheet, Side, Style};
use type_setting::Weight;
use words::Words;

/// What went wrong while printing; always a fault of ours.
#[derive(Debug, Clone, Copy)]
pub struct PaperError(pub &'static str);

/// What is printed.
pub struct Paper {
    /// The PDF.
    pub content: Vec<u8>,
    /// The scripts of letters that the fonts lack; they stand on it as boxes.
    pub missing_scripts: BTreeSet<&'static str>,
}

/// Who sends it, to whom, in which language.
pub struct Envelope<'a> {
    pub letterhead: &'a Letterhead,
    pub addressee: &'a Addressee,
    pub logo: Option<Image>,
    pub locale: Locale,
}

const ACCENT: Colour = Colour(0x1f, 0x4e, 0x79);
const PLAIN: Style = Style {
    size: 10.0,
    weight: Weight::Regular,
    colour: BLACK,
};
const STRONG: Style = Style {
    size: 10.0,
    weight: Weight::Bold,
    colour: BLACK,
};
const LABEL: Style = Style {
    size: 8.5,
    weight: Weight::Regular,
    colour: GREY,
};

impl Envelope<'_> {
    fn words(&self) -> &'static Words {
        Words::of(self.locale)
    }

    fn accent(&self) -> Colour {
        self.letterhead
            .colour
            .as_deref()
            .and_then(Colour::from_hex)
            .unwrap_or(ACCENT)
    }

    /// About the document, for whoever keeps it.
    fn metadata(&self, title: String) -> Metadata {
        Metadata::new()
            .title(title)
            .authors(vec![self.letterhead.company.clone()])
            .language(self.locale.as_str().to_owned())
    }

    /// Logo and company at one side, the document's title at the other, and a line below.
    fn head(&self, sheet: &mut Sheet, title: &str) {
        let (top, accent) = (MARGIN, self.accent());
        let mut beside = 0.0;
        if let Some(image) = self.logo.clone() {
            beside = sheet.picture(image, top, 120.0, 52.0) + 12.0;
        }
        let room = ROOM * 0.62 - beside;
        let company = Style {
            size: 14.0,
            weight: Weight::Bold,
            colour: BLACK,
        };
        let mut y = sheet.given(
            &self.letterhead.company,
            company,
            Column::new(beside, room, Side::Start),
            top - 4.0,
        );
        for line in &self.letterhead.lines {
            y = sheet.given(line, LABEL, Column::new(beside, room, Side::Start), y);
        }
        let large = Style {
            size: 20.0,
            weight: Weight::Bold,
            colour: accent,
        };
        let end = sheet.text(
            title,
            large,
            Column::new(ROOM * 0.62, ROOM * 0.38, Side::End),
            top - 6.0,
        );
        let below = y.max(end).max(if beside > 0.0 { top + 52.0 } else { top }) + 10.0;
        sheet.area(0.0, below, ROOM, 1.6, accent);
        sheet.y = below + 14.0;
    }

    /// The tenant and their home; says where it ends.
    fn addressee(&self, sheet: &mut Sheet, label: &str, top: f32) -> f32 {
        let column = Column::new(0.0, ROOM * 0.5, Side::Start);
        let mut y = sheet.text(label, LABEL, column, top);
        y = sheet.given(&self.addressee.name, STRONG, column, y);
        y = sheet.figure(&self.addressee.email, PLAIN, column, y);
        let home = format!(
            "{} {}, {}",
            self.words().apartment,
            self.words().name(&self.addressee.apartment),
            self.words().name(&self.addressee.compound)
        );
        y = sheet.text(&home, PLAIN, column, y);
        for line in self.addressee.address_lines() {
            y = sheet.given(&line, PLAIN, column, y);
        }
        y
    }
}

/// A value with its name before it, in the column at the far side; says where it ends.
fn fact(sheet: &mut Sheet, name: &str, value: &str, top: f32) -> f32 {
    let named = sheet.text(
        name,
        LABEL,
        Column::new(ROOM * 0.55, ROOM * 0.15, Side::Start),
        top + 0.8,
    );
    let valued = sheet.text(value, STRONG, Column::new(ROOM * 0.7, ROOM * 0.3, Side::End), top);
    named.max(valued)
}
