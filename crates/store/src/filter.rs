//! What a list is held to: its fields by their values, between two values, or among several.

use nexus_domain::Invalid;
use nexus_domain::text::nfc;
use serde_json::json;
use utoipa::PartialSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};

use crate::Value;

/// How a filter may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// One value.
    One,
    /// One value, or several with commas between them.
    Several,
    /// One value; `nameFrom` and `nameTo` are the ends of a range, both in it.
    Range,
}

/// One filter of a list.
#[derive(Debug)]
pub struct Filter {
    /// As in the query string.
    pub name: &'static str,
    /// What stands before the parameter: `a.status =`.
    pub clause: &'static str,
    pub read: fn(&str) -> Result<Value, Invalid>,
    /// Of one value.
    pub schema: fn() -> RefOr<Schema>,
    pub accepts: Accepts,
}

/// Of how a value and a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Is,
    From,
    To,
}

/// What a row must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    clause: &'static str,
    comparison: &'static str,
    pub value: Value,
}

impl From<(&'static str, Value)> for Condition {
    fn from((clause, value): (&'static str, Value)) -> Self {
        Self {
            clause,
            comparison: "?",
            value,
        }
    }
}

impl Condition {
    /// The clause with its parameter's number.
    pub fn sql(&self, number: usize) -> String {
        let parameter = format!("?{number}");
        if self.comparison == "?" {
            return format!("{} {parameter}", self.clause);
        }
        let column = self.clause.trim_end_matches('=').trim_end();
        format!("{column} {}", self.comparison.replace('?', &parameter))
    }
}

impl Filter {
    /// By a type that reads itself from text.
    pub const fn of<T>(name: &'static str, clause: &'static str) -> Self
    where
        T: std::str::FromStr<Err = Invalid> + Into<Value> + PartialSchema,
    {
        Self::by(name, clause, parsed::<T>, T::schema)
    }

    /// By one or several values of an enumeration.
    pub const fn one_of<T>(name: &'static str, clause: &'static str) -> Self
    where
        T: std::str::FromStr<Err = Invalid> + Into<Value> + PartialSchema,
    {
        Self::of::<T>(name, clause).accepting(Accepts::Several)
    }

    /// By a day or a time, or a range of them.
    pub const fn ordered<T>(name: &'static str, clause: &'static str) -> Self
    where
        T: std::str::FromStr<Err = Invalid> + Into<Value> + PartialSchema,
    {
        Self::of::<T>(name, clause).accepting(Accepts::Range)
    }

    /// By a text as it is.
    pub const fn text(name: &'static str, clause: &'static str) -> Self {
        Self::by(name, clause, text, text_schema)
    }

    /// By a whole number, or a range of them.
    pub const fn integer(name: &'static str, clause: &'static str) -> Self {
        Self::by(name, clause, integer, integer_schema).accepting(Accepts::Range)
    }

    /// By a number with decimals, or a range of them.
    pub const fn real(name: &'static str, clause: &'static str) -> Self {
        Self::by(name, clause, real, real_schema).accepting(Accepts::Range)
    }

    /// By `true` or `false`.
    pub const fn flag(name: &'static str, clause: &'static str) -> Self {
        Self::by(name, clause, flag, flag_schema)
    }

    pub const fn by(
        name: &'static str,
        clause: &'static str,
        read: fn(&str) -> Result<Value, Invalid>,
        schema: fn() -> RefOr<Schema>,
    ) -> Self {
        Self {
            name,
            clause,
            read,
            schema,
            accepts: Accepts::One,
        }
    }

    const fn accepting(self, accepts: Accepts) -> Self {
        Self { accepts, ..self }
    }

    /// What a parameter of this name asks of the filter, if it is one of the filter's.
    pub fn operator(&self, name: &str) -> Option<Operator> {
        let rest = name.strip_prefix(self.name)?;
        match (rest, self.accepts) {
            ("", _) => Some(Operator::Is),
            ("From", Accepts::Range) => Some(Operator::From),
            ("To", Accepts::Range) => Some(Operator::To),
            _ => None,
        }
    }

    pub fn condition(&self, operator: Operator, text: &str) -> Result<Condition, Invalid> {
        if self.accepts == Accepts::Several && text.contains(',') {
            return self.among(text);
        }
        let comparison = match operator {
            Operator::Is => "?",
            Operator::From => ">= ?",
            Operator::To => "<= ?",
        };
        Ok(Condition {
            clause: self.clause,
            comparison,
            value: (self.read)(text)?,
        })
    }

    fn among(&self, text: &str) -> Result<Condition, Invalid> {
        let mut values = Vec::new();
        for text in text.split(',') {
            let value = match (self.read)(text)? {
                Value::Integer(integer) => json!(integer),
                Value::Text(text) => json!(text),
                _ => return Err(Invalid::new("WRONG_TYPE", "can't be one of several")),
            };
            // There are no more different ones than the enumeration has.
            if !values.contains(&value) {
                values.push(value);
            }
        }
        Ok(Condition {
            clause: self.clause,
            comparison: "IN (SELECT value FROM json_each(?))",
            value: Value::Text(json!(values).to_string()),
        })
    }
}

/// Reads a filter's value as `T`, which checks it.
pub fn parsed<T: std::str::FromStr<Err = Invalid> + Into<Value>>(text: &str) -> Result<Value, Invalid> {
    text.parse::<T>().map(Into::into)
}

/// In the form in which text is stored.
fn text(text: &str) -> Result<Value, Invalid> {
    Ok(Value::Text(nfc(text)))
}

fn text_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// The whole numbers that every client can hold: up to 2^53.
const MAX: i64 = 9_007_199_254_740_991;

fn integer(text: &str) -> Result<Value, Invalid> {
    text.parse()
        .ok()
        .filter(|number| (-MAX..=MAX).contains(number) && !text.starts_with('+'))
        .map(Value::Integer)
        .ok_or_else(|| Invalid::new("WRONG_TYPE", format!("must be a whole number from -{MAX} to {MAX}")))
}

fn integer_schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .minimum(Some(-MAX as f64))
        .maximum(Some(MAX as f64))
        .into()
}

/// Reads a number with decimals.
pub fn real(text: &str) -> Result<Value, Invalid> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .map(Value::Real)
        .ok_or_else(|| Invalid::new("WRONG_TYPE", "must be a number"))
}

fn real_schema() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Number)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
        .into()
}

fn flag(text: &str) -> Result<Value, Invalid> {
    match text {
        "true" => Ok(true.into()),
        "false" => Ok(false.into()),
        _ => Err(Invalid::new("WRONG_TYPE", "must be true or false")),
    }
}

fn flag_schema() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).into()
}

#[cfg(test)]
mod tests {
    use nexus_domain::status::UserStatus;

    use super::*;

    #[test]
    fn a_range_has_two_ends_of_its_own_names() {
        let filter = Filter::integer("amount", "a.amount =");
        let sql = |name: &str| {
            filter
                .operator(name)
                .map(|operator| filter.condition(operator, "5").unwrap().sql(6))
        };
        assert_eq!(sql("amount").unwrap(), "a.amount = ?6");
        assert_eq!(sql("amountFrom").unwrap(), "a.amount >= ?6");
        assert_eq!(sql("amountTo").unwrap(), "a.amount <= ?6");
        assert!(sql("amountBefore").is_none() && sql("amountfrom").is_none());
        assert!(Filter::text("name", "name =").operator("nameFrom").is_none());
    }

    #[test]
    fn several_values_stand_between_commas() {
        let filter = Filter::one_of::<UserStatus>("status", "+status =");
        let condition = |text: &str| filter.condition(Operator::Is, text);
        assert_eq!(condition("ACTIVE").unwrap().sql(6), "+status = ?6");
        let several = condition("ACTIVE,BANNED,ACTIVE").unwrap();
        assert_eq!(several.sql(6), "+status IN (SELECT value FROM json_each(?6))");
        assert_eq!(several.value, Value::Text(r#"["ACTIVE","BANNED"]"#.into()));
        assert!(condition("ACTIVE,").is_err() && condition("ACTIVE,OLD").is_err() && condition("").is_err());
    }

    #[test]
    fn whole_numbers_are_those_that_every_client_can_hold() {
        assert!(integer("9007199254740991").is_ok() && integer("-9007199254740991").is_ok());
        for text in ["9007199254740992", "-9007199254740992", "+1", "1.0", "", "1e3"] {
            assert!(integer(text).is_err(), "{text}");
        }
    }
}
