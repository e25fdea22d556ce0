//! An application behind a listener, without anything before it: for trying, testing and measuring.

use std::convert::Infallible;

use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Host;

/// Serves HTTP/1.1 until `until` is ready, then lets the requests under way end.
pub async fn serve(host: Host, listener: TcpListener, until: impl Future<Output = ()>) -> std::io::Result<()> {
    let mut until = std::pin::pin!(until);
    loop {
        let (stream, client) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, most likely: those under way will free some.
                    tracing::warn!(%error, "can't accept");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut until => break,
        };
        // Or an answer in two writes waits for the client's delayed acknowledgement.
        stream.set_nodelay(true)?;
        let host = host.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let host = host.clone();
                async move {
                    let request = request.map(|body| body.map_err(Into::into).boxed_unsync());
                    Ok::<_, Infallible>(host.handle(request, client).await)
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    host.shutdown().await;
    Ok(())
}
