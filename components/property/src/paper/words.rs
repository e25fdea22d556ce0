//! What documents say, in the languages that mails are written in.

use nexus_domain::invoice::{InvoiceStatus, PaymentMethod};
use nexus_domain::person_name::Locale;

use super::type_setting::Reading;

pub struct Words {
    pub reading: Reading,
    pub invoice: &'static str,
    pub draft: &'static str,
    pub void: &'static str,
    pub number: &'static str,
    pub date: &'static str,
    pub due: &'static str,
    pub period: &'static str,
    pub status: &'static str,
    pub billed_to: &'static str,
    pub apartment: &'static str,
    pub description: &'static str,
    pub quantity: &'static str,
    pub unit: &'static str,
    pub amount: &'static str,
    pub total: &'static str,
    pub paid: &'static str,
    pub balance: &'static str,
    pub receipt: &'static str,
    pub received_from: &'static str,
    pub paid_on: &'static str,
    pub method: &'static str,
    pub reference: &'static str,
    pub for_invoice: &'static str,
    pub reversed_on: &'static str,
    pub reason: &'static str,
    page: [&'static str; 2],
    statuses: [&'static str; 6],
    methods: [&'static str; 5],
}

static ENGLISH: Words = Words {
    reading: Reading::LeftToRight,
    invoice: "Invoice",
    draft: "Draft — not an invoice yet",
    void: "Void — nothing is owed on this invoice",
    number: "Number",
    date: "Date",
    due: "Due",
    period: "Period",
    status: "Status",
    billed_to: "Billed to",
    apartment: "Apartment",
    description: "Description",
    quantity: "Qty",
    unit: "Unit price",
    amount: "Amount",
    total: "Total",
    paid: "Paid",
    balance: "Balance due",
    receipt: "Receipt",
    received_from: "Received from",
    paid_on: "Paid on",
    method: "Method",
    reference: "Reference",
    for_invoice: "For invoice",
    reversed_on: "Reversed on",
    reason: "Reason",
    page: ["Page", "of"],
    statuses: ["Draft", "Issued", "Partly paid", "Paid", "Overdue", "Void"],
    methods: ["Cash", "Card", "Bank transfer", "Cheque", "Other"],
};

static FRENCH: Words = Words {
    reading: Reading::LeftToRight,
    invoice: "Facture",
    draft: "Brouillon — ce n’est pas encore une facture",
    void: "Annulée — rien n’est dû sur cette facture",
    number: "Numéro",
    date: "Date",
    due: "Échéance",
    period: "Période",
    status: "État",
    billed_to: "Facturé à",
    apartment: "Appartement",
    description: "Désignation",
    quantity: "Qté",
    unit: "Prix unitaire",
    amount: "Montant",
    total: "Total",
    paid: "Réglé",
    balance: "Solde dû",
    receipt: "Reçu",
    received_from: "Reçu de",
    paid_on: "Payé le",
    method: "Moyen de paiement",
    reference: "Référence",
    for_invoice: "Pour la facture",
    reversed_on: "Annulé le",
    reason: "Motif",
    page: ["Page", "sur"],
    statuses: [
        "Brouillon",
        "Émise",
        "Partiellement réglée",
        "Réglée",
        "En retard",
        "Annulée",
    ],
    methods: ["Espèces", "Carte", "Virement", "Chèque", "Autre"],
};

static ARABIC: Words = Words {
    reading: Reading::RightToLeft,
    invoice: "فاتورة",
    draft: "مسودة — ليست فاتورة بعد",
    void: "ملغاة — لا شيء مستحق على هذه الفاتورة",
    number: "الرقم",
    date: "التاريخ",
    due: "تاريخ الاستحقاق",
    period: "الفترة",
    status: "الحالة",
    billed_to: "فاتورة إلى",
    apartment: "الشقة",
    description: "البيان",
    quantity: "الكمية",
    unit: "سعر الوحدة",
    amount: "المبلغ",
    total: "الإجمالي",
    paid: "المدفوع",
    balance: "الرصيد المستحق",
    receipt: "إيصال",
    received_from: "استلمنا من",
    paid_on: "تاريخ الدفع",
    method: "طريقة الدفع",
    reference: "المرجع",
    for_invoice: "عن الفاتورة",
    reversed_on: "أُلغي في",
    reason: "السبب",
    page: ["صفحة", "من"],
    statuses: ["مسودة", "صادرة", "مدفوعة جزئيًا", "مدفوعة", "متأخرة", "ملغاة"],
    methods: ["نقدًا", "بطاقة", "تحويل بنكي", "شيك", "أخرى"],
};

impl Words {
    pub fn of(locale: Locale) -> &'static Self {
        match locale {
            Locale::English => &ENGLISH,
            Locale::French => &FRENCH,
            Locale::Arabic => &ARABIC,
        }
    }

    /// A number or code, to stand in a sentence: within Arabic its parts would change places otherwise (UAX #9, W2).
    pub fn code(&self, text: &str) -> String {
        match self.reading {
            Reading::LeftToRight => text.to_owned(),
            Reading::RightToLeft => format!("\u{2066}{text}\u{2069}"),
        }
    }

    /// A name of any language, to stand in a sentence: its letters keep their order, and the sentence its own.
    pub fn name(&self, text: &str) -> String {
        match self.reading {
            Reading::LeftToRight => text.to_owned(),
            Reading::RightToLeft => format!("\u{2068}{text}\u{2069}"),
        }
    }

    pub fn page(&self, page: usize, of: usize) -> String {
        format!("{} {page} {} {of}", self.page[0], self.page[1])
    }

    pub fn status_is(&self, status: InvoiceStatus) -> &'static str {
        self.statuses[match status {
            InvoiceStatus::Draft => 0,
            InvoiceStatus::Issued => 1,
            InvoiceStatus::PartiallyPaid => 2,
            InvoiceStatus::Paid => 3,
            InvoiceStatus::Overdue => 4,
            InvoiceStatus::Void => 5,
        }]
    }

    pub fn method_is(&self, method: PaymentMethod) -> &'static str {
        self.methods[match method {
            PaymentMethod::Cash => 0,
            PaymentMethod::Card => 1,
            PaymentMethod::BankTransfer => 2,
            PaymentMethod::Cheque => 3,
            PaymentMethod::Other => 4,
        }]
    }
}
