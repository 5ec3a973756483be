//! Calculates charges, single ones and batches.

use crate::channel::{AuthChannel, retrying};
use crate::errors::{error_of, name_of, reason_and};
use crate::v1::calculate_charge_request::UsageRatio;
use crate::v1::calculation_result::Result as Calculated;
use crate::v1::pricing_service_client::PricingServiceClient;
use crate::v1::*;
use crate::{Result, print_step};
use prost_types::Timestamp;
use std::time::Duration;
use tonic::{Code, Request};
use tonic_types::RpcStatusExt;

type Pricing = PricingServiceClient<AuthChannel>;

/// A charge that is exact, and one that has to be rounded. Answers when the first was priced.
pub async fn calculate(
    pricing: &mut Pricing,
    name: &str,
    book_version: i64,
) -> Result<Option<Timestamp>> {
    let mut request = charge(name, "model-1");
    request.min_book_version = book_version;
    let exact = pricing.calculate_charge(request.clone()).await?.into_inner();
    print_step("calculate", &[&exact.account_charge, &exact.markup, exact_or_not(&exact)]);

    let third = AccountUsage { usage: "1".into(), total_usage: "3".into() };
    request.usage_ratio = Some(UsageRatio::AccountUsage(third));
    let third = pricing.calculate_charge(request).await?.into_inner();
    let rounding = third.rounding.unwrap_or_default();
    let rounded = format!("{} {}", rounding.scale(), rounding.mode().as_str_name());
    print_step("calculate a third", &[&third.account_charge, exact_or_not(&third), &rounded]);
    Ok(exact.as_of)
}

/// Three charges, the second for a model that has no price.
pub async fn batch(pricing: &mut Pricing, name: &str) -> Result<()> {
    let request = BatchCalculateChargesRequest {
        requests: ["model-1", "model-6", "model-2"].map(|model| charge(name, model)).into(),
        ..Default::default()
    };
    let answer = pricing.batch_calculate_charges(request).await?.into_inner();
    let seen: Vec<_> = answer.results.into_iter().map(to_text).collect();
    print_step("batch", &seen.iter().map(String::as_str).collect::<Vec<_>>());
    Ok(())
}

/// At the version of the book that a write has made, and at an earlier instant.
pub async fn calculate_before_and_after(
    pricing: &mut Pricing,
    name: &str,
    book_version: i64,
    earlier: Option<Timestamp>,
) -> Result<()> {
    let mut request = charge(name, "model-1");
    request.min_book_version = book_version;
    let now = pricing.calculate_charge(request.clone()).await?.into_inner();
    print_step("calculate at the new price", &[&now.account_charge]);
    request.as_of = earlier;
    let before = pricing.calculate_charge(request).await?.into_inner();
    print_step("calculate at the earlier time", &[&before.account_charge]);
    Ok(())
}

/// Asks for a charge that no price is known for.
pub async fn calculate_in_vain(pricing: &mut Pricing, name: &str) -> Result<()> {
    let (code, details) = error_of(pricing.calculate_charge(charge(name, "model-6")).await)?;
    let (reason, nearest) = reason_and(&details, "nearest_1");
    print_step("missing price", &[name_of(code), &reason, &nearest.unwrap_or_default()]);
    Ok(())
}

/// Calls a server that is not available at first.
pub async fn retry(pricing: &mut Pricing, name: &str) -> Result<()> {
    let message = charge(name, "model-1");
    let charge = retrying(async || {
        let mut request = Request::new(message.clone());
        request.set_timeout(Duration::from_secs(10));
        pricing.calculate_charge(request).await
    })
    .await?;
    print_step("retry", &[&charge.account_charge]);
    Ok(())
}

/// What an account pays that caused all of a cost of 10.
fn charge(name: &str, model: &str) -> CalculateChargeRequest {
    CalculateChargeRequest {
        charge_type: name.into(),
        provider: name.into(),
        model: model.into(),
        provider_cost: "10".into(),
        usage_ratio: Some(UsageRatio::AccountUsageRatio("1".into())),
        ..Default::default()
    }
}

fn to_text(result: CalculationResult) -> String {
    match result.result {
        Some(Calculated::Charge(charge)) => charge.account_charge,
        Some(Calculated::Error(status)) => {
            let (reason, _) = reason_and(&status.get_error_details(), "");
            format!("{} {reason}", name_of(Code::from(status.code)))
        }
        None => "nothing".into(),
    }
}

fn exact_or_not(answer: &CalculateChargeResponse) -> &'static str {
    if answer.exact { "exact" } else { "rounded" }
}
