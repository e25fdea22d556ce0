//! An invoice on paper.

use nexus_domain::invoice::{Invoice, InvoiceStatus, Line};
use nexus_domain::money::Money;

use super::sheet::{Column, PALE, ROOM, Sheet, Side, Style};
use super::type_setting::Weight;
use super::{Envelope, LABEL, PLAIN, Paper, PaperError, STRONG, fact};

const DESCRIPTION: Column = Column::new(8.0, ROOM * 0.5 - 16.0, Side::Start);
const QUANTITY: Column = Column::new(ROOM * 0.5, ROOM * 0.1, Side::End);
const UNIT: Column = Column::new(ROOM * 0.6, ROOM * 0.2, Side::End);
const AMOUNT: Column = Column::new(ROOM * 0.8, ROOM * 0.2 - 8.0, Side::End);
const HEADING: Style = Style { size: 8.5, ..STRONG };

pub fn print_invoice(invoice: &Invoice, envelope: &Envelope<'_>) -> Result<Paper, PaperError> {
    let words = envelope.words();
    let mut sheet = Sheet::new(words.reading);
    envelope.head(&mut sheet, words.invoice);
    let top = sheet.y;
    let left = envelope.addressee(&mut sheet, words.billed_to, top);
    let right = facts(&mut sheet, invoice, envelope, top);
    sheet.y = left.max(right) + 18.0;
    if let Some(notice) = match invoice.status {
        InvoiceStatus::Draft => Some(words.draft),
        InvoiceStatus::Void => Some(words.void),
        _ => None,
    } {
        let style = Style {
            colour: envelope.accent(),
            size: 11.0,
            weight: Weight::Bold,
        };
        sheet.y = sheet.text(notice, style, Column::new(0.0, ROOM, Side::Start), sheet.y) + 8.0;
    }
    heading(&mut sheet, envelope);
    for line in &invoice.lines {
        row(&mut sheet, line, invoice, envelope);
    }
    totals(&mut sheet, invoice, envelope);
    let number = invoice.invoice_number.clone();
    let title = number.as_ref().map_or_else(
        || words.draft.to_owned(),
        |number| format!("{} {number}", words.invoice),
    );
    sheet.print(envelope.metadata(title), |page, of| {
        let number = number
            .as_ref()
            .map(|number| format!(" · {}", words.code(number)))
            .unwrap_or_default();
        let company = words.name(&envelope.letterhead.company);
        format!("{company}{number} · {}", words.page(page, of))
    })
}

fn facts(sheet: &mut Sheet, invoice: &Invoice, envelope: &Envelope<'_>, top: f32) -> f32 {
    let words = envelope.words();
    let mut y = top;
    if let Some(number) = &invoice.invoice_number {
        y = fact(sheet, words.number, number, y);
    }
    y = fact(sheet, words.date, &invoice.invoice_date.to_string(), y);
    y = fact(sheet, words.due, &invoice.due_date.to_string(), y);
    if let (Some(start), Some(end)) = (invoice.period_start, invoice.period_end) {
        let period = format!("{} – {}", words.code(&start.to_string()), words.code(&end.to_string()));
        y = fact(sheet, words.period, &period, y);
    }
    fact(sheet, words.status, words.status_is(invoice.status), y)
}

fn heading(sheet: &mut Sheet, envelope: &Envelope<'_>) {
    let (words, top) = (envelope.words(), sheet.y);
    sheet.area(0.0, top, ROOM, 20.0, PALE);
    for (name, column) in [
        (words.description, DESCRIPTION),
        (words.quantity, QUANTITY),
        (words.unit, UNIT),
        (words.amount, AMOUNT),
    ] {
        sheet.text(name, HEADING, column, top + 3.5);
    }
    sheet.y = top + 24.0;
}

fn row(sheet: &mut Sheet, line: &Line, invoice: &Invoice, envelope: &Envelope<'_>) {
    let lines = sheet.given_lines(&line.description, PLAIN, DESCRIPTION.width);
    let height = Sheet::height_of(&lines, PLAIN) + 7.0;
    if !sheet.make_room(height) {
        heading(sheet, envelope);
    }
    let top = sheet.y;
    sheet.place(lines, PLAIN, DESCRIPTION, top);
    sheet.figure(&line.quantity.to_string(), PLAIN, QUANTITY, top);
    sheet.figure(&plain_amount(invoice, line.unit_amount), PLAIN, UNIT, top);
    sheet.figure(&plain_amount(invoice, line.amount), PLAIN, AMOUNT, top);
    sheet.area(0.0, top + height - 3.0, ROOM, 0.5, PALE);
    sheet.y = top + height;
}

fn plain_amount(invoice: &Invoice, units: i64) -> String {
    Money::from_minor_units(units).map_or_else(|_| units.to_string(), |amount| invoice.currency.format(amount))
}

fn totals(sheet: &mut Sheet, invoice: &Invoice, envelope: &Envelope<'_>) {
    let words = envelope.words();
    sheet.make_room(72.0);
    let mut y = sheet.y + 6.0;
    let name = Column::new(ROOM * 0.5, ROOM * 0.2, Side::Start);
    let value = Column::new(ROOM * 0.65, ROOM * 0.35 - 8.0, Side::End);
    let mut rows = vec![(words.total, invoice.total_amount, STRONG)];
    if !matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Void) {
        let large = Style {
            size: 12.0,
            weight: Weight::Bold,
            colour: envelope.accent(),
        };
        rows.push((words.paid, invoice.paid_amount, PLAIN));
        rows.push((words.balance, invoice.balance, large));
    }
    for (label, amount, style) in rows {
        let style_of_name = Style {
            size: style.size.max(LABEL.size),
            ..style
        };
        sheet.text(label, style_of_name, name, y);
        let amount = format!("{} {}", invoice.currency, invoice.currency.format(amount));
        y = sheet.figure(&amount, style, value, y) + 3.0;
    }
    sheet.y = y;
}
