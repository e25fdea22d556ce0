//! From an outbox row to a mail: what it says comes from the catalogue of its language, how it looks from two
//! templates. Names and reasons come from people, so everything is escaped where it is shown.

mod ar;
mod en;
mod fr;

use askama::Template as _;
use nexus_domain::mail::Template;
use nexus_store::mail::outbox_delivery::Rendered;
use serde_json::{Map, Value};

/// What a mail says, before it has a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailContent {
    pub subject: String,
    pub heading: String,
    pub parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Text(String),
    /// A password or code: by itself, as it is, easy to copy. In the text part it has a line of its own.
    Standalone(String),
    /// Somebody's own words.
    Quote(String),
    Fact {
        label: String,
        value: String,
    },
    Button {
        label: String,
        url: String,
    },
}

/// How the sender appears.
#[derive(Debug, Clone)]
pub struct Brand {
    pub name: String,
    pub logo_url: Option<String>,
    /// `#rrggbb`
    pub color: String,
    /// Where links lead.
    pub frontend: String,
}

const OWN_COLOR: &str = "#1f4fa3";

impl Brand {
    /// The installation's own, with what the company says of itself (`{name, logoUrl, color}`) before it. Values that
    /// can't be what they should be are left out: they end up in style and address attributes.
    pub fn new(name: String, logo_url: Option<String>, frontend: String, company: &str) -> Self {
        let company: Map<String, Value> = serde_json::from_str(company).unwrap_or_default();
        let own = |key: &str| {
            company
                .get(key)
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let is_url = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
        let is_color = |color: &&str| {
            color.len() == 7 && color.starts_with('#') && color[1..].bytes().all(|b| b.is_ascii_hexdigit())
        };
        Self {
            name: own("name").map_or(name, str::to_owned),
            logo_url: own("logoUrl").filter(is_url).map(str::to_owned).or(logo_url),
            color: own("color").filter(is_color).unwrap_or(OWN_COLOR).to_owned(),
            frontend: frontend.trim_end_matches('/').to_owned(),
        }
    }
}

/// Everything that a email_content can be about.
pub struct Facts<'a> {
    /// Params and secrets of the row together.
    pub values: Map<String, Value>,
    /// As it may be shown; empty for none.
    pub recipient_name: &'a str,
    pub brand: &'a Brand,
}

impl Facts<'_> {
    fn text(&self, key: &str) -> String {
        match self.values.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    fn is(&self, key: &str) -> bool {
        self.values.get(key).and_then(Value::as_bool).unwrap_or(false)
    }

    fn brand(&self) -> &str {
        &self.brand.name
    }

    /// `Hello Ana,`, or `Hello,` where there is no name to show.
    fn greeting(&self, hello: &str, comma: &str) -> Part {
        match self.recipient_name {
            "" => Part::Text(format!("{hello}{comma}")),
            name => Part::Text(format!("{hello} {name}{comma}")),
        }
    }

    fn alone(&self, key: &str) -> Part {
        Part::Standalone(self.text(key))
    }

    /// Somebody's words, or ours where they gave none.
    fn quote(&self, key: &str, when_absent: &str) -> Part {
        match self.text(key) {
            text if text.is_empty() => Part::Quote(when_absent.to_owned()),
            text => Part::Quote(text),
        }
    }

    fn fact(&self, label: &str, key: &str) -> Part {
        let mut value = self.text(key);
        let currency = self.text("currency");
        if matches!(key, "amount" | "balance") && !value.is_empty() && !currency.is_empty() {
            value = format!("{value} {currency}");
        }
        Part::Fact {
            label: label.to_owned(),
            value,
        }
    }

    fn button(&self, label: &str, page: &str) -> Part {
        Part::Button {
            label: label.to_owned(),
            url: format!("{}/{page}?token={}", self.brand.frontend, self.text("token")),
        }
    }

    /// To where the mail is about, or to the front door.
    fn home(&self, label: &str) -> Part {
        let url = match self.text("link") {
            link if link.is_empty() => format!("{}/", self.brand.frontend),
            link => link,
        };
        Part::Button {
            label: label.to_owned(),
            url,
        }
    }

    /// An instant as `2026-01-31 09:00 UTC`: the same in every language.
    fn instant(&self, key: &str) -> String {
        let text = self.text(key);
        match (text.get(..10), text.get(11..16)) {
            (Some(date), Some(time)) => format!("{date} {time} UTC"),
            _ => text,
        }
    }
}

/// Where people are led to with a token; the console answers there.
const DOCUMENTS_PAGE: &str = "documents";
const RESET_PAGE: &str = "reset-password";

/// Which secret a mail can't be without.
pub const fn needed_secret(template: Template) -> Option<&'static str> {
    match template {
        Template::VerificationOtp => Some("otp"),
        Template::AccountApproved => Some("temporaryPassword"),
        Template::DocumentsRejected | Template::DocumentsRequested | Template::PasswordReset => Some("token"),
        _ => None,
    }
}

#[derive(askama::Template)]
#[template(path = "email_content.html")]
struct Html<'a> {
    email_content: &'a EmailContent,
    brand: &'a Brand,
    footer: &'a str,
    language: &'a str,
    direction: &'a str,
    side: &'a str,
}

#[derive(askama::Template)]
#[template(path = "email_content.txt", escape = "none")]
struct Text<'a> {
    email_content: &'a EmailContent,
    footer: &'a str,
    /// Around what is written in digits or in another script.
    isolate: (&'a str, &'a str),
}

/// Between these (UAX #9: FIRST STRONG ISOLATE, POP DIRECTIONAL ISOLATE) a date or an amount keeps its order in a line
/// that is written from right to left.
const ISOLATE: (&str, &str) = ("\u{2068}", "\u{2069}");

fn isolated(text: &str) -> String {
    format!("{}{text}{}", ISOLATE.0, ISOLATE.1)
}

/// Renders a mail in the language asked for, or in English.
pub fn render(template: Template, locale: &str, facts: &Facts<'_>) -> Result<Rendered, String> {
    let (language, email_content, footer) = match locale.split(['-', '_']).next().unwrap_or_default() {
        "ar" => ("ar", ar::email_content(template, facts), ar::footer(facts)),
        "fr" => ("fr", fr::email_content(template, facts), fr::footer(facts)),
        _ => ("en", en::email_content(template, facts), en::footer(facts)),
    };
    let (direction, side) = if language == "ar" {
        ("rtl", "right")
    } else {
        ("ltr", "left")
    };
    let html = Html {
        email_content: &email_content,
        brand: facts.brand,
        footer: &footer,
        language,
        direction,
        side,
    };
    Ok(Rendered {
        subject: one_line(&email_content.subject),
        text: Text {
            email_content: &email_content,
            footer: &footer,
            isolate: if direction == "rtl" { ISOLATE } else { ("", "") },
        }
        .render()
        .map_err(|error| error.to_string())?,
        html: html.render().map_err(|error| error.to_string())?,
    })
}

/// A header has one line, whatever a name contains.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
