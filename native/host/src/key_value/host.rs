//! The functions of `spin:key-value`.

use wasmtime::component::{Accessor, FutureReader, HasData, Resource, StreamReader};

use super::Store;
use crate::bindings::key_value::{self, Error};
use crate::state::{GuestState, HostData};

/// The number of stores that one instance may have open, as on Spin.
const MAX_STORES: usize = 256;

impl GuestState {
    fn store(&mut self, handle: &Resource<Store>) -> Result<Store, Error> {
        self.progress.touch();
        self.table.get(handle).cloned().map_err(|_| Error::NoSuchStore)
    }
}

impl key_value::Host for GuestState {}

impl key_value::HostStore for GuestState {
    fn drop(&mut self, handle: Resource<Store>) -> wasmtime::Result<()> {
        self.stores = self.stores.saturating_sub(1);
        self.table.delete(handle)?;
        Ok(())
    }
}

impl<T: Send> key_value::HostStoreWithStore<T> for HostData
where
    HostData: for<'a> HasData<Data<'a> = &'a mut GuestState>,
{
    async fn open(accessor: &Accessor<T, Self>, label: String) -> wasmtime::Result<Result<Resource<Store>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            state.progress.touch();
            let component = &state.component;
            if !component.key_value_stores.contains(&label) {
                return Ok(Err(Error::AccessDenied));
            }
            let Some(backend) = component.shared.key_value.get(&label) else {
                return Ok(Err(Error::NoSuchStore));
            };
            if state.stores >= MAX_STORES {
                return Ok(Err(Error::StoreTableFull));
            }
            let store = Store {
                label: label.into(),
                backend: backend.clone(),
            };
            state.stores += 1;
            Ok(Ok(state.table.push(store)?))
        })
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, Error>> {
        match accessor.with(|mut access| access.get().store(&handle)) {
            Ok(store) => Ok(store.backend.get(&store.label, &key).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        match accessor.with(|mut access| access.get().store(&handle)) {
            Ok(store) => Ok(store.backend.set(&store.label, &key, value).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        match accessor.with(|mut access| access.get().store(&handle)) {
            Ok(store) => Ok(store.backend.delete(&store.label, &key).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn exists(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
        key: String,
    ) -> wasmtime::Result<Result<bool, Error>> {
        match accessor.with(|mut access| access.get().store(&handle)) {
            Ok(store) => Ok(store.backend.exists(&store.label, &key).await),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn get_keys(
        accessor: &Accessor<T, Self>,
        handle: Resource<Store>,
    ) -> wasmtime::Result<(StreamReader<String>, FutureReader<Result<(), Error>>)> {
        let keys = match accessor.with(|mut access| access.get().store(&handle)) {
            Ok(store) => store.backend.keys(&store.label).await,
            Err(error) => Err(error),
        };
        let (keys, outcome) = match keys {
            Ok(keys) => (keys, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        };
        accessor.with(|mut access| {
            let keys = StreamReader::new(&mut access, keys)?;
            let outcome = FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?;
            Ok((keys, outcome))
        })
    }
}
