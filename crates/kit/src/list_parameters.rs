//! The query string of a list: how it is read, and what the OpenAPI document says of it.

use axum::extract::FromRequestParts;
use http::request::Parts;
use nexus_domain::Invalid;
use nexus_domain::ids::CompanyId;
use nexus_store::identity::companies;
use nexus_store::listing::{Accepts, Filter, Listing};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, Required};

use crate::{ApiError, App, Session};

/// What every list understands. For the documentation; [`crate::listing::read`] reads it. What is a list's own is added by [`document`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub struct ListParams {
    /// Rows on a page, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20, nullable = false)]
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Text to look for.
    #[param(nullable = false, max_length = 200)]
    q: Option<String>,
    /// Whether to count all rows.
    #[param(rename = "withTotal", nullable = false)]
    with_total: Option<bool>,
    /// For SUPER_ADMIN: whose rows.
    #[param(rename = "companyId", nullable = false, format = "uuid")]
    company_id: Option<String>,
}

/// Says of a list what it is sorted and filtered by. `path` is below the base path.
pub fn document<T>(api: &mut OpenApi, path: &str, listing: &Listing<T>) {
    let operation = api
        .paths
        .paths
        .get_mut(&format!("{}{path}", crate::openapi::BASE_PATH))
        .and_then(|item| item.get.as_mut());
    let Some(operation) = operation else { return };
    let parameters = operation.parameters.get_or_insert_default();
    let names: Vec<_> = listing.sorts.iter().map(|sort| sort.name).collect();
    let default = names.first().map(|name| format!("-{name}")).unwrap_or_default();
    parameters.push(sort_parameter(&names, &default).into());
    for filter in listing.filters {
        let text = match filter.accepts {
            Accepts::Several => "One value, or several with commas between them.",
            _ => "",
        };
        parameters.push(filter_parameter(filter, filter.name.to_owned(), text).into());
        if filter.accepts == Accepts::Range {
            let (from, to) = (format!("{}From", filter.name), format!("{}To", filter.name));
            parameters.push(filter_parameter(filter, from, "From here on, inclusive.").into());
            parameters.push(filter_parameter(filter, to, "Up to here, inclusive.").into());
        }
    }
}

/// [`document`] for a list that has a statement of its own: what it is sorted by.
pub fn document_sorts(api: &mut OpenApi, path: &str, names: &[&str], default: &str) {
    let operation = api
        .paths
        .paths
        .get_mut(&format!("{}{path}", crate::openapi::BASE_PATH))
        .and_then(|item| item.get.as_mut());
    if let Some(parameters) = operation.and_then(|operation| operation.parameters.as_mut()) {
        parameters.retain(|given| !matches!(given, RefOr::T(parameter) if parameter.name == "sort"));
        parameters.push(sort_parameter(names, default).into());
    }
}

fn sort_parameter(names: &[&str], default: &str) -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(
            names.iter().flat_map(|name| [(*name).to_owned(), format!("-{name}")]),
        ))
        .default(Some(default.into()));
    ParameterBuilder::new()
        .name("sort")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(
            "The field that the list is sorted by; with `-` before it downwards.",
        ))
        .schema(Some(schema))
        .build()
}

fn filter_parameter(filter: &Filter, name: String, text: &str) -> Parameter {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(text).filter(|text| !text.is_empty()));
    if filter.accepts == Accepts::Several {
        let several = ArrayBuilder::new().items((filter.schema)()).min_items(Some(1));
        return parameter
            .schema(Some(several))
            .style(Some(ParameterStyle::Form))
            .explode(Some(false))
            .build();
    }
    parameter.schema(Some((filter.schema)())).build()
}

/// The query string of a list, each name at most once, in the order given.
pub struct Pairs(pub Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Self::of(parts)
    }
}

impl Pairs {
    pub fn of(parts: &Parts) -> Result<Self, ApiError> {
        let axum::extract::Query(pairs) = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::field("", Invalid::new("INVALID", "the query string can't be read")))?;
        for (place, (name, _)) in pairs.iter().enumerate() {
            if pairs[..place].iter().any(|(before, _)| before == name) {
                return Err(ApiError::field(
                    name.clone(),
                    Invalid::new("DUPLICATE_PROPERTY", "stands more than once"),
                ));
            }
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(given, _)| given == name);
        found.map(|(_, text)| text.as_str())
    }

    /// The company that `companyId` names.
    pub fn company(&self) -> Result<Option<CompanyId>, ApiError> {
        let named = self.get("companyId").map(str::parse).transpose();
        named.map_err(|invalid| ApiError::field("companyId", invalid))
    }

    /// Whose rows an admin's list has: those of the company named, one's own, or all (`None`, for SUPER_ADMIN).
    /// Another company's name nothing.
    pub fn scope(&self, app: &App, session: &Session) -> Result<Option<CompanyId>, ApiError> {
        match (session.scope()?, self.company()?) {
            (Some(own), Some(other)) if own != other => Err(ApiError::not_found_in("companyId")),
            (None, Some(named)) if !companies::exists(app.database(), named)? => {
                Err(ApiError::not_found_in("companyId"))
            }
            (own, named) => Ok(own.or(named)),
        }
    }
}
