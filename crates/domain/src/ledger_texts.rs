//! What the books say by themselves: descriptions of generated lines, and what people are told of invoices and
//! payments, in the languages that mails are written in.
//!
//! Within Arabic, numbers and codes stand between isolates (UAX #9), or their parts would change places.

use crate::date::{Date, Month};
use crate::person_name::Locale;
use crate::proration::Part;

fn isolated(text: impl std::fmt::Display) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// The line of a month's rent, or of a part of it.
pub fn rent(locale: Locale, month: Month, part: Part, apartment: &str) -> String {
    let Part { days, of, .. } = part;
    let whole = part.is_whole();
    match locale {
        Locale::English if whole => format!("Rent {month}, apartment {apartment}"),
        Locale::English => format!("Rent {month}, {days} of {of} days, apartment {apartment}"),
        Locale::French if whole => format!("Loyer {month}, appartement {apartment}"),
        Locale::French => format!("Loyer {month}, {days} jours sur {of}, appartement {apartment}"),
        Locale::Arabic => {
            let (month, apartment) = (isolated(month), isolated(apartment));
            if whole {
                format!("إيجار {month}، شقة {apartment}")
            } else {
                format!("إيجار {month}، {days} من {of} يومًا، شقة {apartment}")
            }
        }
    }
}

/// The line of a fee for an invoice that was not paid in time.
pub fn late_fee(locale: Locale, number: &str) -> String {
    match locale {
        Locale::English => format!("Late fee for invoice {number}"),
        Locale::French => format!("Frais de retard pour la facture {number}"),
        Locale::Arabic => format!("رسوم تأخير عن الفاتورة {}", isolated(number)),
    }
}

/// What a tenant is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Issued,
    Paid,
    Reminder,
    Overdue,
}

impl Event {
    pub fn title(self, locale: Locale, number: &str) -> String {
        match (locale, self) {
            (Locale::English, Self::Issued) => format!("Invoice {number}"),
            (Locale::English, Self::Paid) => format!("Payment received on invoice {number}"),
            (Locale::English, Self::Reminder) => format!("Invoice {number} is due soon"),
            (Locale::English, Self::Overdue) => format!("Invoice {number} is overdue"),
            (Locale::French, Self::Issued) => format!("Facture {number}"),
            (Locale::French, Self::Paid) => format!("Paiement reçu pour la facture {number}"),
            (Locale::French, Self::Reminder) => format!("La facture {number} arrive à échéance"),
            (Locale::French, Self::Overdue) => format!("La facture {number} est en retard"),
            (Locale::Arabic, event) => {
                let number = isolated(number);
                match event {
                    Self::Issued => format!("فاتورة {number}"),
                    Self::Paid => format!("استلمنا دفعة عن الفاتورة {number}"),
                    Self::Reminder => format!("موعد استحقاق الفاتورة {number} قريب"),
                    Self::Overdue => format!("الفاتورة {number} متأخرة"),
                }
            }
        }
    }

    /// `amount` with its currency; `company`: who is owed.
    pub fn body(self, locale: Locale, amount: &str, due: Date, company: &str) -> String {
        match (locale, self) {
            (Locale::Arabic, Self::Paid) => format!("{} — {}", isolated(amount), isolated(company)),
            (Locale::Arabic, _) => format!(
                "{}، تستحق في {} — {}",
                isolated(amount),
                isolated(due),
                isolated(company)
            ),
            (_, Self::Paid) => format!("{amount} — {company}"),
            (Locale::French, _) => format!("{amount}, échéance {due} — {company}"),
            (Locale::English, _) => format!("{amount}, due {due} — {company}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proration::part_of;

    fn rent_of(locale: Locale, month: &str, start: &str) -> String {
        let month = month.parse().unwrap();
        rent(
            locale,
            month,
            part_of(month, start.parse().unwrap(), None).unwrap(),
            "A1",
        )
    }

    #[test]
    fn a_line_is_written_in_the_tenant_s_language() {
        assert_eq!(
            rent_of(Locale::English, "2026-02", "2026-02-10"),
            "Rent 2026-02, 19 of 28 days, apartment A1"
        );
        assert_eq!(
            rent_of(Locale::French, "2026-02", "2020-01-01"),
            "Loyer 2026-02, appartement A1"
        );
        assert_eq!(
            rent_of(Locale::Arabic, "2026-02", "2020-01-01"),
            "إيجار \u{2068}2026-02\u{2069}، شقة \u{2068}A1\u{2069}"
        );
        assert_eq!(
            late_fee(Locale::French, "2026-000001"),
            "Frais de retard pour la facture 2026-000001"
        );
    }

    #[test]
    fn what_a_tenant_hears_names_invoice_amount_and_company_in_every_language() {
        for locale in [Locale::English, Locale::French, Locale::Arabic] {
            for event in [Event::Issued, Event::Paid, Event::Reminder, Event::Overdue] {
                let title = event.title(locale, "2026-000001");
                let body = event.body(locale, "10.00 EGP", "2026-02-01".parse().unwrap(), "Nile");
                assert!(title.contains("2026-000001") && body.contains("10.00 EGP") && body.contains("Nile"));
            }
        }
    }
}
