//! `nexus import-users`: imports people from another system, with their password hashes.
//!
//! Valid lines are imported, invalid ones are reported. Each commit has some hundred people. People of an earlier run are
//! skipped, so an interrupted run can be started again. Works while the product runs.

mod lines;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{IsTerminal, Read, stderr, stdin};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use nexus_domain::ids::{AuditId, CompanyId, UserId};
use nexus_domain::user_import::ImportedPerson;
use nexus_store::audit::{self, NewAuditEntry};
use nexus_store::identity::user_imports::{self, Holder};
use nexus_store::identity::users::NewUser;
use nexus_store::{Database, Transaction, identity::companies};

use crate::accounts::{self, InsertError, random};
use crate::data_dir::Installation;
use crate::failure::Failure;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    installation: Installation,
    /// CSV with a header, or one JSON object a line; `-` reads standard input. Columns: email, name, passwordHash; if wanted
    /// role, status, companySlug, emailVerified, documentVerified, locale
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How the file is written [default: by its ending, .csv or .jsonl]
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Slug of the company of everybody whose line names none
    #[arg(long, value_name = "SLUG")]
    company: Option<String>,
    /// Takes over roles above a resident's too
    #[arg(long)]
    allow_staff: bool,
    /// Says what would happen, and writes nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// People per commit: few enough that other writers do not wait long.
const BATCH: usize = 200;

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let format = arguments.format.map_or_else(|| format_of(&arguments.file), Ok)?;
    let input: Box<dyn Read> = if arguments.file == Path::new("-") {
        Box::new(stdin())
    } else {
        let named = |error| Failure::unusable(arguments.file.display(), &error);
        Box::new(File::open(&arguments.file).map_err(named)?)
    };
    let database = arguments.installation.database()?;
    let mut import = Import::new(&database, arguments);
    if let Some(slug) = &arguments.company
        && import.company(slug)?.is_none()
    {
        return Err(Failure::configuration(format!(
            "--company: there is no company `{slug}`"
        )));
    }
    for line in lines::read(input, format)? {
        import.take(line?)?;
    }
    import.write()?;
    import.print()
}

fn format_of(file: &Path) -> Result<Format, Failure> {
    match file.extension().and_then(|ending| ending.to_str()) {
        Some("csv") => Ok(Format::Csv),
        Some("jsonl" | "ndjson") => Ok(Format::Jsonl),
        _ => Err(Failure::configuration("--format: say csv or jsonl")),
    }
}

/// A valid line, ready to be stored.
struct Ready {
    line: u64,
    person: ImportedPerson,
    company: Option<CompanyId>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    created: usize,
    skipped: usize,
    rejected: usize,
}

struct Import<'a> {
    database: &'a Database,
    arguments: &'a Arguments,
    companies: HashMap<String, Option<CompanyId>>,
    /// Addresses and their lines. A second line with one address is an error.
    seen: HashMap<String, u64>,
    ready: Vec<Ready>,
    counts: Counts,
    shows_progress: bool,
}

impl<'a> Import<'a> {
    fn new(database: &'a Database, arguments: &'a Arguments) -> Self {
        Self {
            database,
            arguments,
            companies: HashMap::new(),
            seen: HashMap::new(),
            ready: Vec::with_capacity(BATCH),
            counts: Counts::default(),
            shows_progress: stderr().is_terminal(),
        }
    }

    fn take(&mut self, line: lines::Line) -> Result<(), Failure> {
        let number = line.number;
        let fields = match line.fields {
            Ok(fields) => fields,
            Err(fault) => {
                self.reject(number, &fault);
                return Ok(());
            }
        };
        let fields = fields.iter().map(|(field, text)| (*field, text.as_str()));
        let person = match ImportedPerson::read(fields, self.arguments.allow_staff) {
            Ok(person) => person,
            Err(faults) => {
                let faults: Vec<String> = faults
                    .iter()
                    .map(|fault| format!("{}: {}", fault.field.as_str(), fault.invalid))
                    .collect();
                self.reject(number, &faults.join("; "));
                return Ok(());
            }
        };
        match self.seen.entry(person.email.key().to_owned()) {
            Entry::Occupied(before) => {
                let fault = format!("email: is in line {} too", before.get());
                self.reject(number, &fault);
                return Ok(());
            }
            Entry::Vacant(place) => place.insert(number),
        };
        let slug = person.company_slug.clone().or_else(|| self.arguments.company.clone());
        let company = match slug.filter(|_| person.role != nexus_domain::Role::SuperAdmin) {
            None => None,
            Some(slug) => match self.company(&slug)? {
                Some(company) => Some(company),
                None => {
                    self.reject(number, &format!("companySlug: there is no company `{slug}`"));
                    return Ok(());
                }
            },
        };
        self.ready.push(Ready {
            line: number,
            person,
            company,
        });
        if self.ready.len() == BATCH {
            self.write()?;
        }
        Ok(())
    }

    fn company(&mut self, slug: &str) -> Result<Option<CompanyId>, Failure> {
        if let Some(known) = self.companies.get(slug) {
            return Ok(*known);
        }
        let found = companies::by_slug(self.database, slug).map_err(|error| Failure::failed("companies", error))?;
        let found = found.map(|company| company.id);
        self.companies.insert(slug.to_owned(), found);
        Ok(found)
    }

    fn reject(&mut self, line: u64, fault: &str) {
        self.counts.rejected += 1;
        self.clear_progress();
        eprintln!("line {line}: {fault}");
    }

    /// Stores the ready lines in one commit.
    fn write(&mut self) -> Result<(), Failure> {
        let ready = std::mem::take(&mut self.ready);
        let result = if self.arguments.dry_run {
            ready
                .iter()
                .map(|ready| user_imports::holder(self.database, ready.person.email.key()))
                .collect::<Result<Vec<_>, _>>()
                .map_err(InsertError::from)
        } else {
            self.database
                .transaction(|tx| ready.iter().map(|ready| write_one(tx, ready)).collect())
        };
        let result = result.map_err(|error| Failure::failed("these lines can't be stored", error))?;
        for (ready, holder) in ready.iter().zip(result) {
            match holder {
                Holder::Nobody => self.counts.created += 1,
                Holder::Imported => self.counts.skipped += 1,
                Holder::Other => self.reject(ready.line, "email: has an account that was not imported"),
            }
        }
        if self.shows_progress {
            eprint!("\r{} taken over, {} skipped", self.counts.created, self.counts.skipped);
        }
        Ok(())
    }

    fn clear_progress(&self) {
        if self.shows_progress {
            eprint!("\r\x1b[K");
        }
    }

    fn print(&self) -> Result<(), Failure> {
        self.clear_progress();
        let Counts {
            created,
            skipped,
            rejected,
        } = self.counts;
        let would = if self.arguments.dry_run {
            " (dry run: nothing was written)"
        } else {
            ""
        };
        println!("created {created}, skipped {skipped}, rejected {rejected}{would}");
        if rejected == 0 {
            return Ok(());
        }
        Err(Failure::failed(
            format!("{rejected} lines were not imported"),
            "correct them and run the command again; existing users are skipped",
        ))
    }
}

/// Checks that the address is free and inserts it, within one transaction.
fn write_one(tx: &Transaction<'_>, ready: &Ready) -> Result<Holder, InsertError> {
    let person = &ready.person;
    let holder = user_imports::holder(tx, person.email.key())?;
    if holder != Holder::Nobody {
        return Ok(holder);
    }
    let now = accounts::now();
    let bytes = || random().map_err(|_| InsertError::NoRandomness);
    let user = NewUser {
        id: UserId::generate(now, bytes()?),
        email: &person.email,
        name: person.name.as_str(),
        role: person.role,
        company: ready.company,
        status: person.status,
        password_hash: &person.password_hash,
        email_verified: person.email_verified,
        document_verified: person.document_verified,
        locale: person.locale.as_str(),
        now,
    };
    let id = user_imports::insert(tx, &user)?;
    audit::append(
        tx,
        &NewAuditEntry {
            id: AuditId::generate(now, bytes()?),
            at: now,
            actor: None,
            action: "user.imported",
            subject_type: "user",
            subject_id: id.to_string(),
            company: ready.company,
            ip: "",
            request_id: "",
            details: serde_json::json!({ "by": "nexus", "role": person.role, "status": person.status }),
        },
    )?;
    Ok(Holder::Nobody)
}

#[cfg(test)]
#[path = "import_users/tests.rs"]
mod tests;
