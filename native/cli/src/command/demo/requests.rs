//! The demo company's maintenance requests, in every state.

use nexus_domain::Timestamp;
use nexus_domain::ids::{CompanyId, MaintenanceRequestId};
use nexus_domain::maintenance::{MaintenanceRequest, Priority, RequestStatus, StatusChange};
use nexus_store::{Database, demo, property::maintenance};

use super::people::People;
use super::unstored;
use crate::accounts::random;
use crate::failure::Failure;

const DAY: i64 = 86_400;

/// Age in days, priority, state, and text.
const REQUESTS: [(i64, Priority, RequestStatus, &str, &str); 8] = [
    (
        58,
        Priority::Normal,
        RequestStatus::Closed,
        "Hallway light flickers",
        "The light outside the door goes on and off all evening.",
    ),
    (
        41,
        Priority::High,
        RequestStatus::Closed,
        "No hot water",
        "Since this morning there is only cold water, in the kitchen and in the bathroom.",
    ),
    (
        23,
        Priority::Low,
        RequestStatus::Resolved,
        "Wardrobe door out of its rail",
        "The left door can be lifted out. It works when closed with care.",
    ),
    (
        12,
        Priority::Normal,
        RequestStatus::Resolved,
        "Washing machine in the basement stops",
        "Machine 2 stops in the middle of the programme and shows E18.",
    ),
    (
        6,
        Priority::High,
        RequestStatus::InProgress,
        "Window doesn't close",
        "The bedroom window stays open by a finger's breadth, and it is cold at night.",
    ),
    (
        3,
        Priority::Normal,
        RequestStatus::InProgress,
        "Drain in the shower is slow",
        "The water stands for a quarter of an hour after a shower.",
    ),
    (
        1,
        Priority::Urgent,
        RequestStatus::Open,
        "Water under the sink",
        "The pipe under the kitchen sink drips; there is a bucket below it now.",
    ),
    (
        0,
        Priority::Low,
        RequestStatus::Open,
        "Name plate at the bell",
        "The plate still has the name of who lived here before.",
    ),
];

pub fn make(database: &Database, company: CompanyId, people: &People, now: Timestamp) -> Result<(), Failure> {
    let mut homes = Vec::new();
    for resident in &people.residents {
        let apartment = demo::apartment_of(database, company, resident.account.id).map_err(unstored)?;
        homes.extend(apartment.map(|apartment| (resident.account.id, apartment)));
    }
    let manager = people.manager.account.id;
    for ((days, priority, status, title, description), (resident, apartment)) in
        REQUESTS.into_iter().zip(homes.iter().cycle())
    {
        let at = now.plus_seconds(-days * DAY - 5_400);
        let step = |hours: i64, by, status| StatusChange {
            at: at.plus_seconds(hours * 3_600),
            by,
            status,
        };
        let history = match status {
            RequestStatus::Open => vec![step(0, *resident, status)],
            RequestStatus::InProgress => vec![step(0, *resident, RequestStatus::Open), step(1, manager, status)],
            done => vec![
                step(0, *resident, RequestStatus::Open),
                step(2, manager, RequestStatus::InProgress),
                step(26, manager, done),
            ],
        };
        let request = MaintenanceRequest {
            id: MaintenanceRequestId::generate(at, random()?),
            company_id: company,
            apartment_id: *apartment,
            requested_by: *resident,
            title: title.to_owned(),
            description: description.to_owned(),
            priority,
            status,
            assignee_id: (status != RequestStatus::Open).then_some(manager),
            attachments: Vec::new(),
            history,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        maintenance::insert(database, &request).map_err(unstored)?;
    }
    Ok(())
}
