//! `/invoices/{id}/pdf` and `/payments/{id}/receipt`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use krilla::image::Image;
use nexus_domain::ids::{CompanyId, InvoiceId, PaymentId};
use nexus_domain::invoice::Invoice;
use nexus_domain::person_name::Locale;
use nexus_kit::blob::{self, BlobKey};
use nexus_kit::log::{self, Level};
use nexus_kit::{ApiError, ApiResult, App};
use nexus_store::property::company_owned;
use nexus_store::property::papers::{self, Addressee, Letterhead};
use serde_json::{Value, json};

use crate::paper::{self, Envelope, Paper, PaperError, print_invoice, print_receipt};
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{invoices, payments};

/// An invoice to print or keep. Its language is `locale`'s, or else that of the tenant's account.
#[utoipa::path(
    get, path = "/api/v1/invoices/{id}/pdf", tag = "invoices",
    params(("id" = InvoiceId, Path), ("locale" = Option<Locale>, Query, nullable = false)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>))
)]
pub async fn get_invoice_pdf(State(app): State<App>, principal: PrincipalWith<InvoiceId>) -> ApiResult {
    let (principal, _, invoice) = invoices::find(&app, principal).await?;
    let wanted = locale(&principal)?;
    let sides = Sides::find(&app, &invoice).await?;
    let printed = sides.print(wanted, |envelope| print_invoice(&invoice, envelope))?;
    let name = invoice.invoice_number.as_deref().unwrap_or("draft");
    pdf(printed, &format!("invoice-{name}.pdf"))
}

/// A receipt for a payment, in the same languages.
#[utoipa::path(
    get, path = "/api/v1/payments/{id}/receipt", tag = "payments",
    params(("id" = PaymentId, Path), ("locale" = Option<Locale>, Query, nullable = false)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>))
)]
pub async fn get_payment_receipt(State(app): State<App>, principal: PrincipalWith<PaymentId>) -> ApiResult {
    let (principal, day, payment) = payments::find(&app, principal).await?;
    let wanted = locale(&principal)?;
    let invoice = company_owned::find(app.database(), day.id, payment.invoice_id)?.ok_or_else(ApiError::not_found)?;
    let sides = Sides::find(&app, &invoice).await?;
    let printed = sides.print(wanted, |envelope| {
        print_receipt(&payment, &invoice, &day.zone, envelope)
    })?;
    pdf(printed, &format!("receipt-{}.pdf", payment.id))
}

fn locale(principal: &Principal) -> Result<Option<Locale>, ApiError> {
    principal.reject_unknown_query(&["locale"])?;
    principal
        .parameter("locale")
        .map(|text| text.parse().map_err(|invalid| ApiError::field("locale", invalid)))
        .transpose()
}

/// Who sends it and who gets it.
struct Sides {
    company: CompanyId,
    letterhead: Letterhead,
    addressee: Addressee,
    logo: Option<Image>,
}

impl Sides {
    async fn find(app: &App, invoice: &Invoice) -> Result<Self, ApiError> {
        let (letterhead, addressee) = papers::of_invoice(app.database(), invoice)?.ok_or_else(ApiError::not_found)?;
        let company = invoice.company_id;
        let logo = match &letterhead.logo {
            Some(key) => logo(app, company, key).await,
            None => None,
        };
        Ok(Self {
            company,
            letterhead,
            addressee,
            logo,
        })
    }

    /// Prints it; if that fails with the logo, without it.
    fn print(
        self,
        wanted: Option<Locale>,
        print: impl Fn(&Envelope<'_>) -> Result<Paper, PaperError>,
    ) -> Result<Vec<u8>, ApiError> {
        let company = self.company;
        let mut envelope = Envelope {
            letterhead: &self.letterhead,
            addressee: &self.addressee,
            logo: self.logo,
            locale: wanted.or(self.addressee.locale).unwrap_or(Locale::English),
        };
        let mut printed = print(&envelope);
        let failed = printed.as_ref().err().copied();
        if let Some(PaperError(cause)) = failed
            && envelope.logo.take().is_some()
        {
            warn(WITHOUT_LOGO, company, "cause", json!(cause));
            printed = print(&envelope);
        }
        let paper = printed.map_err(|PaperError(cause)| ApiError::internal(cause))?;
        if !paper.missing_scripts.is_empty() {
            warn(WITH_BOXES, company, "scripts", json!(paper.missing_scripts));
        }
        Ok(paper.content)
    }
}

const WITHOUT_LOGO: &str = "a paper was made without the company's logo";
const WITH_BOXES: &str = "a paper shows boxes for letters that the fonts lack";

/// The stored logo, if it can be had and drawn: no paper is withheld for an ornament.
async fn logo(app: &App, company: CompanyId, key: &str) -> Option<Image> {
    let content = match blob::get(app, &BlobKey::from_stored(key)).await {
        Ok(Some(content)) => content,
        Ok(None) => {
            warn(WITHOUT_LOGO, company, "cause", json!("its content is missing"));
            return None;
        }
        Err(problem) => {
            warn(WITHOUT_LOGO, company, "cause", json!(problem.cause()));
            return None;
        }
    };
    paper::logo::read(&content)
        .map_err(|invalid| warn(WITHOUT_LOGO, company, "cause", json!(invalid.to_string())))
        .ok()
}

/// The log's line about a paper that is not as it should be.
fn warn(message: &str, company: CompanyId, name: &str, what: Value) {
    log::write(Level::Warn, "paper", message, json!({"company": company, name: what}));
}

fn pdf(content: Vec<u8>, name: &str) -> Result<Response, ApiError> {
    let text = |text: &str| HeaderValue::from_str(text).map_err(|error| ApiError::internal(error.to_string()));
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
