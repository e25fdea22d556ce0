//! The functions of `spin:variables`.

use wasmtime::component::{Accessor, HasData};

use crate::bindings::variables::{self, Error};
use crate::state::{GuestState, HostData};
use crate::template;

impl variables::Host for GuestState {}

impl<T: Send> variables::HostWithStore<T> for HostData
where
    HostData: for<'a> HasData<Data<'a> = &'a mut GuestState>,
{
    async fn get(accessor: &Accessor<T, Self>, name: String) -> wasmtime::Result<Result<String, Error>> {
        if let Some(problem) = template::invalid_name(&name) {
            return Ok(Err(Error::InvalidName(problem)));
        }
        Ok(accessor.with(|mut access| {
            let component = &access.get().component;
            component
                .variables
                .get(&name)
                .cloned()
                .ok_or_else(|| Error::Undefined(format!("no variable for {:?}.{name:?}", component.id)))
        }))
    }
}
