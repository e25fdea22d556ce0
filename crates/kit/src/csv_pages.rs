//! A list as CSV, all of it, read a page at a time as the client takes it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::Frame;
use nexus_store::StoreError;
use serde::Serialize;

use crate::{ApiError, csv};

/// Rows that a page has at most; a shorter one is the last.
pub const ROWS: u32 = 500;

/// `name` is the list's; `next` gives the following at most [`ROWS`] rows each time; `columns` are the fields shown, and
/// the first line.
pub fn answer<T, F>(name: &str, columns: &'static [&'static str], mut next: F) -> Result<Response, ApiError>
where
    T: Serialize + 'static,
    F: FnMut() -> Result<Vec<T>, StoreError> + Send + 'static,
{
    let mut first = Vec::new();
    let names: Vec<_> = columns.iter().map(|name| serde_json::Value::from(*name)).collect();
    csv::write_record(&mut first, &names);
    // The first page now, so that what is wrong is still told by a status.
    let rows = next()?;
    let more = rows.len() >= ROWS as usize;
    write(&mut first, columns, rows);
    let body = Body::new(Pages {
        first: Some(first),
        next: more.then_some(next),
        columns,
    });
    table(body, name)
}

/// A table as the answer, to be kept as a file that is called as the list is.
pub(crate) fn table(body: Body, name: &str) -> Result<Response, ApiError> {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\""))
        .map_err(|error| ApiError::internal(error.to_string()))?;
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (header::CONTENT_DISPOSITION, disposition),
        (header::VARY, HeaderValue::from_static("accept")),
    ];
    Ok((headers, body).into_response())
}

fn write<T: Serialize>(out: &mut Vec<u8>, columns: &[&str], rows: Vec<T>) {
    for row in rows {
        let row = serde_json::to_value(row).unwrap_or_default();
        csv::write_record(out, columns.iter().map(|name| &row[*name]));
    }
}

struct Pages<F> {
    first: Option<Vec<u8>>,
    /// `None`: there is no more.
    next: Option<F>,
    columns: &'static [&'static str],
}

impl<F> Unpin for Pages<F> {}

impl<T, F> http_body::Body for Pages<F>
where
    T: Serialize,
    F: FnMut() -> Result<Vec<T>, StoreError>,
{
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        let columns = self.columns;
        let Some(next) = &mut self.next else {
            return Poll::Ready(None);
        };
        let rows = match next() {
            Ok(rows) => rows,
            Err(error) => {
                self.next = None;
                return Poll::Ready(Some(Err(error)));
            }
        };
        if rows.len() < ROWS as usize {
            self.next = None;
        }
        if rows.is_empty() {
            return Poll::Ready(None);
        }
        let mut out = Vec::new();
        write(&mut out, columns, rows);
        Poll::Ready(Some(Ok(Frame::data(out.into()))))
    }
}
