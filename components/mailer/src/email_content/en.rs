//! English.

use nexus_domain::mail::Template;

use super::{DOCUMENTS_PAGE, EmailContent, Facts, Part, RESET_PAGE};

fn text(text: impl Into<String>) -> Part {
    Part::Text(text.into())
}

pub fn footer(f: &Facts<'_>) -> String {
    format!(
        "{} sent you this mail because of your account. If you did not expect it, you can ignore it.",
        f.brand()
    )
}

pub fn email_content(template: Template, f: &Facts<'_>) -> EmailContent {
    let hello = f.greeting("Hello", ",");
    let brand = f.brand();
    let (subject, heading, parts) = match template {
        Template::VerificationOtp => (
            format!("Your {brand} verification code"),
            "Confirm your e-mail address",
            vec![
                hello,
                text("enter this code to confirm that this address is yours:"),
                f.alone("otp"),
                text(format!(
                    "It is good for {} minutes. Nobody from {brand} will ever ask you for it.",
                    f.text("minutes")
                )),
            ],
        ),
        Template::AccountApproved => (
            format!("Welcome to {brand}: your account is open"),
            "Your documents are approved",
            vec![
                hello,
                text("your account is open. Sign in with this temporary password:"),
                f.alone("temporaryPassword"),
                text(format!(
                    "You will be asked to choose a password of your own. The temporary one is good until {}.",
                    f.instant("expiresAt")
                )),
                f.home("Sign in"),
            ],
        ),
        Template::DocumentsRejected => (
            format!("{brand} could not accept your documents"),
            "Please send your documents again",
            vec![
                hello,
                text("we looked at your documents and could not accept them. The reason:"),
                f.quote("reason", "The documents could not be verified."),
                text("You can hand in new ones by this link. You don't need to sign in; keep the link to yourself."),
                f.button("Send documents", DOCUMENTS_PAGE),
            ],
        ),
        Template::DocumentsRequested => (
            format!("{brand} needs your documents"),
            "One step is left: your documents",
            vec![
                hello,
                text(
                    "to open your account we need to see your documents. Hand them in by this link. You don't need to sign in; keep the link to yourself.",
                ),
                f.button("Send documents", DOCUMENTS_PAGE),
            ],
        ),
        Template::PasswordReset => (
            format!("Reset your {brand} password"),
            "Choose a new password",
            vec![
                hello,
                text(format!(
                    "somebody, hopefully you, asked to reset your password. This link does it, once, within {} minutes:",
                    f.text("minutes")
                )),
                f.button("Choose a new password", RESET_PAGE),
                text("If it was not you, do nothing: your password stays as it is."),
            ],
        ),
        Template::AccountSuspended => (
            if f.is("banned") {
                format!("Your {brand} account is closed")
            } else {
                format!("Your {brand} account is suspended")
            },
            if f.is("banned") {
                "Your account is closed"
            } else {
                "Your account is suspended"
            },
            vec![
                hello,
                text("you can't sign in any more. The reason:"),
                Part::Quote(f.text("reason")),
                text("If you think this is a mistake, please talk to your housing office."),
            ],
        ),
        Template::EmailChanged => (
            format!("Your {brand} e-mail address was changed"),
            "Your e-mail address was changed",
            vec![
                hello,
                text("your account now uses another address:"),
                f.fact("New address", "newEmail"),
                text("If this was not you, please talk to your housing office at once."),
            ],
        ),
        Template::MfaReset => (
            format!("Your {brand} second factor was removed"),
            "Your second factor was removed",
            vec![
                hello,
                text(
                    "an administrator removed the second factor of your account, and all your sessions have ended. Sign in and set up a new one.",
                ),
                text("If you did not ask for this, please talk to your housing office at once."),
            ],
        ),
        Template::RegistrationAttempted => (
            format!("You already have a {brand} account"),
            "You already have an account",
            vec![
                hello,
                text(
                    "somebody, hopefully you, tried to register with this address. You have an account already; if you forgot the password, you can reset it.",
                ),
                f.home("Sign in"),
            ],
        ),
        Template::InvoiceIssued => (
            format!("Invoice {} from {brand}", f.text("invoiceNumber")),
            "You have a new invoice",
            vec![
                hello,
                f.fact("Invoice", "invoiceNumber"),
                f.fact("Amount", "amount"),
                f.fact("Due", "dueDate"),
                f.home("View the invoice"),
            ],
        ),
        Template::PaymentReceipt => (
            format!("Receipt for invoice {}", f.text("invoiceNumber")),
            "Thank you for your payment",
            vec![
                hello,
                f.fact("Invoice", "invoiceNumber"),
                f.fact("Paid", "amount"),
                f.fact("On", "paymentDate"),
                f.fact("Reference", "reference"),
                f.fact("Still to pay", "balance"),
                f.home("View the receipt"),
            ],
        ),
        Template::PaymentReminder => (
            format!("Invoice {} is due soon", f.text("invoiceNumber")),
            "An invoice is due soon",
            vec![
                hello,
                f.fact("Invoice", "invoiceNumber"),
                f.fact("Amount", "amount"),
                f.fact("Due", "dueDate"),
                f.home("View the invoice"),
            ],
        ),
        Template::PaymentOverdue => (
            format!("Invoice {} is overdue", f.text("invoiceNumber")),
            "An invoice is overdue",
            vec![
                hello,
                f.fact("Invoice", "invoiceNumber"),
                f.fact("Amount", "amount"),
                f.fact("Was due", "dueDate"),
                text("Please pay it now. If you have paid already, thank you: this mail and your payment crossed."),
                f.home("View the invoice"),
            ],
        ),
    };
    EmailContent {
        subject,
        heading: heading.to_owned(),
        parts: without_empty(parts),
    }
}

/// A fact nobody knows, such as a payment without a reference, is not shown.
pub(super) fn without_empty(mut parts: Vec<Part>) -> Vec<Part> {
    parts.retain(|part| !matches!(part, Part::Fact { value, .. } | Part::Quote(value) if value.is_empty()));
    parts
}
