//! Whether a client wants a table (RFC 9110 §12.5.1).

use http::{HeaderMap, header};

/// How much one media type is wanted, and by how exact a word.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Wish {
    /// From 0, not at all, to 1000.
    weight: u16,
    /// 2 by its name, 1 by `text/*`, 0 by `*/*`.
    exactness: u8,
    /// Where it stands in the header.
    place: usize,
}

/// Whether CSV is wanted rather than JSON: its weight is the greater one, or they weigh the same and CSV is named, and
/// named first. Who says nothing of either gets JSON.
pub fn accepts_csv(headers: &HeaderMap) -> bool {
    let ranges: Vec<(&str, u16)> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|accept| accept.split(','))
        .filter_map(range)
        .collect();
    let csv = wish(&ranges, "text", "csv").filter(|wish| wish.weight > 0 && wish.exactness > 0);
    let json = wish(&ranges, "application", "json").filter(|wish| wish.weight > 0);
    match (csv, json) {
        (Some(csv), Some(json)) if csv.weight == json.weight => {
            csv.exactness > json.exactness || (csv.exactness == json.exactness && csv.place < json.place)
        }
        (Some(csv), Some(json)) => csv.weight > json.weight,
        (csv, _) => csv.is_some(),
    }
}

/// A media range and its weight; one with a weight that is none says nothing.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    Some((range, weight.map_or(Some(1000), weight_of)?))
}

/// `0`, `0.5`, `1.000`, in thousandths.
fn weight_of(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part: u16 = format!("{part:0<3}").parse().ok()?;
    let weight = if whole == "1" { 1000 } else { 0 } + part;
    (weight <= 1000).then_some(weight)
}

/// What the most exact range that has the type says of it.
fn wish(ranges: &[(&str, u16)], kind: &str, subtype: &str) -> Option<Wish> {
    let mut found: Option<Wish> = None;
    for (place, (range, weight)) in ranges.iter().enumerate() {
        let exactness = match range.split_once('/') {
            Some((a, b)) if a.eq_ignore_ascii_case(kind) && b.eq_ignore_ascii_case(subtype) => 2,
            Some((a, "*")) if a.eq_ignore_ascii_case(kind) => 1,
            Some(("*", "*")) => 0,
            _ => continue,
        };
        if found.is_none_or(|found| found.exactness < exactness) {
            found = Some(Wish {
                weight: *weight,
                exactness,
                place,
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn accepts(accept: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for one in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(one));
        }
        accepts_csv(&headers)
    }

    #[test]
    fn csv_is_given_to_those_who_want_it_more_than_json() {
        for accept in [
            "text/csv",
            "TEXT/CSV; charset=utf-8, */*",
            "text/csv, application/json",
            "text/csv;q=0.9, application/json;q=0.8",
            "*/*;q=0.8, text/csv",
            "text/html, text/csv;q=0.1",
            "text/*",
            "application/json;q=0, text/csv;q=0.001",
            "text/csv;q=1.000",
        ] {
            assert!(accepts(&[accept]), "{accept}");
        }
        assert!(accepts(&["text/html", "text/csv"]), "over two headers");
    }

    #[test]
    fn json_is_given_to_all_others() {
        for accept in [
            "",
            "*/*",
            "text/html",
            "application/json, text/csv",
            "text/csv;q=0",
            "text/csv;q=0.0, */*",
            "text/csv; q=0 , application/json;q=0.1",
            "text/csv;q=0.5, */*",
            "text/csv;q=0.5, application/json",
            "text/*;q=0.5, application/*",
            "text/csv;q=2",
            "text/csv;q=much",
            "text/csv-schema",
        ] {
            assert!(!accepts(&[accept]), "{accept}");
        }
        assert!(!accepts(&[]));
    }
}
