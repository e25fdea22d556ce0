//! Lists as the contract has them: the query string into a page request, the page into JSON or CSV.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::Frame;
use nexus_domain::Invalid;
use nexus_domain::ids::CompanyId;
use nexus_domain::page::{Flag, Limit};
use nexus_store::listing::{self, Listing, PageRequest, Sort, SortKind};
use nexus_store::{StoreError, Value};
use serde::Serialize;

pub use crate::list_parameters::{ListParams, Pairs, document, document_sorts};
use crate::page::{self, Page, bad_cursor};
use crate::{ApiError, App, FieldError, csv_pages, respond};

pub use crate::accept::accepts_csv;

/// A list as it was asked for.
pub struct ListRequest {
    pub request: PageRequest,
    /// The list, its order and its company, to which cursors are bound.
    name: String,
}

/// Reads a query string; every wrong or unknown parameter is named. `name` is the list's.
/// `companyId` is known to every list and read elsewhere.
pub fn read<T>(
    listing: &'static Listing<T>,
    name: &str,
    company: Option<CompanyId>,
    pairs: &[(String, String)],
) -> Result<ListRequest, ApiError> {
    let mut errors = Vec::new();
    let mut cursor = None;
    let mut sort = listing.sorts.first().map(|sort| (sort, true));
    let mut request = PageRequest {
        company,
        filters: Vec::new(),
        search: None,
        sort: listing
            .sorts
            .first()
            .ok_or_else(|| ApiError::internal("a list without an order"))?,
        descending: true,
        after: None,
        limit: Limit::default().get(),
        with_total: false,
    };
    for (name, text) in pairs {
        let mut refuse = |invalid| errors.push(FieldError::new(name.clone(), invalid));
        match name.as_str() {
            "companyId" => {}
            // An empty one is none: forms send what wasn't filled in.
            "cursor" => cursor = Some(text.as_str()).filter(|text| !text.is_empty()),
            "limit" => match text.parse::<Limit>() {
                Ok(limit) => request.limit = limit.get(),
                Err(invalid) => refuse(invalid),
            },
            "withTotal" => match text.parse::<Flag>() {
                Ok(flag) => request.with_total = flag.is_set(),
                Err(invalid) => refuse(invalid),
            },
            "sort" => {
                let (field, descending) = text
                    .strip_prefix('-')
                    .map_or((text.as_str(), false), |field| (field, true));
                sort = listing
                    .sorts
                    .iter()
                    .find(|sort| sort.name == field)
                    .map(|sort| (sort, descending));
                if sort.is_none() {
                    let names: Vec<_> = listing.sorts.iter().map(|sort| sort.name).collect();
                    refuse(Invalid::new(
                        "UNKNOWN_SORT",
                        format!("must be one of {}", names.join(" ")),
                    ));
                }
            }
            "q" if text.chars().count() > 200 => refuse(Invalid::new("TOO_LONG", "must have at most 200 characters")),
            "q" => request.search = Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => match listing.filter(name) {
                Some((filter, operator)) => match filter.condition(operator, text) {
                    Ok(condition) => request.filters.push(condition),
                    Err(invalid) => refuse(invalid),
                },
                None => refuse(Invalid::new("UNKNOWN_PROPERTY", "is not a parameter of this list")),
            },
        }
    }
    if let (true, Some((sort, descending))) = (errors.is_empty(), sort) {
        request.sort = sort;
        request.descending = descending;
        // Whoever looks at another company begins anew there.
        let whose = company.map(|company| company.to_string()).unwrap_or_default();
        let name = format!("{name}:{}{}:{whose}", if descending { "-" } else { "" }, sort.name);
        request.after = cursor.map(|cursor| after(&name, sort, cursor)).transpose()?;
        return Ok(ListRequest { request, name });
    }
    Err(ApiError::invalid(errors))
}

fn after(name: &str, sort: &Sort, cursor: &str) -> Result<(Value, String), ApiError> {
    let [value, id] = page::decode::<2>(name, cursor)?;
    let value = match (sort.kind, value) {
        (SortKind::Integer, serde_json::Value::Number(number)) => number.as_i64().map(Value::Integer),
        (SortKind::Real, serde_json::Value::String(text)) => listing::real(&text).ok(),
        (SortKind::Text | SortKind::Id, serde_json::Value::String(text)) => Some(Value::Text(text)),
        _ => None,
    };
    match (value, id) {
        (Some(value), serde_json::Value::String(id)) => Ok((value, id)),
        _ => Err(bad_cursor()),
    }
}

/// The answer: a page of JSON, or all matching rows as CSV when that is what the client accepts. `view` shows a
/// row as this client may see it; `columns` are the CSV's, `a.b` for a field of a field.
pub fn answer<T: Serialize + Send + 'static>(
    app: &App,
    headers: &HeaderMap,
    listing: &'static Listing<T>,
    asked: ListRequest,
    columns: &'static [&'static str],
    view: fn(T) -> T,
) -> Result<Response, ApiError> {
    if accepts_csv(headers) {
        let mut rows = Rows {
            app: app.clone(),
            listing,
            columns,
            view,
            request: Some(asked.request),
            first: true,
        };
        // The first part now, so that what is wrong is still told by a status.
        let first = rows.next()?.unwrap_or_default();
        let body = Body::new(CsvBody {
            first: Some(first),
            rows,
        });
        // The name of the list stands before its order and company.
        let name = asked.name.split(':').next().unwrap_or_default();
        return csv_pages::table(body, name);
    }
    let found = listing::page(app.database(), listing, &asked.request)?;
    let page = Page {
        items: found.items.into_iter().map(view).collect::<Vec<_>>(),
        next_cursor: found
            .next
            .map(|(value, id)| page::encode(&asked.name, vec![to_json(&value), id.into()])),
        total: found.total,
    };
    Ok(self::page(headers, &page))
}

/// A page as JSON, or 304 when the client has the same. It stands where CSV might (RFC 9110 §12.5.5), a 304 too.
pub fn page(headers: &HeaderMap, page: &impl Serialize) -> Response {
    let mut response = respond::hashed(headers, page);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// What a list is sorted by, for its cursor.
pub fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Integer(integer) => (*integer).into(),
        // As text: read as a number of JSON, the last digit may be another.
        Value::Real(real) => real.to_string().into(),
        Value::Text(text) => text.as_str().into(),
        _ => serde_json::Value::Null,
    }
}

/// Rows a statement reads at once for CSV.
const CSV_ROWS: u32 = 500;

/// The same where each statement reads all that match: fewer of those, and still not all rows in memory.
const CSV_ROWS_WITHOUT_INDEX: u32 = 2_000;

struct Rows<T: 'static> {
    app: App,
    listing: &'static Listing<T>,
    columns: &'static [&'static str],
    view: fn(T) -> T,
    /// What is still to be read.
    request: Option<PageRequest>,
    first: bool,
}

impl<T: Serialize> Rows<T> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(mut request) = self.request.take() else {
            return Ok(None);
        };
        request.limit = if request.sort.indexed {
            CSV_ROWS
        } else {
            CSV_ROWS_WITHOUT_INDEX
        };
        request.with_total = false;
        let mut out = Vec::new();
        if std::mem::take(&mut self.first) {
            request.after = None;
            let names: Vec<_> = self.columns.iter().map(|name| serde_json::Value::from(*name)).collect();
            crate::csv::write_record(&mut out, &names);
        }
        let page = listing::page(self.app.database(), self.listing, &request)?;
        for item in page.items {
            let item = serde_json::to_value((self.view)(item)).unwrap_or_default();
            let cells = self
                .columns
                .iter()
                .map(|path| path.split('.').fold(&item, |value, field| &value[field]));
            crate::csv::write_record(&mut out, cells);
        }
        if let Some(next) = page.next {
            request.after = Some(next);
            self.request = Some(request);
        }
        Ok(Some(out))
    }
}

/// A body that reads on when the client has taken what there was.
struct CsvBody<T: 'static> {
    first: Option<Vec<u8>>,
    rows: Rows<T>,
}

impl<T> Unpin for CsvBody<T> {}

impl<T: Serialize> http_body::Body for CsvBody<T> {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        let part = match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.rows.next(),
        };
        Poll::Ready(part.map(|part| part.map(|part| Frame::data(part.into()))).transpose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use nexus_store::property::apartments::LISTING;

    fn asked(pairs: &[(&str, &str)]) -> Result<ListRequest, ApiError> {
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        read(&LISTING, "apartments", None, &pairs)
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        let problem = asked(&[
            ("limit", "0"),
            ("sort", "colour"),
            ("status", "ON_FIRE"),
            ("surprise", "1"),
            ("withTotal", "yes"),
        ])
        .err()
        .unwrap();
        let fields: Vec<_> = problem.errors().iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["limit", "sort", "status", "surprise", "withTotal"]);
    }

    #[test]
    fn a_cursor_is_bound_to_its_order_and_type() {
        let encode = |name: &str, value: serde_json::Value| page::encode(name, vec![value, "id".into()]);
        let rent = encode("apartments:monthlyRent:", 5.into());
        assert!(asked(&[("sort", "monthlyRent"), ("cursor", &rent)]).is_ok());
        for (sort, cursor) in [
            ("-monthlyRent", rent.as_str()),
            ("apartmentNumber", rent.as_str()),
            ("monthlyRent", &encode("apartments:monthlyRent:", "5".into())),
            (
                "monthlyRent",
                &encode("apartments:monthlyRent:somebody-else-s", 5.into()),
            ),
            ("monthlyRent", "x"),
        ] {
            let problem = asked(&[("sort", sort), ("cursor", cursor)]).err().unwrap();
            assert_eq!(problem.code(), Code::BadCursor, "{sort}");
        }
    }

    #[test]
    fn a_cursor_gives_back_the_very_number_with_decimals() {
        for area in [
            -1.0,
            0.0,
            55.5,
            0.1 + 0.2,
            1.0 / 3.0,
            72.100_000_000_000_01,
            99_999.999_999_999_99,
        ] {
            let cursor = page::encode("apartments:areaSqm:", vec![to_json(&Value::Real(area)), "id".into()]);
            let asked = asked(&[("sort", "areaSqm"), ("cursor", &cursor)]).ok().unwrap();
            assert_eq!(asked.request.after, Some((Value::Real(area), "id".to_owned())));
        }
        for wrong in [serde_json::json!(55.5), "NaN".into(), "".into()] {
            let cursor = page::encode("apartments:areaSqm:", vec![wrong, "id".into()]);
            let problem = asked(&[("sort", "areaSqm"), ("cursor", &cursor)]).err().unwrap();
            assert_eq!(problem.code(), Code::BadCursor);
        }
    }
}
