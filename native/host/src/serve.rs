//! A plain HTTP/1.1 listener for an application, for tests and measurements.

use std::convert::Infallible;

use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::host::Host;

/// Serves HTTP/1.1 until `until` is ready, and then finishes the requests in flight.
pub async fn serve(host: Host, listener: TcpListener, until: impl Future<Output = ()>) -> std::io::Result<()> {
    let mut until = std::pin::pin!(until);
    loop {
        let (stream, client) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Most likely out of file descriptors. Requests in flight will free some.
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut until => break,
        };
        // Without it, a response in two writes waits for the client's delayed acknowledgement.
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
