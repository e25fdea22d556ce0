//! People who registered with the demo company and whose documents wait for review.

use std::fmt::Write;

use nexus_domain::document::DocumentType;
use nexus_domain::ids::{AuditId, CompanyId, DocumentId, UserId};
use nexus_domain::settings::{BLOB_STORE, BlobStore};
use nexus_domain::status::UserStatus;
use nexus_domain::{Role, Timestamp};
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::users::{self, NewUser};
use nexus_store::verification::documents::{self, NewDocument};
use nexus_store::{Database, StoreError};

use super::people::address;
use super::unstored;
use crate::accounts::random;
use crate::data_dir::Installation;
use crate::failure::Failure;
use crate::settings_source::Source;

const APPLICANTS: [(&str, Role, &[DocumentType]); 3] = [
    (
        "Nour Said",
        Role::Student,
        &[DocumentType::Passport, DocumentType::StudentCard],
    ),
    ("Milan Horvat", Role::Tenant, &[DocumentType::NationalId]),
    ("Adaeze Obi", Role::Student, &[DocumentType::Passport]),
];

pub fn make(
    installation: &Installation,
    database: &Database,
    source: &Source,
    company: CompanyId,
    now: Timestamp,
) -> Result<(), Failure> {
    let store = BLOB_STORE.read(|name| source.lookup(name))?;
    for (place, (name, role, kinds)) in (0..).zip(APPLICANTS) {
        let at = now.plus_seconds(-7_200 * (place + 1));
        let mut handed_in = Vec::new();
        for kind in kinds {
            let content = paper(kind.as_str(), name);
            // In a store that only the components reach, the contents are left out, and with them the documents.
            let Some(blob_key) = (store == BlobStore::KeyValue)
                .then(|| installation.put_blob(&content))
                .transpose()?
                .flatten()
            else {
                continue;
            };
            handed_in.push(NewDocument {
                id: DocumentId::generate(at, random()?),
                kind: *kind,
                file_name: format!("{}.pdf", kind.as_str().to_lowercase().replace('_', "-")),
                content_type: "application/pdf".to_owned(),
                size: i64::try_from(content.len()).unwrap_or(i64::MAX),
                blob_key,
            });
        }
        let email = address(&format!("applicant{}", place + 1))?;
        let user = NewUser {
            id: UserId::generate(at, random()?),
            email: &email,
            name,
            role,
            company: Some(company),
            status: UserStatus::Pending,
            // No password has this hash. An approved person gets one by mail.
            password_hash: "!",
            email_verified: true,
            document_verified: false,
            locale: "en",
            now: at,
        };
        let audit_id = AuditId::generate(now, random()?);
        database
            .transaction(|tx| {
                users::insert(tx, &user)?;
                documents::insert_case(tx, user.id, &handed_in, at)?;
                audit::append(
                    tx,
                    &NewAuditEntry {
                        id: audit_id,
                        at: now,
                        actor: Some(user.id),
                        action: "user.registered",
                        subject_type: "user",
                        subject_id: user.id.to_string(),
                        company: Some(company),
                        ip: "",
                        request_id: "",
                        details: serde_json::json!({ "by": "nexus", "role": role, "documents": handed_in.len() }),
                    },
                )?;
                Ok::<_, StoreError>(())
            })
            .map_err(unstored)?;
    }
    Ok(())
}

/// A PDF of one page (PDF 32000-1:2008 §7.5), recognisably a sample.
fn paper(kind: &str, name: &str) -> Vec<u8> {
    let text = format!("BT /F1 20 Tf 60 740 Td (SPECIMEN {kind}) Tj 0 -40 Td ({name}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut pdf = String::from("%PDF-1.4\n");
    let mut table = String::from("0000000000 65535 f \n");
    // Writing into a String can't fail.
    for (number, object) in (1..).zip(&objects) {
        let _ = writeln!(table, "{:010} 00000 n ", pdf.len());
        let _ = write!(pdf, "{number} 0 obj\n{object}\nendobj\n");
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    let _ = write!(
        pdf,
        "xref\n0 {size}\n{table}trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    );
    pdf.into_bytes()
}
