//! Asks the components once a minute what monitoring shows of each company. Only companies whose state has moved on are
//! counted anew. Every node asks for itself, and shows the same.

use std::time::Duration;

use nexus_domain::company_gauges::{GaugesRequest, GaugesResponse};
use nexus_protocol::COMPANY_GAUGES;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::signature::{InternalClient, InternalError};

const PERIOD: Duration = Duration::from_secs(60);
/// The first time, and after a failure: the components may still be starting.
const SOON: Duration = Duration::from_secs(2);

pub async fn run(client: InternalClient, metrics: Metrics, mut stop: watch::Receiver<bool>) {
    let mut asked = GaugesRequest::default();
    let mut pause = SOON;
    loop {
        tokio::select! {
            // Also when the sender is gone.
            _ = stop.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = match ask(&client, &asked).await {
            Ok(told) => {
                asked.known = told
                    .companies
                    .iter()
                    .map(|company| (company.slug.clone(), company.version))
                    .collect();
                metrics.show_companies(&told.companies);
                PERIOD
            }
            Err(error) => {
                tracing::debug!(%error, "the companies' figures for monitoring can't be had");
                (pause * 2).min(PERIOD)
            }
        };
    }
}

async fn ask(client: &InternalClient, asked: &GaugesRequest) -> Result<GaugesResponse, InternalError> {
    let body = serde_json::to_vec(asked).unwrap_or_default();
    let answer = client.post(COMPANY_GAUGES, body.into()).await?;
    // What can't be read tells of nobody: the series stay away rather than wrong.
    Ok(serde_json::from_slice(&answer).unwrap_or_default())
}
