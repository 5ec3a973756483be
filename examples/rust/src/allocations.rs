//! Splits costs over a stream.

use crate::channel::AuthChannel;
use crate::errors::{error_of, name_of};
use crate::v1::pricing_service_client::PricingServiceClient;
use crate::v1::*;
use crate::{Result, print_step};
use std::time::Duration;
use tokio_stream::StreamExt;
use tonic::Request;

type Pricing = PricingServiceClient<AuthChannel>;

/// A cost of 80 over three equal accounts, sent in two messages.
pub async fn allocate(pricing: &mut Pricing, name: &str) -> Result<()> {
    let requests = [
        StreamAllocateChargesRequest {
            terms: Some(terms(name)),
            account_usages: vec![usage("alice"), usage("bob")],
        },
        StreamAllocateChargesRequest { terms: None, account_usages: vec![usage("carol")] },
    ];
    let mut parts =
        pricing.stream_allocate_charges(tokio_stream::iter(requests)).await?.into_inner();
    let mut seen = Vec::new();
    while let Some(part) = parts.message().await? {
        for each in part.account_charges {
            seen.push(format!("{} {}", each.account_id, each.account_charge));
        }
        seen.extend(part.totals.map(|totals| format!("total {}", totals.total_charge)));
    }
    print_step("allocate", &seen.iter().map(String::as_str).collect::<Vec<_>>());
    Ok(())
}

/// Keeps an allocation open for longer than it may take.
pub async fn keep_open(pricing: &mut Pricing, name: &str) -> Result<()> {
    let first = StreamAllocateChargesRequest { terms: Some(terms(name)), ..Default::default() };
    let requests = tokio_stream::once(first).chain(tokio_stream::pending());
    let mut request = Request::new(requests);
    request.set_timeout(Duration::from_millis(300));
    let outcome = pricing.stream_allocate_charges(request).await;
    let outcome = match outcome {
        Ok(answer) => answer.into_inner().message().await,
        Err(status) => Err(status),
    };
    print_step("deadline", &[name_of(error_of(outcome)?.0)]);
    Ok(())
}

fn terms(name: &str) -> AllocationTerms {
    AllocationTerms {
        charge_type: name.into(),
        provider: name.into(),
        model: "model-1".into(),
        provider_cost: "80".into(),
        currency_code: "USD".into(),
        ..Default::default()
    }
}

fn usage(account: &str) -> AllocationUsage {
    AllocationUsage { account_id: account.into(), usage: "1".into() }
}
