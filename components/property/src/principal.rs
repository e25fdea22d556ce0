//! Who asks, and for which company.

use axum::extract::FromRequestParts;
use http::request::Parts;
use nexus_domain::ids::{CompanyId, TenantId, UserId};
use nexus_domain::{Invalid, Role};
use nexus_kit::listing::{ListRequest, Pairs};
use nexus_kit::{ApiError, App, Caller, FieldError, Path, Session, clock, write_permit};
use nexus_store::property::company_owned::{self, CompanyOwned};
use nexus_store::property::company_state::{self, CompanyState, CompanyToday};
use nexus_store::{StoreError, property::tenants};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{OpenApi, RefOr, Required};

use crate::audit::AuditWriter;

/// A signed-in person, and the company they name if they do (`?companyId=`).
pub struct Principal {
    session: Session,
    /// Of the company they name, or else their own; not asked yet whether it is theirs to see.
    state: Option<CompanyState>,
    caller: Caller,
    named: Option<CompanyId>,
    pairs: Vec<(String, String)>,
}

impl FromRequestParts<App> for Principal {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let (principal, ()) = Self::identify(parts, app, |parts, named| {
            let (session, state) = Session::with_company(app, parts, named)?;
            Ok((session, state, ()))
        })
        .await?;
        Ok(principal)
    }
}

/// Somebody who asks for one thing by its id, and that thing: read in one statement with who they are.
pub struct PrincipalWith<I: CompanyOwned> {
    principal: Principal,
    id: Option<I>,
    beside: Option<I::Entity>,
}

impl<I: CompanyOwned> FromRequestParts<App> for PrincipalWith<I> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let id = path.ok().and_then(|Path(id)| id.parse::<I>().ok());
        let (principal, beside) = Principal::identify(parts, app, |parts, named| match id {
            Some(id) => Session::with_entity(app, parts, named, id),
            None => Session::with_company(app, parts, named).map(|(session, state)| (session, state, None)),
        })
        .await?;
        Ok(Self { principal, id, beside })
    }
}

impl<I: CompanyOwned> PrincipalWith<I> {
    /// What they ask for, as it is today.
    pub async fn find(self, app: &App) -> Result<(Principal, CompanyToday, I::Entity), ApiError> {
        let Self { principal, id, beside } = self;
        let id = id.ok_or_else(ApiError::not_found)?;
        let (day, found) = match (&principal.state, beside) {
            (Some(state), Some(found)) if state.is_current() => {
                principal.company_holding(|| Ok(Some(state.day.id)))?;
                (state.day.clone(), found)
            }
            // A SUPER_ADMIN may find it anywhere; what the day changes is read when it has been changed.
            _ => principal.find(app, id).await?,
        };
        Ok((principal, day, found))
    }
}

/// Every call takes `?companyId=`, so that is said here once; but a path below `/companies` names the company itself.
pub fn document(api: &mut OpenApi) {
    let items = api
        .paths
        .paths
        .iter_mut()
        .filter(|(path, _)| !path.starts_with("/api/v1/companies"));
    for (_, item) in items {
        for operation in [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete] {
            let Some(operation) = operation else { continue };
            let parameters = operation.parameters.get_or_insert_default();
            if !parameters.iter().any(is_company) {
                parameters.push(company_parameter().into());
            }
        }
    }
}

fn is_company(parameter: &RefOr<Parameter>) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == "companyId")
}

fn company_parameter() -> Parameter {
    let uuid = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::Custom("uuid".into())));
    ParameterBuilder::new()
        .name("companyId")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("For SUPER_ADMIN: whose."))
        .schema(Some(uuid))
        .build()
}

impl Principal {
    /// Who asks, by what is `read` of the company that they name; and what was read with it.
    async fn identify<T>(
        parts: &mut Parts,
        app: &App,
        read: impl FnOnce(&Parts, Option<CompanyId>) -> Result<(Session, Option<CompanyState>, T), ApiError>,
    ) -> Result<(Self, T), ApiError> {
        let asked = Pairs::of(parts).and_then(|pairs| Ok((pairs.company()?, pairs.0)));
        // Who isn't signed in isn't told what is wrong with the rest.
        let named = asked.as_ref().ok().and_then(|(named, _)| *named);
        let (session, state, beside) = read(parts, named)?;
        let caller = Caller::from_request_parts(parts, app).await?;
        let (named, pairs) = asked?;
        let principal = Self {
            session,
            state,
            caller,
            named,
            pairs,
        };
        Ok((principal, beside))
    }

    pub fn user(&self) -> UserId {
        self.session.user()
    }

    pub fn role(&self) -> Role {
        self.session.role()
    }

    /// Who writes down what they do.
    pub fn audit(&self) -> AuditWriter {
        AuditWriter::new(Some(self.user()), self.caller.clone())
    }

    /// 403 unless the role is at least this one.
    pub fn require(&self, role: Role) -> Result<(), ApiError> {
        self.session.require(role)
    }

    /// The query string, for lists.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// The parameter of this name, for the few calls that have some of their own.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, text)| text.as_str())
    }

    /// 400 for parameters that the call doesn't have.
    pub fn reject_unknown_query(&self, known: &[&str]) -> Result<(), ApiError> {
        let errors: Vec<_> = self
            .pairs
            .iter()
            .filter(|(name, _)| name != "companyId" && !known.contains(&name.as_str()))
            .map(|(name, _)| {
                FieldError::new(
                    name.clone(),
                    Invalid::new("UNKNOWN_PROPERTY", "is not a parameter of this call"),
                )
            })
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(errors))
        }
    }

    /// The company that a SUPER_ADMIN names, or one's own. Naming somebody else's finds nothing.
    pub fn company(&self) -> Result<CompanyId, ApiError> {
        match (self.session.role(), self.named, self.session.company()) {
            (Role::SuperAdmin, Some(named), _) => Ok(named),
            (Role::SuperAdmin, None, Some(own)) => Ok(own),
            (Role::SuperAdmin, None, None) => Err(ApiError::field(
                "companyId",
                Invalid::new("REQUIRED", "is required: say which company"),
            )),
            (_, Some(named), own) if own != Some(named) => Err(ApiError::not_found_in("companyId")),
            (_, _, Some(own)) => Ok(own),
            (_, _, None) => Err(ApiError::forbidden()),
        }
    }

    /// [`Principal::company`] on the day it is there.
    pub async fn day(&self, app: &App) -> Result<CompanyToday, ApiError> {
        self.open(app, self.company()?).await
    }

    /// A company on the day it is there, if need be moved on to it.
    pub async fn open(&self, app: &App, company: CompanyId) -> Result<CompanyToday, ApiError> {
        let beside = self.state.as_ref().filter(|state| state.day.id == company);
        let state = match beside {
            Some(state) => Some(state.clone()),
            None => company_state::state(app.database(), company, clock::now())?,
        };
        let state = state.ok_or_else(|| ApiError::not_found_in("companyId"))?;
        if state.is_current() {
            return Ok(state.day);
        }
        let _turn = write_permit().await;
        let opened = state.opened(app.database())?;
        Ok(opened.ok_or_else(ApiError::not_found)?.day)
    }

    /// The company in which something with an id is looked for: one's own, or wherever it is for a SUPER_ADMIN.
    pub fn company_holding(
        &self,
        find: impl FnOnce() -> Result<Option<CompanyId>, StoreError>,
    ) -> Result<CompanyId, ApiError> {
        if self.session.role() == Role::SuperAdmin {
            return find()?
                .filter(|found| self.named.is_none_or(|named| named == *found))
                .ok_or_else(ApiError::not_found);
        }
        match self.session.company() {
            Some(own) if self.named.is_none_or(|named| named == own) => Ok(own),
            _ => Err(ApiError::not_found()),
        }
    }

    /// Something by its id, in the company where they may see it, as it is today there.
    pub async fn find<I: CompanyOwned>(&self, app: &App, id: I) -> Result<(CompanyToday, I::Entity), ApiError> {
        let company = self.company_holding(|| company_owned::company_of(app.database(), id))?;
        let day = self.open(app, company).await?;
        let found = company_owned::find(app.database(), company, id)?.ok_or_else(ApiError::not_found)?;
        Ok((day, found))
    }

    /// For a resident: which tenant of the company they are, if any.
    pub fn tenant(&self, app: &App, company: CompanyId) -> Result<Option<TenantId>, ApiError> {
        Ok(tenants::of_user(app.database(), company, self.user())?)
    }

    /// A resident's list shows their own only; `of_tenant` is the list's condition for that.
    pub fn restrict_to_tenant(
        &self,
        app: &App,
        company: CompanyId,
        asked: &mut ListRequest,
        of_tenant: &'static str,
    ) -> Result<(), ApiError> {
        if self.role().is_resident() {
            let tenant = self
                .tenant(app, company)?
                .map(|tenant| tenant.to_string())
                .unwrap_or_default();
            asked.request.filters.push((of_tenant, tenant.into()).into());
        }
        Ok(())
    }

    /// To a resident, what is another tenant's doesn't exist.
    pub fn check_own(&self, app: &App, company: CompanyId, tenant: TenantId) -> Result<(), ApiError> {
        if self.role().is_resident() && self.tenant(app, company)? != Some(tenant) {
            return Err(ApiError::not_found());
        }
        Ok(())
    }
}
