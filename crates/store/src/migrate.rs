//! Brings the schema up to date: numbered files, applied once, in order, each in one transaction, and
//! never changed afterwards (their checksum is kept). Several components may come here at once on an
//! empty database; `BEGIN IMMEDIATE` lets one through and the others find the work done.
//!
//! A database may be newer than this program. Each migration names the oldest program that can work with it (the line
//! `-- compatible-since: NUMBER`: the number of the newest migration that such a program knows); the number is kept in
//! `schema_compatibility`, where older programs find it. Without the line only programs that know the migration can.

use sha2::{Digest, Sha256};

use crate::migrations::MIGRATIONS;
use crate::{Database, StoreError, params};

/// One file of `migrations/`.
pub struct Migration {
    pub name: &'static str,
    pub sql: &'static str,
    /// What SQL can't do, done before the file.
    pub before: Option<Step>,
}

/// Rewrites some rows, those after `after` (nothing: the first), and says from where on to go on; `None`: none are left.
/// Every part is a transaction of its own, so others write in between and a start that breaks off loses little. The last
/// time round, all of it runs in the transaction of the file, for what was written meanwhile: then little is left to do.
pub(crate) type Step = fn(&Database, after: Option<String>) -> Result<Option<String>, StoreError>;

impl Migration {
    /// The number of the newest migration that a program must know to work with the database after this one.
    fn compatible_since(&self) -> u32 {
        let stated = self
            .sql
            .lines()
            .take_while(|line| line.starts_with("--"))
            .find_map(|line| line.strip_prefix("-- compatible-since:"))
            .and_then(|number| number.trim().parse().ok());
        stated.unwrap_or_else(|| number_of(self.name))
    }
}

/// `0085_invoice_parties` is 85. A name without a number is newer than everything.
fn number_of(name: &str) -> u32 {
    let digits = name.split('_').next().unwrap_or_default();
    digits.parse().unwrap_or(u32::MAX)
}

pub(crate) fn run(database: &Database) -> Result<(), StoreError> {
    apply(database, MIGRATIONS)
}

/// Whether this program can work with the schema as it is now; another program may have changed it since it was opened.
pub(crate) fn check(database: &Database) -> Result<(), StoreError> {
    let rows = database.query_uncounted("SELECT name FROM schema_migrations")?;
    let mut known = 0;
    for row in &rows {
        let name: String = row.get(0)?;
        match MIGRATIONS.iter().any(|migration| migration.name == name) {
            true => known += 1,
            false => permit_unknown(database, &name, MIGRATIONS)?,
        }
    }
    // An older database has taken the place of the one that was opened.
    if known < MIGRATIONS.len() {
        run(database)
    } else {
        Ok(())
    }
}

fn apply(database: &Database, migrations: &[Migration]) -> Result<(), StoreError> {
    if let Ok(applied) = applied(database)
        && pending(database, &applied, migrations)?.is_empty()
    {
        return Ok(());
    }
    database.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (\
         name TEXT PRIMARY KEY, checksum TEXT NOT NULL, \
         applied_at INTEGER NOT NULL DEFAULT (unixepoch() * 1000)) STRICT",
        &[],
    )?;
    database.execute(
        "CREATE TABLE IF NOT EXISTS schema_compatibility (\
         migration TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT",
        &[],
    )?;
    for migration in migrations {
        prepare(database, migration, migrations)?;
        database.transaction(|tx| {
            // Looked up again under the lock: another component may have been faster.
            if !is_pending(tx, migration, migrations)? {
                return Ok(());
            }
            if let Some(step) = migration.before {
                let mut after = None;
                while let Some(last) = step(tx, after)? {
                    after = Some(last);
                }
            }
            for statement in statements(migration.sql) {
                tx.execute(&statement, &[])?;
            }
            tx.execute(
                "INSERT INTO schema_migrations (name, checksum) VALUES (?1, ?2)",
                params![migration.name, checksum(migration.sql)],
            )?;
            tx.execute(
                "INSERT INTO schema_compatibility (migration, since) VALUES (?1, ?2)",
                params![migration.name, i64::from(migration.compatible_since())],
            )
        })?;
    }
    Ok(())
}

/// Does what a file needs before it, part by part.
fn prepare(database: &Database, migration: &Migration, known: &[Migration]) -> Result<(), StoreError> {
    let Some(step) = migration.before else { return Ok(()) };
    let mut after = None;
    loop {
        let last = database.transaction(|tx| match is_pending(tx, migration, known)? {
            true => step(tx, after.take()),
            false => Ok(None),
        })?;
        match last {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

fn is_pending(database: &Database, migration: &Migration, known: &[Migration]) -> Result<bool, StoreError> {
    let left = pending(database, &applied(database)?, known)?;
    Ok(left.iter().any(|left| left.name == migration.name))
}

fn applied(database: &Database) -> Result<Vec<(String, String)>, StoreError> {
    database
        .query("SELECT name, checksum FROM schema_migrations ORDER BY name", &[])?
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?)))
        .collect()
}

fn pending<'a>(
    database: &Database,
    applied: &[(String, String)],
    known: &'a [Migration],
) -> Result<Vec<&'a Migration>, StoreError> {
    for (name, checksum_then) in applied {
        let Some(migration) = known.iter().find(|migration| migration.name == name) else {
            permit_unknown(database, name, known)?;
            continue;
        };
        if *checksum_then != checksum(migration.sql) {
            return Err(StoreError::MigrationChanged { name: name.clone() });
        }
    }
    Ok(known
        .iter()
        .filter(|migration| !applied.iter().any(|(name, _)| name == migration.name))
        .collect())
}

/// A newer program applied this migration: may a program that knows only `known` work with the database all the same?
fn permit_unknown(database: &Database, name: &str, known: &[Migration]) -> Result<(), StoreError> {
    let newest = known.last().map_or("none", |migration| migration.name);
    let newest_number = known.last().map_or(0, |migration| number_of(migration.name));
    let found = database.query_opt(
        "SELECT since FROM schema_compatibility WHERE migration = ?1",
        params![name],
    );
    let since = match found {
        Ok(row) => row.map(|row| row.get::<i64>(0)).transpose()?,
        // There is no such table: whoever applied the migration didn't say.
        Err(StoreError::Statement { .. }) => None,
        Err(error) => return Err(error),
    };
    match since {
        Some(since) if since <= i64::from(newest_number) => Ok(()),
        _ => Err(StoreError::MigrationUnknown {
            name: name.to_owned(),
            newest: newest.to_owned(),
        }),
    }
}

fn checksum(sql: &str) -> String {
    hex::encode(Sha256::digest(sql.as_bytes()))
}

/// Splits a file into statements, since the engine runs one at a time. A statement ends with a line
/// that ends in `;`; that of a trigger with the line `END;` (migrations/README.md).
fn statements(sql: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current = String::new();
    for line in sql.lines() {
        let code = line.split("--").next().unwrap_or("").trim_end();
        if code.trim().is_empty() {
            continue;
        }
        current.push_str(code);
        current.push('\n');
        let is_trigger = current.trim_start().starts_with("CREATE TRIGGER");
        let ended = if is_trigger {
            code.trim() == "END;"
        } else {
            code.ends_with(';')
        };
        if ended {
            found.push(std::mem::take(&mut current));
        }
    }
    if !current.trim().is_empty() {
        found.push(current);
    }
    found
}

#[cfg(test)]
mod tests;
