//! `nexus demo`: a company to look around in, and as many made-up ones as are asked for. Passwords are made here and
//! shown once.

use std::io::IsTerminal;

use clap::Args;
use nexus_domain::chat::{ChatName, ChatType, Seeker};
use nexus_domain::ids::{ChatId, CompanyId, MessageId, UserId};
use nexus_domain::message::{Content, MessageType};
use nexus_domain::{Invalid, Role, Timestamp};
use nexus_store::chats::{self, NewChat};
use nexus_store::demo::{self, Estate, Plan, What};
use nexus_store::messages::{self, NewMessage};
use nexus_store::{Database, StoreError, companies};

use crate::accounts::{self, Account, InsertError, random};
use crate::data_dir::Installation;
use crate::failure::Failure;
use crate::settings_source::EnvFile;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    installation: Installation,
    /// Picks other names, rents and payments; passwords are random whatever the seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many residents
    #[arg(long, value_name = "N", default_value_t = 6)]
    residents: usize,
    /// Makes so many companies besides, with apartments, tenants, invoices and payments
    #[arg(long, value_name = "N", default_value_t = 0)]
    companies: usize,
    /// Apartments of the first of them; the others have a twentieth each
    #[arg(long, value_name = "N", default_value_t = 200)]
    apartments: usize,
    /// Months of rent up to the present one
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(i32).range(0..=36))]
    months: i32,
    #[command(flatten)]
    env_file: EnvFile,
}

const SLUG: &str = "demo";
/// How many of the people are staff; they come first.
const STAFF: usize = 2;
const APARTMENTS: usize = 24;
const FIRST_NAMES: [&str; 12] = [
    "Amina", "Björn", "Chiara", "Dwayne", "Eszter", "Farid", "Grace", "Hiro", "Ines", "Jonas", "Kavya", "Lucía",
];
const LAST_NAMES: [&str; 7] = ["Okafor", "Lindqvist", "Moretti", "Haddad", "Szabó", "Tanaka", "Rao"];

struct SignIn {
    account: Account,
    password: String,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let source = arguments.env_file.read()?;
    let database = arguments.installation.database()?;
    if companies::by_slug(&database, SLUG).map_err(unstored)?.is_some() {
        println!("The demo company is there; its passwords were shown when it was made.");
        println!("`nexus admin create --company {SLUG} …` makes another account.");
    } else {
        make_company(arguments, &database, &people(arguments, &source)?)?;
    }
    make_others(arguments, &database)
}

fn unstored(error: StoreError) -> Failure {
    Failure::failed("the demo data can't be stored", error)
}

fn make_company(arguments: &Arguments, database: &Database, people: &[SignIn]) -> Result<(), Failure> {
    let now = accounts::now();
    let company = CompanyId::generate(now, random()?);
    database
        .transaction(|tx| {
            companies::insert(tx, company, "Demo Living", SLUG, "EGP", "Africa/Cairo", now)?;
            people
                .iter()
                .try_for_each(|person| person.account.insert(tx, Some(company), now))
        })
        .map_err(|error: InsertError| Failure::failed("the demo company can't be stored", error))?;
    let estate = Estate {
        apartments: APARTMENTS,
        months: arguments.months,
        now,
    };
    demo::furnish(database, company, &estate, arguments.seed).map_err(unstored)?;
    for resident in people.iter().skip(STAFF) {
        let account = &resident.account;
        demo::move_in(database, company, account.id, &account.name, &account.email).map_err(unstored)?;
    }
    make_chats(database, company, people, now)?;

    println!("Demo company `{SLUG}`. Sign in with (shown only now):");
    for person in people {
        let account = &person.account;
        println!(
            "  {:8} {:32} {}",
            account.role.as_str(),
            account.email.as_str(),
            person.password
        );
    }
    Ok(())
}

/// Companies to look at many of, or to measure with. They have no accounts: `nexus admin create` makes some.
fn make_others(arguments: &Arguments, database: &Database) -> Result<(), Failure> {
    if arguments.companies == 0 {
        return Ok(());
    }
    let plan = Plan {
        companies: arguments.companies,
        apartments: arguments.apartments,
        months: arguments.months,
        seed: arguments.seed,
        now: accounts::now(),
    };
    let told = std::io::stderr().is_terminal();
    let made = demo::fill(database, &plan, &mut |step| {
        if told {
            // Over itself, until the company is done.
            let what = match step.what {
                What::Estate => "apartments and tenants".to_owned(),
                What::Month(month) => format!("rent of {month}"),
                What::Done => "done".to_owned(),
            };
            let end = if step.what == What::Done { "\n" } else { "" };
            eprint!("\r\x1b[K[{}/{}] {}: {what}{end}", step.place, step.of, step.company);
        }
    })
    .map_err(unstored)?;
    println!("{} made-up companies:", made.len());
    for company in &made {
        println!("  {:32} {}", company.slug, company.name);
    }
    println!("`nexus admin create --company SLUG …` makes an account for one.");
    Ok(())
}

fn people(arguments: &Arguments, source: &crate::settings_source::Source) -> Result<Vec<SignIn>, Failure> {
    let hashing = accounts::hashing(source)?;
    let staff = [("admin", Role::Admin), ("manager", Role::Manager)];
    let residents = (0..arguments.residents).map(|n| {
        let role = if n % 2 == 0 { Role::Student } else { Role::Tenant };
        (format!("resident{}", n + 1), role)
    });
    staff
        .into_iter()
        .map(|(user, role)| (user.to_owned(), role))
        .chain(residents)
        .enumerate()
        .map(|(n, (user, role))| {
            let turn = n + (arguments.seed % 1_000) as usize;
            let first = FIRST_NAMES[turn % FIRST_NAMES.len()];
            let last = LAST_NAMES[turn % LAST_NAMES.len()];
            let email = format!("{user}@demo.example").parse().map_err(invalid)?;
            let password = password()?;
            let account = Account::new(email, format!("{first} {last}"), role, &password, &hashing)?;
            Ok(SignIn { account, password })
        })
        .collect()
}

/// One room for everybody, and the manager with each of the first residents.
fn make_chats(database: &Database, company: CompanyId, people: &[SignIn], now: Timestamp) -> Result<(), Failure> {
    let [admin, manager, residents @ ..] = people else {
        return Ok(());
    };
    let id = |person: &SignIn| person.account.id;
    let everybody: Vec<UserId> = people.iter().skip(1).map(id).collect();
    let name = ChatName::try_from("House".to_owned()).map_err(invalid)?;
    let room = make_chat(database, company, admin, ChatType::Group, Some(name), everybody, now)?;
    let mut said = vec![(
        room,
        id(admin),
        "Welcome! This room is for everybody in the house.".to_owned(),
    )];
    for resident in residents.iter().take(3) {
        let direct = make_chat(
            database,
            company,
            manager,
            ChatType::Direct,
            None,
            vec![id(resident)],
            now,
        )?;
        let first_name = resident.account.name.split(' ').next().unwrap_or_default();
        said.push((
            direct,
            id(manager),
            format!("Hello {first_name}, tell me when something needs repair."),
        ));
        said.push((direct, id(resident), "Thank you! All is well so far.".to_owned()));
    }
    let batch = said
        .into_iter()
        .map(|(chat, sender, text)| {
            Ok(NewMessage {
                id: MessageId::generate(now, random()?),
                chat_id: chat,
                sender_id: sender,
                temp_id: None,
                message_type: MessageType::Text,
                content: Content::new(text, false).map_err(invalid)?,
                attachments: Vec::new(),
            })
        })
        .collect::<Result<_, Failure>>()?;
    messages::send(database, batch, now).map_err(|error| Failure::failed("messages", error))?;
    Ok(())
}

fn make_chat(
    database: &Database,
    company: CompanyId,
    owner: &SignIn,
    kind: ChatType,
    name: Option<ChatName>,
    others: Vec<UserId>,
    now: Timestamp,
) -> Result<ChatId, Failure> {
    let seeker = Seeker {
        user: owner.account.id,
        role: owner.account.role,
        company: Some(company),
    };
    let new = NewChat {
        id: ChatId::generate(now, random()?),
        kind,
        name,
        others,
    };
    chats::create(database, seeker, &new, now)
        .map(|(chat, _)| chat.id)
        .map_err(|error| Failure::failed("chats", error))
}

fn invalid(problem: Invalid) -> Failure {
    Failure::failed("demo data", problem.message)
}

/// `Kdmr-tqwz-4827`: easy to type, about 48 bits, and of all four classes of characters.
fn password() -> Result<String, Failure> {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
    let mut text = String::with_capacity(14);
    text.push(char::from(LETTERS[below(LETTERS.len())?]).to_ascii_uppercase());
    for length in [3, 4] {
        for _ in 0..length {
            text.push(char::from(LETTERS[below(LETTERS.len())?]));
        }
        text.push('-');
    }
    for _ in 0..4 {
        text.push(char::from(b"0123456789"[below(10)?]));
    }
    Ok(text)
}

/// A uniform number below `bound` (at most 256), by rejection.
fn below(bound: usize) -> Result<usize, Failure> {
    let fair = 256 - 256 % bound;
    loop {
        let [byte] = random::<1>()?;
        if usize::from(byte) < fair {
            return Ok(usize::from(byte) % bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_all_four_classes_and_differ() {
        let one = password().unwrap();
        assert_eq!(one.len(), 14);
        assert!(one.chars().any(char::is_uppercase) && one.chars().any(char::is_lowercase));
        assert!(one.chars().any(|c| c.is_ascii_digit()) && one.contains('-'));
        assert_ne!(one, password().unwrap());
    }
}
