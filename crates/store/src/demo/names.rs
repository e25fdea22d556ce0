//! What made-up people and places are called.

use serde_json::{Value, json};

use super::chance::Chance;

const COMPANIES: [&str; 12] = [
    "Nile Living",
    "Delta Homes",
    "Green Hills",
    "Palm House",
    "Harbour Rooms",
    "Campus Court",
    "Lotus Residence",
    "Cedar Stay",
    "Sunrise Housing",
    "Old Town Flats",
    "River Lodge",
    "Garden City",
];
const COMPOUNDS: [&str; 10] = [
    "Al Rehab",
    "Garden Court",
    "North Tower",
    "Palm Row",
    "Lakeside",
    "University Gate",
    "Old Mill",
    "Jasmine Park",
    "West Yard",
    "Sunset Terrace",
];
const STREETS: [&str; 8] = [
    "Tahrir Street",
    "Corniche Road",
    "University Avenue",
    "El Nasr Road",
    "Garden Lane",
    "Station Street",
    "Mosque Street",
    "Market Square",
];
const CITIES: [&str; 6] = ["Cairo", "Giza", "Alexandria", "Mansoura", "Tanta", "Aswan"];
const GIVEN: [&str; 24] = [
    "Ahmed", "Mariam", "Omar", "Salma", "Youssef", "Nour", "Hassan", "Layla", "Karim", "Farida", "Mostafa", "Hana",
    "Ana", "Luis", "Sofia", "Jonas", "Amélie", "Marco", "Yuki", "Priya", "Daniel", "Grace", "Tariq", "Zainab",
];
const FAMILY: [&str; 20] = [
    "Hassan",
    "Ibrahim",
    "El-Sayed",
    "Mansour",
    "Fahmy",
    "Saleh",
    "Naguib",
    "Farouk",
    "Haddad",
    "Khalil",
    "Silva",
    "Moreau",
    "Weber",
    "Rossi",
    "Tanaka",
    "Patel",
    "Okafor",
    "Novak",
    "Lindqvist",
    "Murphy",
];

pub fn company(place: usize) -> String {
    COMPANIES[place % COMPANIES.len()].to_owned()
}

pub fn compound(place: usize) -> String {
    match place / COMPOUNDS.len() {
        0 => COMPOUNDS[place].to_owned(),
        round => format!("{} {}", COMPOUNDS[place % COMPOUNDS.len()], round + 1),
    }
}

pub fn address(place: usize) -> Value {
    json!({
        "line1": format!("{} {}", place % 90 + 1, STREETS[place % STREETS.len()]),
        "city": CITIES[place % CITIES.len()],
        "postalCode": format!("{:05}", 11_000 + place * 17 % 900),
        "country": "EG",
    })
}

/// A name and an address that reaches nobody (RFC 2606).
pub fn person(chance: &mut Chance, place: usize) -> (String, String) {
    let (given, family) = (GIVEN[chance.below(GIVEN.len())], FAMILY[chance.below(FAMILY.len())]);
    let plain = |name: &str| {
        name.chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_lowercase()
    };
    (
        format!("{given} {family}"),
        format!("{}.{}{place}@example.org", plain(given), plain(family)),
    )
}
