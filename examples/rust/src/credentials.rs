//! Reads TLS and a token from the environment.

use std::{env, fs};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// Uses TLS if LLMPRICES_CA_FILE names the authority. The certificate must be for `host`.
pub fn endpoint(address: &str, host: &str) -> crate::Result<Endpoint> {
    let Some(ca_file) = env::var_os("LLMPRICES_CA_FILE") else {
        return Ok(Endpoint::from_shared(format!("http://{address}"))?);
    };
    let authority = Certificate::from_pem(fs::read(ca_file)?);
    let tls = ClientTlsConfig::new().ca_certificate(authority).domain_name(host);
    Ok(Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?)
}

/// Sends the token in LLMPRICES_TOKEN, if it is set, with every call.
#[derive(Clone)]
pub struct BearerToken(Option<MetadataValue<Ascii>>);

impl BearerToken {
    pub fn from_environment() -> crate::Result<Self> {
        let Ok(token) = env::var("LLMPRICES_TOKEN") else {
            return Ok(Self(None));
        };
        if env::var_os("LLMPRICES_CA_FILE").is_none() {
            return Err("a token is sent over TLS only: set LLMPRICES_CA_FILE".into());
        }
        Ok(Self(Some(format!("Bearer {token}").parse()?)))
    }
}

impl Interceptor for BearerToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.clone());
        }
        Ok(request)
    }
}
