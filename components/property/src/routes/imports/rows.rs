//! Cells into rows that can be staged.

use std::collections::BTreeMap;

use nexus_domain::EmailAddress;
use nexus_domain::ids::{ApartmentId, TenantId};
use nexus_domain::premises::{ApartmentStatus, Area, Bedrooms, Floor};
use nexus_domain::text::fold;
use nexus_kit::csv::plain;
use nexus_kit::{FieldErrors, clock};
use nexus_store::property::imports::StagedRow;
use serde_json::{Value, json};

use crate::routes::apartments::NewApartment;
use crate::routes::tenants::NewTenant;

/// Columns of an export that say nothing to an import.
pub const READ_ONLY: [&str; 6] = ["id", "companyId", "userId", "createdAt", "updatedAt", "version"];

/// The cells under their columns' names; empty cells aren't there, numbers are numbers. With `decimal_comma`, `82,5` is one.
pub fn object(columns: &[String], cells: &[String], decimal_comma: bool) -> Value {
    const NUMBERS: [&str; 4] = ["floor", "bedrooms", "areaSqm", "monthlyRent"];
    let mut row = BTreeMap::new();
    for (name, cell) in columns.iter().zip(cells) {
        let cell = plain(cell.trim());
        if cell.is_empty() || READ_ONLY.contains(&name.as_str()) {
            continue;
        }
        let number = NUMBERS
            .contains(&name.as_str())
            .then(|| number(cell, decimal_comma))
            .flatten();
        row.insert(name.clone(), number.map_or_else(|| Value::from(cell), Value::Number));
    }
    json!(row)
}

fn number(cell: &str, decimal_comma: bool) -> Option<serde_json::Number> {
    if decimal_comma && !cell.contains('.') {
        return serde_json::from_str(&cell.replacen(',', ".", 1)).ok();
    }
    serde_json::from_str(cell).ok()
}

pub fn apartment(line: u64, row: Value) -> Result<StagedRow, FieldErrors> {
    let new: NewApartment = deserr::deserialize::<_, _, FieldErrors>(row)?;
    let status = new.status.or(ApartmentStatus::Vacant);
    if status == ApartmentStatus::Occupied {
        let invalid =
            nexus_domain::Invalid::new("INVALID_TRANSITION", "follows from occupancies and can't be imported");
        return Err(FieldErrors(vec![nexus_kit::FieldError::new("status", invalid)]));
    }
    Ok(StagedRow {
        line,
        id: clock::new_id(ApartmentId::generate).to_string(),
        key: Some(format!("{}{}", new.compound_id, new.apartment_number)),
        row: json!({
            "compoundId": new.compound_id,
            "numberFolded": fold(new.apartment_number.as_str()),
            "apartmentNumber": new.apartment_number,
            "floor": new.floor.map(Floor::get),
            "bedrooms": new.bedrooms.map(Bedrooms::get),
            "areaSqm": new.area_sqm.map(Area::square_metres),
            "monthlyRent": new.monthly_rent,
            "status": status,
        }),
    })
}

pub fn tenant(line: u64, row: Value) -> Result<StagedRow, FieldErrors> {
    let new: NewTenant = deserr::deserialize::<_, _, FieldErrors>(row)?;
    let email: &EmailAddress = &new.email;
    Ok(StagedRow {
        line,
        id: clock::new_id(TenantId::generate).to_string(),
        key: None,
        row: json!({
            "nameFolded": fold(new.full_name.as_str()),
            "fullName": new.full_name,
            "email": email.as_str(),
            "emailKey": email.key(),
            "emailFolded": email.folded(),
            "phone": new.phone,
            "nationalId": new.national_id,
        }),
    })
}
