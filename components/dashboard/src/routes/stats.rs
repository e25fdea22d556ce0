//! `GET /dashboard/stats`.

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use nexus_domain::dashboard::DashboardStats;
use nexus_domain::ids::CompanyId;
use nexus_domain::{Invalid, Role, settings};
use nexus_kit::layers::Observed;
use nexus_kit::{ApiError, ApiResult, App, Session};
use nexus_store::property::company_state::CompanyState;
use nexus_store::property::dashboard::{self, Stamp};

use crate::cache::{self, CacheEntry};

const CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The figures of a company. `X-Cache` says whether they were kept or counted just now; either way they are those
/// of the present.
#[utoipa::path(
    get, path = "/api/v1/dashboard/stats", tag = "dashboard",
    params(("companyId" = Option<CompanyId>, Query, description = "For SUPER_ADMIN: whose figures", nullable = false)),
    responses((status = 200, body = DashboardStats, headers(("X-Cache" = String, description = "HIT or MISS"))))
)]
pub async fn get_dashboard_stats(State(app): State<App>, StatsRequest(session, state): StatsRequest) -> ApiResult {
    session.require(Role::Manager)?;
    let state = state.opened(app.database())?.ok_or_else(ApiError::not_found)?;
    let (stamp, company, now) = (Stamp::of(&state), state.day.id, state.day.now);
    if let Some(body) = cache::find(company, &stamp, now).await {
        return Ok(answer("HIT", body));
    }
    let lifetime = app.config().get(&settings::CACHE_TTL)?;
    let figures = dashboard::figures(app.database(), &state.day)?;
    let body = serde_json::to_string(&figures).map_err(|error| ApiError::internal(error.to_string()))?;
    let expires = now.plus_millis(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX));
    cache::keep(
        company,
        CacheEntry {
            stamp,
            expires,
            body: body.clone(),
        },
    )
    .await;
    Ok(answer("MISS", body))
}

/// Who asks, and whose figures: one's own company's, or the one a SUPER_ADMIN names. Naming somebody else's finds
/// nothing. One statement, which is all that a kept answer costs.
pub struct StatsRequest(Session, CompanyState);

impl FromRequestParts<App> for StatsRequest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let named = named(parts.uri.query().unwrap_or_default());
        // Who isn't signed in isn't told what is wrong with the rest.
        let (session, state) = Session::with_company(app, parts, named.as_ref().ok().copied().flatten())?;
        match (session.role(), named?, session.company()) {
            (Role::SuperAdmin, Some(_), _) => {}
            (Role::SuperAdmin, None, None) => {
                return Err(ApiError::field(
                    "companyId",
                    Invalid::new("REQUIRED", "is required: say which company"),
                ));
            }
            (_, Some(named), own) if own != Some(named) => return Err(ApiError::not_found()),
            (_, _, None) => return Err(ApiError::forbidden()),
            _ => {}
        }
        Ok(Self(session, state.ok_or_else(ApiError::not_found)?))
    }
}

fn named(query: &str) -> Result<Option<CompanyId>, ApiError> {
    let mut named = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "companyId" {
            return Err(ApiError::field(
                name,
                Invalid::new("UNKNOWN_PROPERTY", "is not a parameter of this call"),
            ));
        }
        if named.is_some() {
            return Err(ApiError::field(
                name,
                Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
            ));
        }
        named = Some(
            value
                .parse::<CompanyId>()
                .map_err(|invalid| ApiError::field(name, invalid))?,
        );
    }
    Ok(named)
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
