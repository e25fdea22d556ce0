//! `{{ name }}` in strings of the manifest, and the rules for such names.

/// A string of the manifest, split into literals and expressions.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(String),
    Variable(String),
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            let (literal, after) = rest.split_at(start);
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let Some(end) = after.find("}}") else {
                return Err(format!("`{{{{` without `}}}}` in {text:?}"));
            };
            parts.push(Part::Variable(after[2..end].trim().to_owned()));
            rest = &after[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    pub fn is_literal(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// Replaces each expression by the result of `lookup`. The error is the first unknown name.
    pub fn resolve<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String, UnknownVariable> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => {
                    text.push_str(lookup(name).ok_or_else(|| UnknownVariable(name.clone()))?);
                }
            }
        }
        Ok(text)
    }
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("unknown variable {0:?}")]
pub struct UnknownVariable(pub String);

/// Returns why `name` is no valid name of a variable. A valid name is also valid for an environment variable.
pub fn invalid_name(name: &str) -> Option<String> {
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(invalid) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_')) {
        format!("invalid character {invalid:?}; a variable's name has lower-case letters, numbers and underscores only")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "must start with a lower-case letter".to_owned()
    } else if name.ends_with('_') {
        "must end with a lower-case letter or a number".to_owned()
    } else if name.contains("__") {
        "must not have several underscores in a row".to_owned()
    } else {
        return None;
    };
    Some(format!("{name:?}: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_replaced_and_literals_kept() {
        let template = Template::parse("https://{{ host }}:{{port}}/x").unwrap();
        assert!(!template.is_literal());
        let text = template.resolve(|name| match name {
            "host" => Some("example.com"),
            "port" => Some("81"),
            _ => None,
        });
        assert_eq!(text.unwrap(), "https://example.com:81/x");
        assert!(Template::parse("plain }} text").unwrap().is_literal());
    }

    #[test]
    fn an_open_expression_is_refused() {
        assert!(Template::parse("a {{ b").is_err());
    }

    #[test]
    fn names_follow_the_rules_of_environment_variables() {
        for good in ["a", "abc", "a1b2c3", "a_1", "a_1_b_3"] {
            assert_eq!(invalid_name(good), None);
        }
        for bad in ["", "aX", "1bc", "_x", "x.y", "x_", "a__b", "x-y"] {
            assert!(invalid_name(bad).is_some(), "{bad}");
        }
    }
}
