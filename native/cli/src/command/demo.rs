//! `nexus demo`: a demo company with accounts, and any number of generated companies. Passwords are random and shown once.

mod applicants;
mod chats;
mod people;
mod requests;

use std::io::IsTerminal;

use clap::Args;
use nexus_domain::Invalid;
use nexus_domain::ids::CompanyId;
use nexus_store::demo::{self, Estate, Plan, What};
use nexus_store::{Database, StoreError, identity::companies};

use crate::accounts::{self, InsertError, random};
use crate::command::demo::people::People;
use crate::data_dir::Installation;
use crate::failure::Failure;
use crate::settings_source::{EnvFile, Source};

#[derive(Args)]
#[command(after_help = "\
The company `demo` is made once: a super admin, an admin, a manager, residents with apartments, two years of rent, chats, \
maintenance requests, and people whose documents wait for a decision. Run it again and what is there stays as it is.

Examples:
  nexus demo --data .nexus              makes the company and shows its sign-ins
  nexus demo --data .nexus --sign-ins   gives its people new passwords and shows them
  nexus demo --data .nexus --companies 50 --apartments 10000   makes 50 more to measure with")]
pub struct Arguments {
    #[command(flatten)]
    installation: Installation,
    /// Gives the people of the demo company new passwords, ends their sessions, and shows the sign-ins
    #[arg(long)]
    sign_ins: bool,
    /// Picks other names, rents and payments; passwords are random whatever the seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many residents the demo company has
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u16).range(0..=1000))]
    residents: u16,
    /// Makes so many companies besides, with apartments, tenants, invoices and payments, but without accounts
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
const APARTMENTS: usize = 24;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut source = arguments.env_file.read()?;
    source.print_warnings();
    let database = arguments.installation.database()?;
    match companies::by_slug(&database, SLUG).map_err(unstored)? {
        Some(_) if arguments.sign_ins => people::renew(&database, &accounts::hashing(&source)?)?,
        Some(_) => {
            println!("The demo company is there; its passwords were shown when it was made.");
            println!("`nexus demo --sign-ins` gives its people new ones and shows them.");
        }
        // Also with --sign-ins: the new sign-ins are shown anyway.
        None => make_company(arguments, &database, &source)?,
    }
    make_others(arguments, &database)
}

fn unstored(error: StoreError) -> Failure {
    Failure::failed("the demo data can't be stored", error)
}

fn invalid(problem: Invalid) -> Failure {
    Failure::failed("demo data", problem.message)
}

fn make_company(arguments: &Arguments, database: &Database, source: &Source) -> Result<(), Failure> {
    let people = People::new(arguments.residents, arguments.seed, &accounts::hashing(source)?)?;
    let now = accounts::now();
    let company = CompanyId::generate(now, random()?);
    database
        .transaction(|tx| {
            companies::insert(tx, company, "Demo Living", SLUG, "EGP", "Africa/Cairo", now)?;
            people.insert(tx, company, now)
        })
        .map_err(|error: InsertError| Failure::failed("the demo company can't be stored", error))?;
    let estate = Estate {
        apartments: APARTMENTS,
        months: arguments.months,
        now,
    };
    demo::furnish(database, company, &estate, arguments.seed).map_err(unstored)?;
    for resident in &people.residents {
        let account = &resident.account;
        demo::move_in(database, company, account.id, &account.name, &account.email).map_err(unstored)?;
    }
    requests::make(database, company, &people, now)?;
    chats::make(database, company, &people, now)?;
    applicants::make(&arguments.installation, database, source, company, now)?;

    println!("Demo company `{SLUG}`. Sign in with (shown only now; `nexus demo --sign-ins` makes new ones):");
    people.show();
    Ok(())
}

/// Generated companies, for measurements. They have no accounts; `nexus admin create` makes some.
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
    let is_terminal = std::io::stderr().is_terminal();
    let made = demo::fill(database, &plan, &mut |step| {
        if is_terminal {
            // Overwrites the line until the company is complete.
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
