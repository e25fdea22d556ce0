//! A drain has its instance to itself.
//!
//! Instances serve requests side by side, on one thread. A drain computes without a pause, so whoever came into the
//! same instance would wait for it, and a second drain would gain nothing. While one runs, the instance says that it
//! takes nothing more (the component model's backpressure), and the host gives the next request another one.

pub struct BackpressureGuard(());

impl BackpressureGuard {
    pub fn begin() -> Self {
        #[cfg(target_arch = "wasm32")]
        spin_sdk::wit_bindgen::backpressure_inc();
        Self(())
    }
}

impl Drop for BackpressureGuard {
    fn drop(&mut self) {
        #[cfg(target_arch = "wasm32")]
        spin_sdk::wit_bindgen::backpressure_dec();
    }
}
