//! Calculates a charge from a provider's answer: ADDRESS FILE.

use llmprices_client::credentials::{BearerToken, endpoint};
use llmprices_client::v1::calculate_charge_request::UsageRatio;
use llmprices_client::v1::pricing_service_client::PricingServiceClient;
use llmprices_client::v1::{CalculateChargeRequest, Usage, UsageFormat};
use std::time::Duration;
use tonic::Request;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("an address is missing")?;
    let file = std::env::args().nth(2).ok_or("a file is missing")?;
    // The answer as it came. With reqwest it is response.text().await?.
    let answer = std::fs::read_to_string(file)?;

    let (host, _) = address.rsplit_once(':').ok_or("a port is missing")?;
    let channel = endpoint(&address, host)?.connect().await?;
    let mut pricing =
        PricingServiceClient::with_interceptor(channel, BearerToken::from_environment()?);
    let mut request = Request::new(CalculateChargeRequest {
        charge_type: "completion".into(),
        provider: "anthropic".into(),
        model: "claude-sonnet-4-5".into(),
        usage: Some(Usage {
            format: UsageFormat::AnthropicMessages.into(),
            raw_json: answer,
            ..Default::default()
        }),
        usage_ratio: Some(UsageRatio::AccountUsageRatio("1".into())),
        ..Default::default()
    });
    request.set_timeout(Duration::from_secs(5));
    let charge = pricing.calculate_charge(request).await?.into_inner();
    let rated = charge.rated_usage.unwrap_or_default();
    let findings = rated.findings.len();
    println!("charge: {} {}, findings: {findings}", charge.account_charge, charge.currency_code);
    for line in rated.lines {
        let bucket = line.bucket().as_str_name();
        let rate = line.rate.unwrap_or_default();
        let (quantity, amount) = (line.quantity, line.amount);
        println!("{bucket}: {quantity} at {} per {} is {amount}", rate.rate, rate.per);
    }
    Ok(())
}
