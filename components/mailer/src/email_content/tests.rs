use serde_json::json;

use super::*;

const ALL: [Template; 13] = [
    Template::VerificationOtp,
    Template::AccountApproved,
    Template::DocumentsRejected,
    Template::DocumentsRequested,
    Template::PasswordReset,
    Template::AccountSuspended,
    Template::EmailChanged,
    Template::MfaReset,
    Template::RegistrationAttempted,
    Template::InvoiceIssued,
    Template::PaymentReceipt,
    Template::PaymentReminder,
    Template::PaymentOverdue,
];

fn brand() -> Brand {
    Brand::new("Nexus".into(), None, "https://app.example.com/".into(), "{}")
}

fn rendered(template: Template, locale: &str, name: &str, values: Value) -> Rendered {
    let brand = brand();
    let Value::Object(values) = values else {
        panic!("an object")
    };
    render(
        template,
        locale,
        &Facts {
            values,
            recipient_name: name,
            brand: &brand,
        },
    )
    .unwrap()
}

fn everything() -> Value {
    json!({
        "otp": "482913", "minutes": 10, "temporaryPassword": "aB3!<&>\"'xyZ9q", "token": "t0k_en-1",
        "expiresAt": "2026-01-31T09:00:00.000Z", "reason": "The scan is too dark.", "newEmail": "new@example.org",
        "invoiceNumber": "2026-0001", "amount": "EUR 10.00", "dueDate": "2026-02-01", "paymentDate": "2026-01-30",
        "balance": "EUR 0.00", "reference": "", "banned": false,
    })
}

#[test]
fn every_template_renders_in_every_language_without_script_style_sheet_or_font() {
    for template in ALL {
        for locale in ["en", "fr", "ar", "ar-EG", "xx"] {
            let mail = rendered(template, locale, "Ana", everything());
            assert!(
                !mail.subject.is_empty() && mail.text.contains("Ana"),
                "{template} {locale}"
            );
            let html = mail.html.to_lowercase();
            for forbidden in ["<script", "<style", "<link", "@import", "javascript:", "onload"] {
                assert!(!html.contains(forbidden), "{template} {locale} {forbidden}");
            }
            assert_eq!(html.matches("<table").count(), html.matches("</table>").count());
            assert_eq!(html.matches("<tr").count(), html.matches("</tr>").count());
            assert_eq!(html.matches("<td").count(), html.matches("</td>").count());
        }
    }
}

#[test]
fn the_three_languages_say_different_things_and_arabic_runs_from_the_right() {
    let mails = ["en", "fr", "ar"].map(|locale| rendered(Template::AccountApproved, locale, "Ana", everything()));
    assert!(mails[0].subject != mails[1].subject && mails[1].subject != mails[2].subject);
    assert!(mails[2].html.contains(r#"<html lang="ar" dir="rtl">"#));
    assert!(mails[0].html.contains(r#"<html lang="en" dir="ltr">"#));
}

#[test]
fn password_and_code_stand_alone_on_a_line_of_the_text_as_they_are() {
    for (template, secret) in [
        (Template::AccountApproved, "aB3!<&>\"'xyZ9q"),
        (Template::VerificationOtp, "482913"),
    ] {
        for locale in ["en", "fr", "ar"] {
            let mail = rendered(template, locale, "Ana", everything());
            assert!(mail.text.lines().any(|line| line == secret), "{}", mail.text);
        }
    }
}

#[test]
fn a_link_stands_alone_on_a_line_of_the_text_and_behind_the_button() {
    let mail = rendered(Template::DocumentsRejected, "en", "Ana", everything());
    assert!(
        mail.text
            .lines()
            .any(|line| line == "https://app.example.com/documents?token=t0k_en-1"),
        "{}",
        mail.text
    );
    assert!(
        mail.html
            .contains(r#"href="https://app.example.com/documents?token=t0k_en-1""#)
    );
}

#[test]
fn a_rejection_without_a_reason_says_so_in_the_person_s_language() {
    for (locale, words) in [
        ("en", "could not be verified"),
        ("fr", "pas pu être vérifiés"),
        ("ar", "تعذّر التحقق"),
    ] {
        let mail = rendered(
            Template::DocumentsRejected,
            locale,
            "Ana",
            json!({ "reason": null, "token": "t" }),
        );
        assert!(mail.text.contains(words), "{}", mail.text);
    }
}

#[test]
fn hostile_names_and_reasons_are_text_and_nothing_else() {
    let name = "<img src=x onerror=alert(1)>\"'&{{7*7}}";
    let mail = rendered(
        Template::DocumentsRejected,
        "en",
        name,
        json!({ "reason": "</td><script>alert(1)</script>", "token": "t" }),
    );
    assert!(
        !mail.html.contains("<img src=x") && !mail.html.contains("<script>"),
        "{}",
        mail.html
    );
    assert!(
        mail.html.contains("&#60;script&#62;") || mail.html.contains("&lt;script&gt;"),
        "{}",
        mail.html
    );
    assert!(mail.text.contains(name), "text is not HTML");
}

#[test]
fn a_subject_is_one_line_whatever_the_brand_is_called() {
    let brand = Brand::new("Ev\r\nBcc: x@y.z".into(), None, "http://localhost".into(), "{}");
    let facts = Facts {
        values: Map::new(),
        recipient_name: "A",
        brand: &brand,
    };
    let mail = render(Template::VerificationOtp, "en", &facts).unwrap();
    assert!(!mail.subject.contains(['\r', '\n']));
}

#[test]
fn a_company_has_its_own_look_as_far_as_it_is_harmless() {
    let own = r##"{"name":"Haus","logoUrl":"javascript:alert(1)","color":"red;background:url(x)"}"##;
    let brand = Brand::new("Nexus".into(), None, "http://localhost".into(), own);
    assert_eq!(
        (brand.name.as_str(), brand.logo_url, brand.color.as_str()),
        ("Haus", None, OWN_COLOR)
    );
    let own = r##"{"logoUrl":"https://x.example/l.png","color":"#A1b2C3"}"##;
    let brand = Brand::new("Nexus".into(), None, "http://localhost".into(), own);
    assert_eq!(
        (brand.logo_url.as_deref(), brand.color.as_str()),
        (Some("https://x.example/l.png"), "#A1b2C3")
    );
}

#[test]
fn what_is_not_known_is_not_shown() {
    let mail = rendered(Template::PaymentReceipt, "en", "Ana", everything());
    assert!(!mail.text.contains("Reference"), "{}", mail.text);
}

#[test]
fn what_is_written_in_digits_keeps_its_order_in_arabic() {
    let mail = rendered(Template::AccountApproved, "ar", "Ana", everything());
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("\u{2068}2026-01-31 09:00 UTC\u{2069}"), "{part}");
    }
    let mail = rendered(Template::InvoiceIssued, "ar", "Ana", everything());
    assert!(mail.subject.contains("\u{2068}2026-0001\u{2069}"), "{}", mail.subject);
    assert!(mail.text.contains("\u{2068}2026-02-01\u{2069}"), "{}", mail.text);
    assert!(mail.html.contains("<bdi>2026-02-01</bdi>"), "{}", mail.html);
    let english = rendered(Template::InvoiceIssued, "en", "Ana", everything());
    assert!(
        !english.text.contains(['\u{2068}', '\u{2069}']),
        "only where it is needed"
    );
}

#[test]
fn somebody_s_words_keep_their_lines_and_their_direction() {
    let mut values = everything();
    values["reason"] = json!("Too dark.\nTwice.");
    let mail = rendered(Template::DocumentsRejected, "ar", "Ana", values);
    let cell = mail.html.lines().find(|line| line.contains("Too dark.")).unwrap();
    assert!(
        cell.contains(r#"dir="auto""#) && cell.contains("white-space:pre-line"),
        "{cell}"
    );
}

#[test]
fn a_mail_does_without_a_name_where_there_is_none_to_show() {
    for (locale, greeting) in [("en", "Hello,"), ("fr", "Bonjour,"), ("ar", "مرحبًا،")] {
        let mail = rendered(Template::VerificationOtp, locale, "", everything());
        assert!(mail.text.lines().any(|line| line == greeting), "{}", mail.text);
    }
}
