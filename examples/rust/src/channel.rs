//! The one channel of a process, and retries.

// region channel
use crate::credentials::{BearerToken, endpoint};
use crate::errors::code_of;
use std::time::Duration;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Response, Status};

/// A channel that sends the token.
pub type AuthChannel = InterceptedService<Channel, BearerToken>;

/// Balances over all addresses behind a name, as they are now. tonic has no service config.
pub async fn connect(address: &str) -> crate::Result<AuthChannel> {
    let (host, _) = address.rsplit_once(':').ok_or("a port is missing")?;
    let mut endpoints = Vec::new();
    for resolved in tokio::net::lookup_host(address).await? {
        let endpoint = endpoint(&resolved.to_string(), host)?
            .connect_timeout(Duration::from_secs(5))
            .http2_keep_alive_interval(Duration::from_secs(60))
            .keep_alive_timeout(Duration::from_secs(20));
        endpoints.push(endpoint);
    }
    let channel = Channel::balance_list(endpoints.into_iter());
    Ok(InterceptedService::new(channel, BearerToken::from_environment()?))
}

/// Makes a call, and makes it again up to three times after a transient error.
pub async fn retrying<T>(
    mut call: impl AsyncFnMut() -> Result<Response<T>, Status>,
) -> Result<T, Status> {
    let mut backoff = Duration::from_millis(100);
    for _ in 0..3 {
        match call().await {
            Err(status) if is_transient(&status) => tokio::time::sleep(backoff).await,
            outcome => return outcome.map(Response::into_inner),
        }
        backoff = (backoff * 2).min(Duration::from_secs(2));
    }
    call().await.map(Response::into_inner)
}

/// Whether a call may succeed when it is made again: the service is UNAVAILABLE, or the connection has
/// ended. tonic then fails with other codes, and without the details that each error of the service has.
fn is_transient(status: &Status) -> bool {
    match code_of(status) {
        Code::Unavailable => true,
        Code::Cancelled | Code::Aborted | Code::Internal | Code::Unknown => {
            status.details().is_empty()
        }
        _ => false,
    }
}
// endregion
