//! A company with one apartment and one tenant, on a day.

use nexus_domain::ids::{ApartmentId, OccupancyId, TenantId};
use nexus_domain::invoice::Invoice;
use nexus_domain::premises::ApartmentStatus;
use nexus_store::property::company_state::CompanyToday;
use nexus_store::{
    Database,
    property::{company_owned, invoices},
};

use super::{apartment, company, compound, draft, noon, occupancy, tenant, today};

pub struct Scene {
    pub database: Database,
    pub day: CompanyToday,
    pub apartment: ApartmentId,
    pub tenant: TenantId,
}

pub fn scene(on: &str) -> Scene {
    let database = Database::in_memory().unwrap();
    let now = noon(on);
    let company = company(&database, now);
    let day = today(&database, company, now);
    let apartment = apartment(&database, company, compound(&database, company, now), "1", now);
    let tenant = tenant(&database, company, now);
    Scene {
        database,
        day,
        apartment,
        tenant,
    }
}

impl Scene {
    pub fn lease(&self, start: &str, end: Option<&str>) -> OccupancyId {
        occupancy(&self.database, &self.day, self.apartment, self.tenant, start, end)
    }

    pub fn apartment_status(&self) -> ApartmentStatus {
        company_owned::find(&self.database, self.day.id, self.apartment)
            .unwrap()
            .unwrap()
            .status
    }

    pub fn issue(&self, lease: OccupancyId, total: i64, due: &str) -> Invoice {
        let mut invoice = draft(&self.day, lease, self.tenant, total, due);
        self.database
            .transaction(|tx| invoices::insert(tx, &mut invoice))
            .unwrap();
        self.database
            .transaction(|tx| invoices::issue(tx, &self.day, invoice.id))
            .unwrap()
    }
}
