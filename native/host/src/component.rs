//! One component, ready to serve: its code, linked with everything it may import.

use std::sync::Arc;

use http::{Request, Response};
use wasmtime::Engine;
use wasmtime::component::{Component as Code, Linker};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyPre;

use crate::instance::Instances;
use crate::outbound::Ways;
use crate::pool::{NoAnswer, Pool};
use crate::state::{App, GuestState, HostData};
use crate::{bindings, denied};

pub struct Component(Arc<Pool>);

impl Component {
    pub fn new(engine: &Engine, code: &Code, app: Arc<App>, ways: Arc<Ways>) -> wasmtime::Result<Self> {
        let mut linker = Linker::<GuestState>::new(engine);
        link(&mut linker)?;
        denied::link(&mut linker, engine, code)?;
        let pre = linker.instantiate_pre(code)?;
        let pre = match wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
            Ok(pre) => ProxyPre::P3(pre),
            Err(_) => ProxyPre::P2(wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)?),
        };
        Ok(Self(Pool::new(Instances {
            engine: engine.clone(),
            pre,
            app,
            ways,
        })))
    }

    pub async fn handle(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, NoAnswer> {
        self.0.handle(request).await
    }
}

/// Everything a component may import.
fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    // The unit tests run no components, and compiling these functions takes longer than all the rest.
    #[cfg(not(test))]
    {
        wasmtime_wasi::p2::add_to_linker_async(linker)?;
        wasmtime_wasi::p3::add_to_linker(linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
        wasmtime_wasi_http::p3::add_to_linker(linker)?;
    }
    bindings::sqlite::add_to_linker::<_, HostData>(linker, |state| state)?;
    bindings::key_value::add_to_linker::<_, HostData>(linker, |state| state)?;
    bindings::variables::add_to_linker::<_, HostData>(linker, |state| state)?;
    Ok(())
}
