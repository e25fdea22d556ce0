//! Maintenance requests.

use nexus_domain::Timestamp;
use nexus_domain::ids::{ApartmentId, AttachmentId, CompanyId, MaintenanceRequestId, UserId};
use nexus_domain::maintenance::{MaintenanceRequest, Priority, RequestStatus};
use nexus_domain::text::fold;
use serde_json::json;

use crate::listing::{Filter, Listing, Sort, SortKind};
use crate::property::company_owned::{self, CompanyOwned};
use crate::{Database, Edited, Row, StoreError, Transaction, params};

const COLUMNS: &str = "id, company_id, apartment_id, requested_by, title, description, priority, status, assignee_id, \
attachments, history, created_at, updated_at, version";

/// The least urgent first: by their letters HIGH would stand before LOW.
const URGENCY: &str = "CASE priority WHEN 'LOW' THEN 0 WHEN 'NORMAL' THEN 1 WHEN 'HIGH' THEN 2 ELSE 3 END";

pub static LISTING: Listing<MaintenanceRequest> = Listing {
    columns: COLUMNS,
    from: "maintenance_requests",
    scope: "company_id = ?1",
    id: "id",
    sorts: &[
        Sort::by_index("createdAt", "id", SortKind::Id),
        Sort::by_index("updatedAt", "updated_at", SortKind::Integer),
        Sort::by_index("apartmentId", "apartment_id", SortKind::Text),
        Sort::by_index("requestedBy", "requested_by", SortKind::Text),
        Sort::by_index("status", "status", SortKind::Text),
        Sort::unindexed("priority", URGENCY, SortKind::Integer),
        Sort::unindexed("title", "title", SortKind::Text),
        Sort::unindexed("assigneeId", "coalesce(assignee_id, '')", SortKind::Text),
    ],
    filters: &[
        Filter::of::<ApartmentId>("apartmentId", "apartment_id ="),
        Filter::one_of::<RequestStatus>("status", "status ="),
        Filter::one_of::<Priority>("priority", "priority ="),
        Filter::of::<UserId>("assigneeId", "assignee_id ="),
        Filter::of::<UserId>("requestedBy", "requested_by ="),
        Filter::text("title", "title ="),
        Filter::ordered::<Timestamp>("createdAt", "created_at ="),
        Filter::ordered::<Timestamp>("updatedAt", "updated_at ="),
    ],
    search: "folded LIKE ?2 ESCAPE '\\'",
    total: "(SELECT maintenance_requests FROM company_totals WHERE company_id = ?1)",
    read,
};

/// The clause that holds a list to what one person asked for.
pub const OF_REQUESTER: &str = "requested_by =";

fn read(row: &Row) -> Result<MaintenanceRequest, StoreError> {
    let json = |index| row.get::<String>(index);
    Ok(MaintenanceRequest {
        id: row.parse(0)?,
        company_id: row.parse(1)?,
        apartment_id: row.parse(2)?,
        requested_by: row.parse(3)?,
        title: row.get(4)?,
        description: row.get(5)?,
        priority: row.parse(6)?,
        status: row.parse(7)?,
        assignee_id: row.parse_opt(8)?,
        attachments: serde_json::from_str(&json(9)?).map_err(|_| StoreError::Column { index: 9 })?,
        history: serde_json::from_str(&json(10)?).map_err(|_| StoreError::Column { index: 10 })?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
        version: row.get(13)?,
    })
}

impl CompanyOwned for MaintenanceRequestId {
    type Entity = MaintenanceRequest;

    fn listing() -> &'static Listing<MaintenanceRequest> {
        &LISTING
    }
}

/// Those of these files that this person uploaded.
pub fn own_attachments(database: &Database, owner: UserId, ids: &[AttachmentId]) -> Result<usize, StoreError> {
    let rows = database.query(
        "SELECT a.id FROM json_each(?2) j CROSS JOIN attachments a ON a.id = j.value WHERE a.owner_id = ?1",
        params![owner, json!(ids).to_string()],
    )?;
    Ok(rows.len())
}

/// Whether somebody works for the company: only they can be assigned.
pub fn is_staff(database: &Database, company: CompanyId, user: UserId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "SELECT 1 FROM users WHERE id = ?1 AND company_id = ?2 AND role IN ('MANAGER', 'ADMIN')",
        params![user, company],
    )?;
    Ok(row.is_some())
}

/// What a search reads of texts of which each has lines of its own.
pub(crate) fn folded(title: &str, text: &str) -> String {
    format!("{}\n{}", fold(title), fold(text))
}

pub fn insert(database: &Database, request: &MaintenanceRequest) -> Result<(), StoreError> {
    database.execute(
        "INSERT INTO maintenance_requests (id, company_id, apartment_id, requested_by, title, description, folded, priority, \
         status, assignee_id, attachments, history, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?13, ?7, ?8, ?9, ?10, ?11, ?12, ?12)",
        params![
            request.id,
            request.company_id,
            request.apartment_id,
            request.requested_by,
            &request.title,
            &request.description,
            request.priority,
            request.status,
            request.assignee_id,
            json!(request.attachments).to_string(),
            json!(request.history).to_string(),
            request.created_at,
            folded(&request.title, &request.description)
        ],
    )
}

/// Reads, changes and writes under one lock; what the change leaves as it was isn't written.
pub fn edit<E: From<StoreError>>(
    tx: &Transaction<'_>,
    company: CompanyId,
    id: MaintenanceRequestId,
    now: Timestamp,
    change: impl FnOnce(&Database, MaintenanceRequest) -> Result<MaintenanceRequest, E>,
) -> Result<Option<Edited<MaintenanceRequest>>, E> {
    let Some(before) = company_owned::find(tx, company, id)? else {
        return Ok(None);
    };
    let mut after = change(tx, before.clone())?;
    if after == before {
        return Ok(Some(Edited::unchanged(before)));
    }
    tx.execute(
        "UPDATE maintenance_requests SET title = ?3, description = ?4, folded = ?11, priority = ?5, status = ?6, assignee_id = ?7, \
         attachments = ?8, history = ?9, updated_at = ?10, version = version + 1 WHERE company_id = ?1 AND id = ?2",
        params![
            company,
            id,
            &after.title,
            &after.description,
            after.priority,
            after.status,
            after.assignee_id,
            json!(after.attachments).to_string(),
            json!(after.history).to_string(),
            now,
            folded(&after.title, &after.description)
        ],
    )?;
    after.updated_at = now;
    after.version += 1;
    Ok(Some(Edited { before, after }))
}

/// Whether it was there.
pub fn delete(database: &Database, company: CompanyId, id: MaintenanceRequestId) -> Result<bool, StoreError> {
    let row = database.query_opt(
        "DELETE FROM maintenance_requests WHERE company_id = ?1 AND id = ?2 RETURNING id",
        params![company, id],
    )?;
    Ok(row.is_some())
}
