//! `/maintenance-requests`: residents ask for their home, staff mend.

use axum::extract::State;
use http::HeaderMap;
use nexus_domain::ids::{ApartmentId, AttachmentId, CompanyId, MaintenanceRequestId, UserId};
use nexus_domain::maintenance::{Description, MaintenanceRequest, Priority, RequestStatus, StatusChange, Title};
use nexus_domain::notification_kind::NotificationKind;
use nexus_domain::{Invalid, Role};
use nexus_kit::listing::{self, ListParams};
use nexus_kit::page::Page;
use nexus_kit::patch::{Change, Clearable, RawJson};
use nexus_kit::{ApiError, ApiResult, App, Code, FieldErrors, Json, clock, respond, write};
use nexus_store::chat::notifications::{self, Notification};
use nexus_store::property::ledger_notices::SentNotice;
use nexus_store::{
    Database, StoreError,
    property::{company_owned, maintenance as store, occupancies},
};
use utoipa::ToSchema;

use crate::audit::MAINTENANCE;
use crate::notify;
use crate::principal::{Principal, PrincipalWith};
use crate::routes::{Body, make, remove};

const MAX_ATTACHMENTS: usize = 10;

const CSV: &[&str] = &[
    "id",
    "apartmentId",
    "requestedBy",
    "title",
    "description",
    "priority",
    "status",
    "assigneeId",
    "createdAt",
    "updatedAt",
];

/// The requests of a company; a resident's own.
#[utoipa::path(
    get, path = "/api/v1/maintenance-requests", tag = "maintenance", params(ListParams),
    responses((status = 200, body = Page<MaintenanceRequest>), (status = 304))
)]
pub async fn list_maintenance_requests(State(app): State<App>, principal: Principal, headers: HeaderMap) -> ApiResult {
    let company = principal.day(&app).await?.id;
    let mut asked = listing::read(&store::LISTING, "maintenance", Some(company), principal.pairs())?;
    if principal.role().is_resident() {
        asked
            .request
            .filters
            .push((store::OF_REQUESTER, principal.user().into()).into());
    }
    listing::answer(&app, &headers, &store::LISTING, asked, CSV, std::convert::identity)
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct NewMaintenanceRequest {
    apartment_id: ApartmentId,
    title: Title,
    description: Description,
    #[deserr(default)]
    #[schema(required = false, value_type = Priority)]
    priority: Change<Priority>,
    /// Set by staff.
    #[deserr(default)]
    assignee_id: Option<UserId>,
    /// Ids of files one has uploaded (`POST /attachments`), at most 10.
    #[deserr(default)]
    #[schema(required = false, value_type = Vec<AttachmentId>)]
    attachments: Change<Vec<AttachmentId>>,
}

/// 404 for an apartment that isn't there, or isn't the resident's home; for an assignee who isn't staff.
fn check_references(app: &App, principal: &Principal, company: CompanyId, body: &RawJson) -> Result<(), ApiError> {
    if let Some(apartment) = body.id::<ApartmentId>("apartmentId") {
        company_owned::find(app.database(), company, apartment)?
            .ok_or_else(|| ApiError::not_found_in("apartmentId"))?;
        if principal.role().is_resident() {
            let at_home = match principal.tenant(app, company)? {
                Some(tenant) => occupancies::home_of(app.database(), company, tenant, apartment)?,
                None => false,
            };
            if !at_home {
                return Err(ApiError::not_found_in("apartmentId"));
            }
        }
    }
    if let Some(assignee) = body.id("assigneeId")
        && !store::is_staff(app.database(), company, assignee)?
    {
        return Err(ApiError::not_found_in("assigneeId"));
    }
    Ok(())
}

/// Attachments are one's own uploads, each given once; those that were there already stay.
fn check_attachments(
    database: &Database,
    user: UserId,
    before: &[AttachmentId],
    after: &[AttachmentId],
) -> Result<(), ApiError> {
    if after.len() > MAX_ATTACHMENTS {
        return Err(ApiError::field(
            "attachments",
            Invalid::new("WRONG_LENGTH", format!("must have at most {MAX_ATTACHMENTS}")),
        ));
    }
    let twice = after
        .iter()
        .enumerate()
        .find(|(place, id)| after[..*place].contains(id));
    // What was stored when this was let pass keeps nobody from changing the rest.
    if let Some((place, _)) = twice.filter(|_| after != before) {
        let invalid = Invalid::new("DUPLICATE", "is given twice");
        return Err(ApiError::field(format!("attachments[{place}]"), invalid));
    }
    let added: Vec<_> = after.iter().copied().filter(|id| !before.contains(id)).collect();
    if !added.is_empty() && store::own_attachments(database, user, &added)? != added.len() {
        return Err(ApiError::not_found_in("attachments"));
    }
    Ok(())
}

/// Ask for something to be mended.
#[utoipa::path(
    post, path = "/api/v1/maintenance-requests", tag = "maintenance", request_body = NewMaintenanceRequest,
    responses((status = 201, body = MaintenanceRequest))
)]
pub async fn create_maintenance_request(
    State(app): State<App>,
    principal: Principal,
    body: Body<RawJson>,
) -> ApiResult {
    let day = principal.day(&app).await?;
    let Json(body) = body?;
    check_references(&app, &principal, day.id, &body)?;
    principal.reject_unknown_query(&[])?;
    let new: NewMaintenanceRequest = body.read()?;
    if new.assignee_id.is_some() {
        principal.require(Role::Manager)?;
    }
    let attachments = new.attachments.or(Vec::new());
    check_attachments(app.database(), principal.user(), &[], &attachments)?;
    let request = MaintenanceRequest {
        id: clock::new_id(MaintenanceRequestId::generate),
        company_id: day.id,
        apartment_id: new.apartment_id,
        requested_by: principal.user(),
        title: new.title.to_string(),
        description: new.description.to_string(),
        priority: new.priority.or(Priority::Normal),
        status: RequestStatus::Open,
        assignee_id: new.assignee_id,
        attachments,
        history: vec![StatusChange {
            at: day.now,
            by: principal.user(),
            status: RequestStatus::Open,
        }],
        created_at: day.now,
        updated_at: day.now,
        version: 1,
    };
    let request = make(&app, &principal, day.id, &MAINTENANCE, request, |tx, request| {
        Ok(store::insert(tx, request)?)
    })
    .await?;
    Ok(respond::with_etag(respond::created(&request), request.version))
}

/// The request; a resident finds their own only.
async fn find(
    app: &App,
    principal: PrincipalWith<MaintenanceRequestId>,
) -> Result<(Principal, MaintenanceRequest), ApiError> {
    let (principal, _, request) = principal.find(app).await?;
    if principal.role().is_resident() && request.requested_by != principal.user() {
        return Err(ApiError::not_found());
    }
    Ok((principal, request))
}

/// One request, with its history.
#[utoipa::path(
    get, path = "/api/v1/maintenance-requests/{id}", tag = "maintenance",
    params(("id" = MaintenanceRequestId, Path)),
    responses((status = 200, body = MaintenanceRequest), (status = 304))
)]
pub async fn get_maintenance_request(
    State(app): State<App>,
    principal: PrincipalWith<MaintenanceRequestId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, request) = find(&app, principal).await?;
    principal.reject_unknown_query(&[])?;
    Ok(respond::versioned(&headers, request.version, &request))
}

#[derive(deserr::Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields, rename_all = camelCase)]
#[schema(rename_all = "camelCase")]
pub struct MaintenancePatch {
    #[deserr(default)]
    #[schema(required = false, value_type = Title)]
    title: Change<Title>,
    #[deserr(default)]
    #[schema(required = false, value_type = Description)]
    description: Change<Description>,
    #[deserr(default)]
    #[schema(required = false, value_type = Priority)]
    priority: Change<Priority>,
    /// Staff move it on; a resident may only close their own.
    #[deserr(default)]
    #[schema(required = false, value_type = RequestStatus)]
    status: Change<RequestStatus>,
    #[deserr(default)]
    #[schema(required = false, value_type = Option<UserId>)]
    assignee_id: Clearable<UserId>,
    #[deserr(default)]
    #[schema(required = false, value_type = Vec<AttachmentId>)]
    attachments: Change<Vec<AttachmentId>>,
}

/// Change a request or move it on.
#[utoipa::path(
    patch, path = "/api/v1/maintenance-requests/{id}", tag = "maintenance",
    params(("id" = MaintenanceRequestId, Path)), request_body = MaintenancePatch,
    responses((status = 200, body = MaintenanceRequest), (status = 412), (status = 422))
)]
pub async fn update_maintenance_request(
    State(app): State<App>,
    principal: PrincipalWith<MaintenanceRequestId>,
    headers: HeaderMap,
    body: Body<RawJson>,
) -> ApiResult {
    let (principal, found) = find(&app, principal).await?;
    let Json(body) = body?;
    check_references(&app, &principal, found.company_id, &body)?;
    principal.reject_unknown_query(&[])?;
    let patch: MaintenancePatch = body.read()?;
    let resident = principal.role().is_resident();
    if resident
        && (patch.assignee_id.0.is_some() || patch.status.0.is_some_and(|status| status != RequestStatus::Closed))
    {
        return Err(ApiError::forbidden());
    }
    let (now, audit, user, company) = (clock::now(), principal.audit(), principal.user(), found.company_id);
    let (edited, told) = write(&app, move |tx| {
        let mut told = Vec::new();
        let edited = store::edit(tx, company, found.id, now, |tx, before| {
            respond::check_if_match(&headers, before.version)?;
            let mut after = before.clone();
            after.title = patch.title.0.map_or(after.title, |title| title.to_string());
            after.description = patch.description.0.map_or(after.description, |text| text.to_string());
            after.priority = patch.priority.or(after.priority);
            after.status = patch.status.or(after.status);
            after.assignee_id = patch.assignee_id.or(after.assignee_id);
            after.attachments = patch.attachments.or(after.attachments);
            check_attachments(tx, user, &before.attachments, &after.attachments)?;
            if !before.status.may_become(after.status) || (before.status == RequestStatus::Closed && after != before) {
                let detail = format!("A request that is {} can't be changed so.", before.status);
                return Err(ApiError::new(Code::InvalidTransition, detail));
            }
            if after.status != before.status {
                after.history.push(StatusChange {
                    at: now,
                    by: user,
                    status: after.status,
                });
                if after.requested_by != user {
                    told.push(tell_requester(tx, &after)?);
                }
            }
            Ok(after)
        })?
        .ok_or_else(ApiError::not_found)?;
        audit.edited(tx, company, &MAINTENANCE, "updated", &edited)?;
        Ok::<_, ApiError>((edited.after, told))
    })
    .await?;
    notify::publish(&app, told);
    Ok(respond::with_etag(respond::ok(&edited), edited.version))
}

/// Whoever asked hears that it moves on.
fn tell_requester(tx: &Database, request: &MaintenanceRequest) -> Result<SentNotice, StoreError> {
    let at = clock::now();
    let told = SentNotice {
        user: request.requested_by,
        kind: NotificationKind::MaintenanceUpdate,
        title: request.title.clone(),
        body: format!("Now {}", request.status),
        link: format!("/maintenance-requests/{}", request.id),
        at,
    };
    notifications::insert(
        tx,
        &Notification {
            id: clock::new_id(nexus_domain::ids::NotificationId::generate),
            user_id: told.user,
            kind: told.kind.clone(),
            title: told.title.clone(),
            body: told.body.clone(),
            link: Some(told.link.clone()),
            created_at: at,
            read_at: None,
        },
    )?;
    Ok(told)
}

/// Remove a request: staff any, a resident one that is still open.
#[utoipa::path(
    delete, path = "/api/v1/maintenance-requests/{id}", tag = "maintenance",
    params(("id" = MaintenanceRequestId, Path)),
    responses((status = 204), (status = 412), (status = 422))
)]
pub async fn delete_maintenance_request(
    State(app): State<App>,
    principal: PrincipalWith<MaintenanceRequestId>,
    headers: HeaderMap,
) -> ApiResult {
    let (principal, request) = find(&app, principal).await?;
    principal.reject_unknown_query(&[])?;
    if principal.role().is_resident() && request.status != RequestStatus::Open {
        return Err(ApiError::new(
            Code::InvalidTransition,
            "Work on this request has begun.",
        ));
    }
    let (company, request) = (request.company_id, request.id);
    remove(
        &app,
        &principal,
        headers,
        (company, &MAINTENANCE, request),
        move |tx| Ok(company_owned::find(tx, company, request)?.map(|found| found.version)),
        move |tx| store::delete(tx, company, request),
    )
    .await
}
