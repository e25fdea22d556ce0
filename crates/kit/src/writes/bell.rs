//! How one request of an instance wakes another.
//!
//! Tasks of a component can't wake each other by Rust's wakers alone: a task sleeps on what the host knows. So the one
//! that waits reads a stream that the other holds the writing end of, and dropping that end is the ring.

/// Rings when it is dropped.
pub struct Bell(#[allow(dead_code)] Held);

/// Hears the ring.
pub struct Ear(Heard);

#[cfg(target_arch = "wasm32")]
mod host {
    use send_wrapper::SendWrapper;
    use spin_sdk::wasip3::wit_stream;
    use spin_sdk::wit_bindgen::{StreamReader, StreamWriter};

    use super::{Bell, Ear};

    pub type Held = SendWrapper<StreamWriter<u8>>;
    pub type Heard = SendWrapper<StreamReader<u8>>;

    pub fn pair() -> (Bell, Ear) {
        let (writer, reader) = wit_stream::new::<u8>();
        (Bell(SendWrapper::new(writer)), Ear(SendWrapper::new(reader)))
    }

    impl Ear {
        pub async fn ring(&mut self) {
            self.0.next().await;
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use tokio::sync::oneshot;

    use super::{Bell, Ear};

    pub type Held = oneshot::Sender<()>;
    pub type Heard = oneshot::Receiver<()>;

    pub fn pair() -> (Bell, Ear) {
        let (sender, receiver) = oneshot::channel();
        (Bell(sender), Ear(receiver))
    }

    impl Ear {
        pub async fn ring(&mut self) {
            let _ = (&mut self.0).await;
        }
    }
}

pub use host::pair;
use host::{Heard, Held};
