//! A receipt for one payment.

use nexus_domain::date::Zone;
use nexus_domain::invoice::{Invoice, Payment};

use super::sheet::{Column, PALE, ROOM, Sheet, Side, Style};
use super::type_setting::Weight;
use super::{Envelope, LABEL, Paper, PaperError, STRONG};

/// `zone`: the company's, for the day on which a payment was taken back.
pub fn print_receipt(
    payment: &Payment,
    invoice: &Invoice,
    zone: &Zone,
    envelope: &Envelope<'_>,
) -> Result<Paper, PaperError> {
    let words = envelope.words();
    let mut sheet = Sheet::new(words.reading);
    envelope.head(&mut sheet, words.receipt);
    let top = sheet.y;
    let y = envelope.addressee(&mut sheet, words.received_from, top) + 18.0;
    let money = |amount| format!("{} {}", payment.currency, payment.currency.format(amount));
    sheet.area(0.0, y, ROOM, 40.0, PALE);
    let large = Style {
        size: 16.0,
        weight: Weight::Bold,
        colour: envelope.accent(),
    };
    sheet.text(
        words.amount,
        STRONG,
        Column::new(12.0, ROOM * 0.4, Side::Start),
        y + 11.0,
    );
    sheet.figure(
        &money(payment.amount),
        large,
        Column::new(ROOM * 0.4, ROOM * 0.6 - 12.0, Side::End),
        y + 8.0,
    );
    sheet.y = y + 54.0;
    let mut rows = vec![
        (words.number, payment.id.to_string()),
        (words.paid_on, payment.payment_date.to_string()),
        (words.method, words.method_is(payment.payment_method).to_owned()),
    ];
    rows.extend(payment.reference.clone().map(|reference| (words.reference, reference)));
    rows.extend(invoice.invoice_number.clone().map(|number| (words.for_invoice, number)));
    if let Some(at) = payment.reversed_at {
        rows.push((words.reversed_on, zone.date_at(at).to_string()));
        rows.extend(payment.reversal_reason.clone().map(|reason| (words.reason, reason)));
    }
    for (name, value) in rows {
        let top = sheet.y;
        let named = sheet.text(name, LABEL, Column::new(12.0, ROOM * 0.3, Side::Start), top + 0.8);
        let valued = sheet.given(&value, STRONG, Column::new(ROOM * 0.32, ROOM * 0.66, Side::Start), top);
        sheet.y = named.max(valued) + 4.0;
    }
    let title = format!("{} {}", words.receipt, payment.id);
    sheet.print(envelope.metadata(title), |page, of| {
        let company = words.name(&envelope.letterhead.company);
        format!("{company} · {}", words.page(page, of))
    })
}
