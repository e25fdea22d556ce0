//! Lists by keyset: a page begins after the last row of the page before, found in an index, so page one
//! thousand costs what page one does. (Some orders have no index: [`Sort::indexed`].)
//!
//! A list's statement is put together from fragments that stand written out in its [`Listing`]; nothing
//! that a caller sends becomes SQL, only parameters. `EXPLAIN QUERY PLAN` is asserted for every
//! sort with the filters and searches (tests/property_plans.rs).

use nexus_domain::ids::CompanyId;
use nexus_domain::page::like;

pub use crate::filter::{Accepts, Condition, Filter, Operator, parsed, real};
use crate::{Database, Row, StoreError, Value};

/// What a sort column holds, so that a cursor of another type is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKind {
    Text,
    Integer,
    Real,
    /// The id itself: UUIDv7 grow with `createdAt`, and `createdAt` is the id's own time.
    Id,
}

/// One order of a list.
#[derive(Debug)]
pub struct Sort {
    /// As in `?sort=`.
    pub name: &'static str,
    /// Never NULL: what is empty stands where the expression puts it.
    pub column: &'static str,
    pub kind: SortKind,
    /// Whether an index has it behind the company and before the id. The others would burden every write with one more:
    /// instead all rows of the company are read for a page, of which SQLite keeps as many as the page has.
    pub indexed: bool,
}

impl Sort {
    pub const fn by_index(name: &'static str, column: &'static str, kind: SortKind) -> Self {
        Self {
            name,
            column,
            kind,
            indexed: true,
        }
    }

    pub const fn unindexed(name: &'static str, column: &'static str, kind: SortKind) -> Self {
        Self {
            name,
            column,
            kind,
            indexed: false,
        }
    }
}

/// Everything there is to know about a list.
pub struct Listing<T> {
    pub columns: &'static str,
    pub from: &'static str,
    /// Whose rows: `?1` is the company.
    pub scope: &'static str,
    pub id: &'static str,
    pub sorts: &'static [Sort],
    pub filters: &'static [Filter],
    /// Where `q` is looked for: `?2` is a LIKE pattern, escaped by `\`.
    pub search: &'static str,
    /// How many rows there are with no filter, kept in `company_totals`.
    pub total: &'static str,
    pub read: fn(&Row) -> Result<T, StoreError>,
}

impl<T> Listing<T> {
    /// The filter that a parameter of this name is of.
    pub fn filter(&self, name: &str) -> Option<(&'static Filter, Operator)> {
        self.filters
            .iter()
            .find_map(|filter| filter.operator(name).map(|operator| (filter, operator)))
    }
}

/// Which part of a list is asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    pub company: Option<CompanyId>,
    pub filters: Vec<Condition>,
    pub search: Option<String>,
    pub sort: &'static Sort,
    pub descending: bool,
    /// The sort value and the id of the row before.
    pub after: Option<(Value, String)>,
    pub limit: u32,
    pub with_total: bool,
}

/// A part of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next part begins, if there is more.
    pub next: Option<(Value, String)>,
    pub total: Option<i64>,
}

/// One part of a list, in one statement (two when a total is asked for beyond the last row).
pub fn page<T>(database: &Database, listing: &Listing<T>, request: &PageRequest) -> Result<Page<T>, StoreError> {
    let params = parameters(request);
    let mut rows = database.query(&statement(listing, request), &params)?;
    let more = rows.len() > request.limit as usize;
    rows.truncate(request.limit as usize);
    let next = match rows.last() {
        Some(row) if more => Some((row.tail(1)?.clone(), row.tail_text(2)?)),
        _ => None,
    };
    let total = match (request.with_total, rows.first()) {
        (false, _) => None,
        (true, Some(row)) => Some(row.tail_integer(0)?),
        (true, None) => {
            // The last parameter is named so that as many are expected as are given.
            let counted = format!("SELECT {}, ?{}", total(listing, request), params.len());
            database
                .query_opt(&counted, &params)?
                .map(|row| row.get(0))
                .transpose()?
        }
    };
    let items = rows.iter().map(listing.read).collect::<Result<_, _>>()?;
    Ok(Page { items, next, total })
}

/// The statement; `?1` company, `?2` pattern, `?3` and `?4` the row before, `?5` limit, `?6` … filters.
pub fn statement<T>(listing: &Listing<T>, request: &PageRequest) -> String {
    let Listing { columns, from, id, .. } = listing;
    let column = request.sort.column;
    let conditions = conditions(listing, request);
    let total = if request.with_total {
        total(listing, request)
    } else {
        "0".to_owned()
    };
    let (beyond, direction) = if request.descending { ("<", " DESC") } else { (">", "") };
    let by_id = request.sort.kind == SortKind::Id;
    let after = match (&request.after, by_id) {
        (None, _) => String::new(),
        (Some(_), true) => format!(" AND {id} {beyond} ?4"),
        (Some(_), false) => format!(" AND ({column}, {id}) {beyond} (?3, ?4)"),
    };
    let order = if by_id {
        format!("{id}{direction}")
    } else {
        format!("{column}{direction}, {id}{direction}")
    };
    format!("SELECT {columns}, {id}, {column}, {total} FROM {from} WHERE {conditions}{after} ORDER BY {order} LIMIT ?5")
}

fn conditions<T>(listing: &Listing<T>, request: &PageRequest) -> String {
    let mut conditions = listing.scope.to_owned();
    for (place, condition) in request.filters.iter().enumerate() {
        conditions.push_str(&format!(" AND {}", condition.sql(place + 6)));
    }
    if request.search.is_some() {
        conditions.push_str(&format!(" AND ({})", listing.search));
    }
    conditions
}

fn total<T>(listing: &Listing<T>, request: &PageRequest) -> String {
    if request.filters.is_empty() && request.search.is_none() {
        listing.total.to_owned()
    } else {
        format!(
            "(SELECT count(*) FROM {} WHERE {})",
            listing.from,
            conditions(listing, request)
        )
    }
}

fn parameters(request: &PageRequest) -> Vec<Value> {
    let (value, id) = match &request.after {
        Some((value, id)) => (value.clone(), Value::Text(id.clone())),
        None => (Value::Null, Value::Null),
    };
    let mut params = vec![
        request.company.into(),
        request.search.as_deref().map(like).into(),
        value,
        id,
        // One more than asked for shows whether there is a next page.
        Value::Integer(i64::from(request.limit) + 1),
    ];
    params.extend(request.filters.iter().map(|condition| condition.value.clone()));
    params
}

impl Row {
    /// The `place`-th column from the end.
    fn tail(&self, place: usize) -> Result<&Value, StoreError> {
        let index = self.0.len().wrapping_sub(place + 1);
        self.0.get(index).ok_or(StoreError::Column { index })
    }

    fn tail_text(&self, place: usize) -> Result<String, StoreError> {
        match self.tail(place)? {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(StoreError::Column { index: place }),
        }
    }

    fn tail_integer(&self, place: usize) -> Result<i64, StoreError> {
        match self.tail(place)? {
            Value::Integer(integer) => Ok(*integer),
            _ => Err(StoreError::Column { index: place }),
        }
    }
}
