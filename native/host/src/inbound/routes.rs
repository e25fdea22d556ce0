//! The router: exact routes, `:name` segments, and `/...` at the end.
//!
//! The most specific route wins. Segments are compared from the left: a literal precedes a name, and a name precedes the
//! trailing wildcard.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::headers::RouteValues;
use http::HeaderValue;

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Literal(String),
    Name(String),
}

/// One public route.
#[derive(Clone, Debug)]
pub struct Route<T> {
    /// As the manifest spells it.
    pub raw: String,
    pub values: RouteValues,
    segments: Vec<Segment>,
    wildcard: bool,
    pub target: T,
}

/// The routes, the most specific first.
#[derive(Debug)]
pub struct Router<T> {
    routes: Vec<Route<T>>,
}

/// A match of a path.
#[derive(Debug)]
pub struct RouteMatch<'r, 'p, T> {
    pub route: &'r Route<T>,
    /// Values of the `:name` segments.
    pub names: Vec<(&'r str, &'p str)>,
    /// The part of the path that `/...` matched.
    pub trailing: Cow<'p, str>,
}

impl<T> Router<T> {
    /// `entries` are routes and their targets. Of two equal routes the later one wins, as on Spin. An error names the route and
    /// the problem.
    pub fn new(entries: impl IntoIterator<Item = (String, T)>) -> Result<Self, (String, String)> {
        let mut routes: Vec<Route<T>> = Vec::new();
        for (raw, target) in entries {
            let route = Route::parse(raw, target)?;
            routes.retain(|other| other.raw != route.raw);
            routes.push(route);
        }
        routes.sort_by(|a, b| a.specificity(b));
        Ok(Self { routes })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Route<T>> {
        self.routes.iter()
    }

    pub fn find<'p>(&self, path: &'p str) -> Option<RouteMatch<'_, 'p, T>> {
        self.routes.iter().find_map(|route| route.matches(path))
    }
}

impl<T> Route<T> {
    fn parse(raw: String, target: T) -> Result<Self, (String, String)> {
        let path = raw.strip_prefix('/').unwrap_or(&raw);
        let path = path.strip_suffix('/').unwrap_or(path);
        let (path, wildcard) = match path
            .strip_suffix("...")
            .or_else(|| path.strip_suffix('*'))
            .map(|p| (p.strip_suffix('/'), p.is_empty()))
        {
            None => (path, false),
            Some((_, true)) => ("", true),
            Some((Some(path), _)) => (path, true),
            Some((None, false)) => {
                return Err((raw, "`...` must be a segment of its own".into()));
            }
        };
        let mut segments = Vec::new();
        for segment in path.split('/').filter(|s| !s.is_empty()) {
            segments.push(match segment.strip_prefix(':') {
                Some("") => return Err((raw, "`:` needs a name behind it".into())),
                Some(name) => Segment::Name(name.to_owned()),
                None if segment == "..." || segment == "*" => {
                    return Err((raw, "`...` is possible at the end only".into()));
                }
                None => Segment::Literal(segment.to_owned()),
            });
        }
        let slash = if raw.starts_with('/') { "" } else { "/" };
        // With a leading and without a trailing slash; empty for the root, as on Spin.
        let matched = format!("{slash}{}", raw.strip_suffix('/').unwrap_or(&raw));
        let prefix = raw.strip_suffix("/...").unwrap_or(&raw);
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| (raw.clone(), "has characters that no header can have".to_owned()))
        };
        let values = RouteValues {
            matched: value(&matched)?,
            raw: value(&raw)?,
            prefix: value(prefix)?,
        };
        Ok(Self {
            values,
            raw,
            segments,
            wildcard,
            target,
        })
    }

    fn specificity(&self, other: &Self) -> Ordering {
        let rank = |route: &Self, index: usize| match route.segments.get(index) {
            Some(Segment::Literal(_)) => 0,
            Some(Segment::Name(_)) => 1,
            None if route.wildcard => 3,
            None => 2,
        };
        (0..=self.segments.len().max(other.segments.len()))
            .map(|index| rank(self, index).cmp(&rank(other, index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    fn matches<'p>(&self, path: &'p str) -> Option<RouteMatch<'_, 'p, T>> {
        let mut rest = path.strip_prefix('/').unwrap_or(path);
        let mut names = Vec::new();
        for segment in &self.segments {
            let (head, tail) = match rest.find('/') {
                Some(slash) => (&rest[..slash], &rest[slash..]),
                None => (rest, ""),
            };
            if head.is_empty() {
                return None;
            }
            match segment {
                Segment::Literal(literal) if literal != head => return None,
                Segment::Literal(_) => {}
                Segment::Name(name) => names.push((name.as_str(), head)),
            }
            // With its slash, as the wildcard's value.
            rest = tail.strip_prefix('/').unwrap_or(tail);
            if tail.is_empty() {
                rest = "";
            }
        }
        let consumed = path.len() - rest.len();
        let trailing = if self.wildcard {
            let from_slash = &path[..consumed];
            match (rest.is_empty(), from_slash.ends_with('/')) {
                // `/foo` matches `/foo/...`.
                (true, false) => Cow::Borrowed(""),
                (_, true) => Cow::Borrowed(&path[consumed - 1..]),
                (false, false) => Cow::Owned(format!("/{rest}")),
            }
        } else if rest.is_empty() {
            Cow::Borrowed("")
        } else {
            return None;
        };
        Some(RouteMatch {
            route: self,
            names,
            trailing,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn router(routes: &[&str]) -> Router<usize> {
        Router::new(routes.iter().enumerate().map(|(i, route)| ((*route).to_owned(), i))).unwrap()
    }

    #[track_caller]
    fn assert_target(router: &Router<usize>, path: &str, expected: Option<usize>) {
        assert_eq!(router.find(path).map(|m| m.route.target), expected, "{path}");
    }

    #[test]
    fn an_exact_route_matches_with_or_without_a_trailing_slash() {
        let routes = router(&["/foo/bar"]);
        assert_target(&routes, "/foo/bar", Some(0));
        assert_target(&routes, "/foo/bar/", Some(0));
        assert_target(&routes, "/foo", None);
        assert_target(&routes, "/foo/bar/baz", None);
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let routes = router(&["/...", "/a/...", "/a/:id", "/a/b", "/a/:id/c", "/a/b/..."]);
        assert_target(&routes, "/", Some(0));
        assert_target(&routes, "/x/y", Some(0));
        assert_target(&routes, "/a", Some(1));
        assert_target(&routes, "/a/7", Some(2));
        assert_target(&routes, "/a/b", Some(3));
        assert_target(&routes, "/a/7/c", Some(4));
        assert_target(&routes, "/a/7/d", Some(1));
        assert_target(&routes, "/a/b/c", Some(5));
    }

    #[test]
    fn the_match_has_the_wildcards_value() {
        let routes = router(&["/foo/..."]);
        for (path, trailing) in [
            ("/foo", ""),
            ("/foo/", "/"),
            ("/foo/bar", "/bar"),
            ("/foo/bar/", "/bar/"),
        ] {
            assert_eq!(routes.find(path).unwrap().trailing, trailing, "{path}");
        }
        let root = router(&["/..."]);
        for (path, trailing) in [("/", "/"), ("/a/b", "/a/b")] {
            assert_eq!(root.find(path).unwrap().trailing, trailing, "{path}");
        }
    }

    #[test]
    fn names_are_captured() {
        let routes = router(&["/users/:id/posts/:post/..."]);
        let found = routes.find("/users/7/posts/x/edit").unwrap();
        assert_eq!(found.names, [("id", "7"), ("post", "x")]);
        assert_eq!(found.trailing, "/edit");
        assert_eq!(found.route.values.prefix, "/users/:id/posts/:post");
    }

    #[test]
    fn the_later_of_two_equal_routes_wins() {
        assert_target(&router(&["/a", "/a"]), "/a", Some(1));
    }

    #[test]
    fn a_wildcard_in_the_middle_is_refused() {
        for bad in ["/a/.../b", "/a/:/b", "/a..."] {
            assert!(Router::new([(bad.to_owned(), ())]).is_err(), "{bad}");
        }
    }
}
