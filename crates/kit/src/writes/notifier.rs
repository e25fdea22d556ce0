//! How one request of an instance wakes another.
//!
//! Tasks of a component can't wake each other by Rust's wakers alone: a task sleeps on what the host knows. So the one
//! that waits reads a stream that the other holds the writing end of, and dropping that end is the notified.

/// Rings when it is dropped.
pub struct Notifier(#[allow(dead_code)] Sender);

/// Hears the notified.
pub struct Notified(Receiver);

#[cfg(target_arch = "wasm32")]
mod host {
    use send_wrapper::SendWrapper;
    use spin_sdk::wasip3::wit_stream;
    use spin_sdk::wit_bindgen::{StreamReader, StreamWriter};

    use super::{Notified, Notifier};

    pub type Sender = SendWrapper<StreamWriter<u8>>;
    pub type Receiver = SendWrapper<StreamReader<u8>>;

    pub fn pair() -> (Notifier, Notified) {
        let (writer, reader) = wit_stream::new::<u8>();
        (Notifier(SendWrapper::new(writer)), Notified(SendWrapper::new(reader)))
    }

    impl Notified {
        pub async fn notified(&mut self) {
            self.0.next().await;
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod host {
    use tokio::sync::oneshot;

    use super::{Notified, Notifier};

    pub type Sender = oneshot::Sender<()>;
    pub type Receiver = oneshot::Receiver<()>;

    pub fn pair() -> (Notifier, Notified) {
        let (sender, receiver) = oneshot::channel();
        (Notifier(sender), Notified(receiver))
    }

    impl Notified {
        pub async fn notified(&mut self) {
            let _ = (&mut self.0).await;
        }
    }
}

pub use host::pair;
use host::{Receiver, Sender};
