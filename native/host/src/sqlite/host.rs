//! The functions of `spin:sqlite`: each checks the grant, finds the connection, and runs the statement.

use std::sync::Arc;

use wasmtime::component::{Accessor, FutureReader, HasData, Resource, StreamReader};

use super::Connection;
use super::rows::{Batches, Outcome};
use crate::bindings::sqlite::{self, Error, QueryResult, RowResult, Value};
use crate::state::{GuestState, HostData};

type Streamed = (Vec<String>, StreamReader<RowResult>, FutureReader<Result<(), Error>>);

/// The number of connections that one instance may have open, as on Spin.
const MAX_CONNECTIONS: usize = 256;

impl GuestState {
    fn open_database(&mut self, label: &str) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        self.progress.touch();
        let component = &self.component;
        if !component.sqlite_databases.contains(label) {
            return Ok(Err(Error::AccessDenied));
        }
        let Some(database) = component.shared.databases.get(label) else {
            return Ok(Err(Error::NoSuchDatabase));
        };
        if self.connections >= MAX_CONNECTIONS {
            return Ok(Err(Error::Io("too many connections opened".into())));
        }
        let connection = database.connect(component.shared.sqlite_counters.clone());
        self.connections += 1;
        Ok(Ok(self.table.push(Connection(connection))?))
    }

    fn connection(&mut self, handle: &Resource<Connection>) -> Result<Connection, Error> {
        self.progress.touch();
        self.table.get(handle).cloned().map_err(|_| Error::InvalidConnection)
    }
}

impl sqlite::Host for GuestState {}

impl sqlite::HostConnection for GuestState {
    fn open(&mut self, label: String) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        self.open_database(&label)
    }

    async fn execute(
        &mut self,
        handle: Resource<Connection>,
        statement: String,
        params: Vec<Value>,
    ) -> wasmtime::Result<Result<QueryResult, Error>> {
        let progress = Arc::clone(&self.progress);
        let connection = match self.connection(&handle) {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let result = connection.0.execute(statement, params).await;
        progress.touch();
        Ok(result)
    }

    async fn last_insert_rowid(&mut self, handle: Resource<Connection>) -> wasmtime::Result<i64> {
        Ok(self.connection(&handle)?.0.last_insert_rowid().await?)
    }

    async fn changes(&mut self, handle: Resource<Connection>) -> wasmtime::Result<u64> {
        Ok(self.connection(&handle)?.0.changes().await?)
    }

    fn drop(&mut self, handle: Resource<Connection>) -> wasmtime::Result<()> {
        self.connections = self.connections.saturating_sub(1);
        self.table.delete(handle)?;
        Ok(())
    }
}

impl<T: Send> sqlite::HostConnectionWithStore<T> for HostData
where
    HostData: for<'a> HasData<Data<'a> = &'a mut GuestState>,
{
    async fn open_async(
        accessor: &Accessor<T, Self>,
        label: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| access.get().open_database(&label))
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<Connection>,
        statement: String,
        params: Vec<Value>,
    ) -> wasmtime::Result<Result<Streamed, Error>> {
        let found = accessor.with(|mut access| access.get().connection(&handle));
        let connection = match found {
            Ok(connection) => connection,
            Err(error) => return Ok(Err(error)),
        };
        let Batches {
            columns, rows, outcome, ..
        } = connection.0.stream(statement, params).await;
        let (rows, outcome) = accessor.with(|mut access| {
            access.get().progress.touch();
            let rows = StreamReader::new(&mut access, rows)?;
            let outcome = FutureReader::new(&mut access, async move {
                wasmtime::error::Ok(match outcome {
                    Outcome::Known(result) => result,
                    Outcome::Pending(result) => result
                        .await
                        .unwrap_or_else(|_| Err(Error::Io("the statement was ended".into()))),
                })
            })?;
            wasmtime::error::Ok((rows, outcome))
        })?;
        Ok(Ok((columns, rows, outcome)))
    }

    async fn last_insert_rowid_async(
        accessor: &Accessor<T, Self>,
        handle: Resource<Connection>,
    ) -> wasmtime::Result<i64> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        Ok(connection.0.last_insert_rowid().await?)
    }

    async fn changes_async(accessor: &Accessor<T, Self>, handle: Resource<Connection>) -> wasmtime::Result<u64> {
        let connection = accessor.with(|mut access| access.get().connection(&handle))?;
        Ok(connection.0.changes().await?)
    }
}
