//! One component, ready to serve: its code, linked with everything that it may import.

use std::sync::{Arc, PoisonError, RwLock};

use http::{Request, Response};
use wasmtime::Engine;
use wasmtime::component::{Component as Code, Linker};
use wasmtime_wasi_http::WasiBody;
use wasmtime_wasi_http::handler::ProxyPre;

use crate::compile::Compiled;
use crate::instance::factory::InstanceFactory;
use crate::instance::job::NoAnswer;
use crate::instance::pool::Pool;
use crate::outbound::Egress;
use crate::state::{ComponentConfig, GuestState, HostData};
use crate::{bindings, denied};

pub struct Component {
    config: Arc<ComponentConfig>,
    egress: Arc<dyn Egress>,
    version: RwLock<Version>,
}

/// The code that new requests run.
pub struct Version {
    /// The name of the compiled code, which identifies it.
    entry: String,
    pool: Arc<Pool>,
}

impl Component {
    pub fn new(
        engine: &Engine,
        compiled: Compiled,
        config: Arc<ComponentConfig>,
        egress: Arc<dyn Egress>,
    ) -> wasmtime::Result<Self> {
        let version = Version::new(engine, compiled, config.clone(), egress.clone())?;
        Ok(Self {
            config,
            egress,
            version: RwLock::new(version),
        })
    }

    /// Links other code for this component.
    pub fn link(&self, engine: &Engine, compiled: Compiled) -> wasmtime::Result<Version> {
        Version::new(engine, compiled, self.config.clone(), self.egress.clone())
    }

    /// Replaces the code for new requests. Instances of the old code finish their requests.
    pub fn replace(&self, version: Version) {
        *self.version.write().unwrap_or_else(PoisonError::into_inner) = version;
    }

    /// Whether new requests run the code with this name.
    pub fn runs(&self, entry: &str) -> bool {
        self.version.read().unwrap_or_else(PoisonError::into_inner).entry == entry
    }

    pub async fn handle(&self, request: Request<WasiBody>) -> Result<Response<WasiBody>, NoAnswer> {
        let pool = self.version.read().unwrap_or_else(PoisonError::into_inner).pool.clone();
        pool.handle(request).await
    }
}

impl Version {
    fn new(
        engine: &Engine,
        compiled: Compiled,
        config: Arc<ComponentConfig>,
        egress: Arc<dyn Egress>,
    ) -> wasmtime::Result<Self> {
        let mut linker = Linker::<GuestState>::new(engine);
        link(&mut linker)?;
        denied::link(&mut linker, engine, &compiled.code)?;
        let pool = Pool::new(InstanceFactory {
            engine: engine.clone(),
            pre: prepare(&linker, &compiled.code)?,
            component: config,
            egress,
        });
        Ok(Self {
            entry: compiled.entry,
            pool,
        })
    }
}

/// A component exports the handler of WASI 0.3 or 0.2.
fn prepare(linker: &Linker<GuestState>, code: &Code) -> wasmtime::Result<ProxyPre<GuestState>> {
    let pre = linker.instantiate_pre(code)?;
    Ok(match wasmtime_wasi_http::p3::bindings::ServicePre::new(pre.clone()) {
        Ok(pre) => ProxyPre::P3(pre),
        Err(_) => ProxyPre::P2(wasmtime_wasi_http::p2::bindings::ProxyPre::new(pre)?),
    })
}

/// Adds everything that a component may import.
fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    // Unit tests run no components, and compiling these functions would dominate their build time.
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
