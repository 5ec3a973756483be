//! Calculates a charge of the example price book.

use llmprices_client::credentials::{BearerToken, endpoint};
use llmprices_client::v1::CalculateChargeRequest;
use llmprices_client::v1::calculate_charge_request::UsageRatio;
use llmprices_client::v1::pricing_service_client::PricingServiceClient;
use std::time::Duration;
use tonic::Request;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("an address is missing")?;
    let (host, _) = address.rsplit_once(':').ok_or("a port is missing")?;
    let channel = endpoint(&address, host)?.connect().await?;
    let mut pricing =
        PricingServiceClient::with_interceptor(channel, BearerToken::from_environment()?);
    let mut request = Request::new(CalculateChargeRequest {
        charge_type: "completion".into(),
        provider: "anthropic".into(),
        model: "claude-sonnet-4-5".into(),
        provider_cost: "1000.00".into(),
        usage_ratio: Some(UsageRatio::AccountUsageRatio("0.25".into())),
        ..Default::default()
    });
    request.set_timeout(Duration::from_secs(5));
    let charge = pricing.calculate_charge(request).await?.into_inner();
    println!("first charge: {}", charge.account_charge);
    Ok(())
}
