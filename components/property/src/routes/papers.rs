//! `/invoices/{id}/pdf` and `/payments/{id}/receipt`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use nexus_domain::ids::{InvoiceId, PaymentId};
use nexus_domain::invoice::Invoice;
use nexus_domain::person_name::Locale;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::{App, Problem};
use nexus_store::held;
use nexus_store::papers::{self, Addressee, Letterhead};

use crate::asker::{Asker, Seeker};
use crate::fault::Outcome;
use crate::paper::{Envelope, PaperError, print_invoice, print_receipt};
use crate::routes::{invoices, payments};

/// An invoice to print or keep. Its language is `locale`'s, or else that of the tenant's account.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}/pdf", tag = "invoices",
    params(("id" = InvoiceId, Path), ("locale" = Option<Locale>, Query, nullable = false)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = []))
)]
pub async fn get_invoice_pdf(State(app): State<App>, seeker: Seeker<InvoiceId>) -> Outcome {
    let (asker, _, invoice) = invoices::find(&app, seeker).await?;
    let wanted = locale(&asker)?;
    let sides = Sides::find(&app, &invoice).await?;
    let printed = print_invoice(&invoice, &sides.envelope(wanted)).map_err(explain)?;
    let name = invoice.invoice_number.as_deref().unwrap_or("draft");
    Ok(pdf(printed, &format!("invoice-{name}.pdf"))?)
}

/// A receipt for a payment, in the same languages.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}/receipt", tag = "payments",
    params(("id" = PaymentId, Path), ("locale" = Option<Locale>, Query, nullable = false)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = []))
)]
pub async fn get_payment_receipt(State(app): State<App>, seeker: Seeker<PaymentId>) -> Outcome {
    let (asker, day, payment) = payments::find(&app, seeker).await?;
    let wanted = locale(&asker)?;
    let invoice = held::find(app.database(), day.id, payment.invoice_id)?.ok_or_else(Problem::not_found)?;
    let sides = Sides::find(&app, &invoice).await?;
    let printed = print_receipt(&payment, &invoice, &day.zone, &sides.envelope(wanted)).map_err(explain)?;
    Ok(pdf(printed, &format!("receipt-{}.pdf", payment.id))?)
}

fn locale(asker: &Asker) -> Result<Option<Locale>, Problem> {
    asker.only(&["locale"])?;
    asker
        .parameter("locale")
        .map(|text| text.parse().map_err(|invalid| Problem::field("locale", invalid)))
        .transpose()
}

/// Who sends it and who gets it.
struct Sides {
    letterhead: Letterhead,
    addressee: Addressee,
    logo: Option<Vec<u8>>,
}

impl Sides {
    async fn find(app: &App, invoice: &Invoice) -> Result<Self, Problem> {
        let (letterhead, addressee) = papers::of_invoice(app.database(), invoice)?.ok_or_else(Problem::not_found)?;
        let logo = match &letterhead.logo {
            Some(key) => blob::get(app, &BlobKey::from_stored(key.as_str())).await?,
            None => None,
        };
        Ok(Self {
            letterhead,
            addressee,
            logo: logo.map(Vec::from),
        })
    }

    fn envelope(&self, wanted: Option<Locale>) -> Envelope<'_> {
        Envelope {
            letterhead: &self.letterhead,
            addressee: &self.addressee,
            logo: self.logo.as_deref(),
            locale: wanted.or(self.addressee.locale).unwrap_or(Locale::English),
        }
    }
}

fn explain(PaperError(cause): PaperError) -> Problem {
    Problem::internal(cause)
}

fn pdf(content: Vec<u8>, name: &str) -> Result<Response, Problem> {
    let text = |text: &str| HeaderValue::from_str(text).map_err(|error| Problem::internal(error.to_string()));
    let headers: [(HeaderName, HeaderValue); 4] = [
        (CONTENT_TYPE, HeaderValue::from_static("application/pdf")),
        (CONTENT_DISPOSITION, text(&format!("inline; filename=\"{name}\""))?),
        // Whatever a viewer makes of it, it runs nothing in our origin.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((StatusCode::OK, headers, content).into_response())
}
