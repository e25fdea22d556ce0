//! `nexus admin create`: creates the first account of an installation, and others that need no approval. Works while the
//! product runs.

use std::io::{IsTerminal, Read, stdin};

use clap::{Args, Subcommand};
use nexus_domain::person_name::PersonName;
use nexus_domain::{EmailAddress, Role};
use nexus_store::identity::{companies, users};

use crate::accounts::{self, Account, InsertError};
use crate::data_dir::Installation;
use crate::failure::Failure;
use crate::settings_source::EnvFile;

#[derive(Subcommand)]
pub enum Action {
    /// Makes an account that is active, verified and free to sign in.
    Create(CreateArguments),
}

#[derive(Args)]
pub struct CreateArguments {
    #[command(flatten)]
    installation: Installation,
    /// E-mail address to sign in with
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// The person's name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// SUPER_ADMIN, ADMIN, MANAGER, TENANT or STUDENT
    #[arg(long, value_name = "ROLE")]
    role: String,
    /// Slug of the company that the account belongs to
    #[arg(long, value_name = "SLUG")]
    company: Option<String>,
    /// Reads the password from standard input, up to the line's end
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    env_file: EnvFile,
}

/// More bytes than any password may have.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

pub fn create(arguments: CreateArguments) -> Result<(), Failure> {
    let mut source = arguments.env_file.read()?;
    source.print_warnings();
    let wrong = |flag: &str, message: &str| Failure::configuration(format!("{flag}: {message}"));
    let email: EmailAddress = arguments
        .email
        .parse()
        .map_err(|invalid: nexus_domain::Invalid| wrong("--email", &invalid.message))?;
    let role: Role = arguments
        .role
        .parse()
        .map_err(|invalid: nexus_domain::Invalid| wrong("--role", &invalid.message))?;
    let name: PersonName = arguments
        .name
        .parse()
        .map_err(|invalid: nexus_domain::Invalid| wrong("--name", &invalid.message))?;
    match (role, &arguments.company) {
        (Role::SuperAdmin, Some(_)) => return Err(wrong("--company", "a SUPER_ADMIN belongs to no company")),
        // Staff see their company's data only, so they need a company.
        (Role::Admin | Role::Manager, None) => {
            return Err(wrong(
                "--company",
                &format!("{role} needs the company to work for; name it by its slug, for example --company demo"),
            ));
        }
        _ => {}
    }
    let account = Account::new(
        email,
        name.to_string(),
        role,
        &password()?,
        &accounts::hashing(&source)?,
    )?;

    let database = arguments.installation.database()?;
    let company = match &arguments.company {
        None => None,
        Some(slug) => {
            let found = companies::by_slug(&database, slug).map_err(|error| Failure::failed("companies", error))?;
            let found = found.ok_or_else(|| wrong("--company", &format!("there is no company `{slug}`")))?;
            Some(found.id)
        }
    };
    let now = accounts::now();
    database
        .transaction(|tx| account.insert(tx, company, now))
        .map_err(|error: InsertError| match &error {
            InsertError::Store(store) if users::is_email_taken(store) => {
                Failure::failed(account.email.as_str(), "the address has an account already")
            }
            _ => Failure::failed("the account can't be stored", error),
        })?;
    println!("{} {} {}", account.id, account.role, account.email.as_str());
    Ok(())
}

fn password() -> Result<String, Failure> {
    if stdin().is_terminal() {
        eprintln!("Password (visible while you type), then Enter and Ctrl-D:");
    }
    let mut text = String::new();
    stdin()
        .take(MAX_INPUT_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| Failure::failed("the password can't be read", error))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
