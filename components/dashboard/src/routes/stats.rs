//! `GET /dashboard/stats`.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use nexus_domain::dashboard::DashboardStats;
use nexus_domain::ids::CompanyId;
use nexus_domain::{Invalid, Role, settings};
use nexus_kit::layers::Observed;
use nexus_kit::{Answer, App, Problem, Session, clock};
use nexus_store::dashboard;

use crate::kept::{self, Kept};

const CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The figures of a company. `X-Cache` says whether they were kept or counted just now; either way they are those
/// of the present.
#[utoipa::path(
    get, path = "/api/v1/dashboard/stats", tag = "dashboard",
    params(("companyId" = Option<CompanyId>, Query, description = "For SUPER_ADMIN: whose figures", nullable = false)),
    responses(
        (status = 200, body = DashboardStats, headers(("X-Cache" = String, description = "HIT or MISS"))),
        (status = 400), (status = 401), (status = 403), (status = 404)
    ),
    security(("bearer" = []))
)]
pub async fn get_dashboard_stats(
    State(app): State<App>,
    session: Session,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let company = company(&session, query.as_deref())?;
    session.require(Role::Manager)?;
    let now = clock::now();
    let (day, stamp) = dashboard::stamp(app.database(), company, now)?.ok_or_else(Problem::not_found)?;
    let lifetime = app.config().get(&settings::CACHE_TTL)?;
    if let Some(body) = kept::find(company, &stamp, now).await {
        return Ok(answer("HIT", body));
    }
    let figures = dashboard::figures(app.database(), &day)?;
    let body = serde_json::to_string(&figures).map_err(|error| Problem::internal(error.to_string()))?;
    let expires = now.plus_millis(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
    kept::keep(
        company,
        Kept {
            stamp,
            expires,
            body: body.clone(),
        },
    )
    .await;
    Ok(answer("MISS", body))
}

/// Whose figures: one's own company's, or the one a SUPER_ADMIN names. Naming somebody else's finds nothing.
fn company(session: &Session, query: Option<&str>) -> Result<CompanyId, Problem> {
    let mut named = None;
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "companyId" {
            return Err(Problem::field(
                name,
                Invalid::new("UNKNOWN_PROPERTY", "is not a parameter of this call"),
            ));
        }
        if named.is_some() {
            return Err(Problem::field(
                name,
                Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
            ));
        }
        named = Some(
            value
                .parse::<CompanyId>()
                .map_err(|invalid| Problem::field(name, invalid))?,
        );
    }
    match (session.role(), named, session.company()) {
        (Role::SuperAdmin, Some(named), _) => Ok(named),
        (Role::SuperAdmin, None, None) => Err(Problem::field(
            "companyId",
            Invalid::new("REQUIRED", "is required: say which company"),
        )),
        (_, Some(named), own) if own != Some(named) => Err(Problem::not_found()),
        (_, _, own) => own.ok_or_else(Problem::forbidden),
    }
}

fn answer(cache: &'static str, body: String) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(CACHE, HeaderValue::from_static(cache));
    let hit = cache == "HIT";
    response.extensions_mut().insert(Observed {
        cache_hits: u32::from(hit),
        cache_misses: u32::from(!hit),
        ..Observed::default()
    });
    response
}
