//! What a request looks like.

use serde_json::{Value, json};

pub fn finish(schemas: &mut Value) {
    for (name, example) in all() {
        if let Some(schema) = schemas.get_mut(name) {
            schema["examples"] = json!([example]);
        }
    }
}

fn all() -> [(&'static str, Value); 14] {
    const ID: &str = "0190a8c2-7d3e-7f41-9c2b-5d1e8f6a0b3c";
    [
        (
            "SignInBody",
            json!({ "email": "ana@example.org", "password": "Quiet-River-42" }),
        ),
        (
            "RegisterBody",
            json!({ "email": "ana@example.org", "password": "Quiet-River-42", "name": "Ana Kos", "role": "STUDENT" }),
        ),
        (
            "ChangePasswordBody",
            json!({ "currentPassword": "Quiet-River-42", "newPassword": "Loud-Brook-24" }),
        ),
        (
            "NewCompany",
            json!({ "name": "Nile Living", "slug": "nile-living", "currency": "EGP", "timezone": "Africa/Cairo" }),
        ),
        ("CompanyPatch", json!({ "billing": { "dueDays": 12 } })),
        (
            "NewCompound",
            json!({ "name": "Green Hills", "address": { "line1": "1 Nile St", "city": "Cairo", "country": "EG" } }),
        ),
        ("CompoundPatch", json!({ "address": { "line2": "3rd floor" } })),
        (
            "NewApartment",
            json!({ "compoundId": ID, "apartmentNumber": "A1", "bedrooms": 2, "monthlyRent": 310_000 }),
        ),
        (
            "NewTenant",
            json!({ "fullName": "Ana Kos", "email": "ana@example.org", "phone": "+201001234567" }),
        ),
        (
            "NewOccupancy",
            json!({ "apartmentId": ID, "tenantId": ID, "startDate": "2026-01-01", "depositAmount": 620_000 }),
        ),
        (
            "NewInvoice",
            json!({ "occupancyId": ID, "dueDate": "2026-02-01", "lines": [{ "description": "Rent", "unitAmount": 310_000 }] }),
        ),
        (
            "NewPayment",
            json!({ "invoiceId": ID, "amount": 310_000, "paymentMethod": "BANK_TRANSFER", "reference": "Rent January" }),
        ),
        ("CreateChat", json!({ "type": "DIRECT", "memberIds": [ID] })),
        ("CreateMessage", json!({ "content": "Hello" })),
    ]
}
