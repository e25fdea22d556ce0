//! `/apartments/import` and `/tenants/import`: CSV with the fields' names in its first line.

mod rows;
mod source;

use axum::extract::{Request, State};
use nexus_domain::Role;
use nexus_domain::ids::{CompanyId, uuid_v7};
use nexus_domain::page::Flag;
use nexus_kit::csv::{self, CsvError, Reader, Record};
use nexus_kit::{ApiError, ApiResult, App, FieldErrors, clock, respond, write_permit};
use nexus_store::property::imports::{self as store, StagedRow};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use self::rows::READ_ONLY;
use self::source::Source;
use crate::audit::{APARTMENT, AuditWriter, TENANT};
use crate::principal::Principal;

/// How many rows are staged at once, at least; what one piece of the body brings on top.
const BATCH: usize = 500;
/// How many errors are told at most; with that many, nobody reads on.
const MAX_ERRORS: usize = 1_000;

#[derive(Serialize, ToSchema)]
pub struct ImportResult {
    /// How many were made; with `dryRun`, how many would be. 0 when there are errors.
    created: u64,
    errors: Vec<ImportError>,
}

/// What is wrong with a row.
#[derive(Serialize, ToSchema)]
pub struct ImportError {
    /// Of the file, from 1; the first row of values is usually on line 2.
    line: u64,
    field: String,
    message: String,
}

/// What a file is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Apartments,
    Tenants,
}

/// Make apartments from a CSV file, all or none. Also as a form with the file in its part `file`.
#[utoipa::path(
    post, path = "/api/v1/apartments/import", tag = "apartments", params(("dryRun" = Option<bool>, Query)),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportResult))
)]
pub async fn import_apartments(State(app): State<App>, principal: Principal, request: Request) -> ApiResult {
    import(app, principal, request, Kind::Apartments).await
}

/// Make tenants from a CSV file, all or none. Also as a form with the file in its part `file`.
#[utoipa::path(
    post, path = "/api/v1/tenants/import", tag = "tenants", params(("dryRun" = Option<bool>, Query)),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = ImportResult))
)]
pub async fn import_tenants(State(app): State<App>, principal: Principal, request: Request) -> ApiResult {
    import(app, principal, request, Kind::Tenants).await
}

async fn import(app: App, principal: Principal, request: Request, kind: Kind) -> ApiResult {
    let company = principal.day(&app).await?.id;
    principal.require(Role::Manager)?;
    principal.reject_unknown_query(&["dryRun"])?;
    let dry_run = principal
        .parameter("dryRun")
        .map(|text| {
            text.parse::<Flag>()
                .map_err(|invalid| ApiError::field("dryRun", invalid))
        })
        .transpose()?
        .is_some_and(Flag::is_set);
    let mut source = Source::of(request)?;
    {
        let _turn = write_permit().await;
        store::purge(app.database(), clock::now())?;
    }
    let mut file = File::new(app, company, kind, principal.audit());
    let read = file.read(&mut source).await;
    let _turn = write_permit().await;
    let finished = read.and_then(|()| file.finish(dry_run));
    if finished.is_err() || dry_run || !file.errors.is_empty() {
        // What stays behind if this fails is purged by the next import.
        let _ = store::discard(file.app.database(), file.import);
    }
    finished?;
    let created = if file.errors.is_empty() { file.rows } else { 0 };
    Ok(respond::ok(&ImportResult {
        created,
        errors: file.errors,
    }))
}

/// A file on its way in.
struct File {
    app: App,
    company: CompanyId,
    kind: Kind,
    import: uuid::Uuid,
    audit: AuditWriter,
    /// Their names; empty for a column without one, which must be empty too.
    columns: Vec<String>,
    staged: Vec<StagedRow>,
    rows: u64,
    errors: Vec<ImportError>,
    /// Whether what follows need not be read.
    over: bool,
}

impl File {
    fn new(app: App, company: CompanyId, kind: Kind, audit: AuditWriter) -> Self {
        Self {
            app,
            company,
            kind,
            import: clock::new_id(uuid_v7),
            audit,
            columns: Vec::new(),
            staged: Vec::new(),
            rows: 0,
            errors: Vec::new(),
            over: false,
        }
    }

    async fn read(&mut self, source: &mut Source) -> Result<(), ApiError> {
        let mut reader = source.reader()?;
        let mut begun = false;
        while let Some(piece) = source.next().await? {
            if !std::mem::replace(&mut begun, true) && source::is_workbook(&piece) {
                self.over = true;
                self.complain(1, "", source::WORKBOOK);
            }
            self.feed(&mut reader, &piece);
            if self.staged.len() >= BATCH {
                self.stage().await?;
            }
        }
        self.feed(&mut reader, &[]);
        if self.columns.is_empty() && self.errors.is_empty() {
            self.complain(1, "", "the file is empty; its first line names the columns");
        }
        self.stage().await
    }

    fn feed(&mut self, reader: &mut Reader, piece: &[u8]) {
        if self.over {
            return;
        }
        match reader.feed(piece, |record| self.take(record)) {
            Ok(()) => {}
            // Enough was found wrong: what follows is of no interest.
            Err(Stop::Enough) => self.over = true,
            Err(Stop::Unreadable(error)) => {
                self.over = true;
                self.complain(error.line(), "", &error.to_string());
            }
        }
    }

    fn complain(&mut self, line: u64, field: &str, message: &str) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(ImportError {
                line,
                field: field.to_owned(),
                message: message.to_owned(),
            });
        }
    }

    fn take(&mut self, record: Record) -> Result<(), Stop> {
        if self.errors.len() >= MAX_ERRORS {
            return Err(Stop::Enough);
        }
        let line = record.line;
        if record.is_damaged {
            self.complain(line, "", csv::NOT_TEXT);
            return if self.columns.is_empty() {
                Err(Stop::Enough)
            } else {
                Ok(())
            };
        }
        if record.is_blank() {
            return Ok(());
        }
        if self.columns.is_empty() {
            return self.take_header(record);
        }
        if let Some(message) = self.misfit(&record.cells) {
            self.complain(line, "", &message);
            return Ok(());
        }
        let row = rows::object(&self.columns, &record.cells, record.has_decimal_comma());
        match self.row(line, row) {
            Ok(staged) => {
                self.rows += 1;
                self.staged.push(staged);
            }
            Err(FieldErrors(errors)) => {
                for error in errors {
                    self.complain(line, &error.field, &error.message);
                }
            }
        }
        Ok(())
    }

    fn take_header(&mut self, record: Record) -> Result<(), Stop> {
        let known: &[&str] = match self.kind {
            Kind::Apartments => &[
                "compoundId",
                "apartmentNumber",
                "floor",
                "bedrooms",
                "areaSqm",
                "monthlyRent",
                "status",
            ],
            Kind::Tenants => &["fullName", "email", "phone", "nationalId"],
        };
        let mut columns: Vec<String> = record.cells.iter().map(|name| name.trim().to_owned()).collect();
        while columns.last().is_some_and(String::is_empty) {
            columns.pop();
        }
        for (place, name) in columns.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if columns[..place].contains(name) {
                self.complain(record.line, name, "stands more than once");
            } else if !known.contains(&name.as_str()) && !READ_ONLY.contains(&name.as_str()) {
                let message = format!(
                    "is no column; the first line names the columns, and there are {}",
                    known.join(", ")
                );
                self.complain(record.line, name, &message);
            }
        }
        self.columns = columns;
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(Stop::Enough)
        }
    }

    /// Why the cells don't fit under the columns. Empty ones beyond them do: spreadsheets write those.
    fn misfit(&self, cells: &[String]) -> Option<String> {
        let columns = self.columns.len();
        let unnamed = |place: usize| self.columns.get(place).is_none_or(String::is_empty);
        if cells.len() < columns {
            return Some(format!(
                "has {} cells where there are {columns} columns; a text with a line break must stand in quotes",
                cells.len()
            ));
        }
        let stray = (0..cells.len()).find(|place| unnamed(*place) && !cells[*place].trim().is_empty())?;
        Some(if stray < columns {
            format!(
                "has a value in column {}, which has no name in the first line",
                stray + 1
            )
        } else {
            format!(
                "has {} cells where there are {columns} columns; a text with a separator in it must stand in quotes",
                cells.len()
            )
        })
    }

    fn row(&self, line: u64, row: Value) -> Result<StagedRow, FieldErrors> {
        match self.kind {
            Kind::Apartments => rows::apartment(line, row),
            Kind::Tenants => rows::tenant(line, row),
        }
    }

    async fn stage(&mut self) -> Result<(), ApiError> {
        // Of a file with errors too: what is wrong with its good rows, beside each other, is told at once.
        if !self.staged.is_empty() {
            let _turn = write_permit().await;
            store::stage(
                self.app.database(),
                self.import,
                self.company,
                &self.staged,
                clock::now(),
            )?;
        }
        self.staged.clear();
        Ok(())
    }

    /// Looks at the rows beside each other and, if all is well, takes them over.
    fn finish(&mut self, dry_run: bool) -> Result<(), ApiError> {
        let (import, company, kind) = (self.import, self.company, self.kind);
        let (good, room) = (self.errors.is_empty(), MAX_ERRORS - self.errors.len());
        let (audit, rows) = (&self.audit, self.rows);
        let found = self.app.database().transaction(|tx| {
            if kind == Kind::Apartments {
                let errors = store::apartment_errors(tx, import, company, room)?;
                if !errors.is_empty() {
                    return Ok(errors);
                }
            }
            if good && !dry_run {
                let now = clock::now();
                match kind {
                    Kind::Apartments => store::take_apartments(tx, import, now)?,
                    Kind::Tenants => store::take_tenants(tx, import, now)?,
                }
                let kind = if kind == Kind::Apartments { &APARTMENT } else { &TENANT };
                audit.note(tx, company, kind, "imported", import, json!({ "created": rows }))?;
            }
            Ok::<_, ApiError>(Vec::new())
        })?;
        for error in found {
            self.complain(error.line, error.field, error.message);
        }
        self.errors.sort_by_key(|error| error.line);
        Ok(())
    }
}

/// Why reading stops before the file's end.
enum Stop {
    Unreadable(CsvError),
    Enough,
}

impl From<CsvError> for Stop {
    fn from(error: CsvError) -> Self {
        Self::Unreadable(error)
    }
}
