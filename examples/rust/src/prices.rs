//! Writes and reads prices.

use crate::channel::AuthChannel;
use crate::errors::{error_of, name_of, reason_and, violations};
use crate::v1::pricing_service_client::PricingServiceClient;
use crate::v1::*;
use crate::{Result, print_step};
use uuid::Uuid;

pub(crate) const PRICES: [(&str, &str); 5] = [
    ("model-1", "1.25"),
    ("model-2", "1.5"),
    ("model-3", "2"),
    ("model-4", "0"),
    ("model-5", "0.0000000001"),
];

/// Prices every model, and repeats the last write, which is answered as it was before.
/// Answers the first price, and the version of the book that it made.
pub async fn create(
    pricing: &mut PricingServiceClient<AuthChannel>,
    name: &str,
) -> Result<(LlmPrice, i64)> {
    let mut request = CreateLlmPriceRequest {
        charge_type: name.into(),
        provider: name.into(),
        ..Default::default()
    };
    let mut answers = Vec::new();
    for (model, price) in PRICES {
        (request.model, request.price) = (model.into(), price.into());
        request.request_id = new_id();
        let created = pricing.create_llm_price(request.clone()).await?.into_inner();
        answers.push((created.llm_price.unwrap_or_default(), created.book_version));
    }
    let seen: Vec<_> = answers.iter().map(|(created, _)| created.price.as_str()).collect();
    print_step("create", &seen);

    let repeated = pricing.create_llm_price(request).await?.into_inner();
    let is_same = repeated.llm_price.unwrap_or_default().id == answers[4].0.id;
    print_step("repeat", &[if is_same { "the same id" } else { "another id" }]);
    Ok(answers.remove(0))
}

/// Reads a price by its id.
pub async fn read(pricing: &mut PricingServiceClient<AuthChannel>, id: String) -> Result<()> {
    let request = GetLlmPriceRequest {
        lookup: Some(get_llm_price_request::Lookup::Id(id)),
        ..Default::default()
    };
    let price = pricing.get_llm_price(request).await?.into_inner().llm_price.unwrap_or_default();
    let from = price.effective_from.unwrap_or_default().to_string();
    let until = price.effective_until.map_or("open".into(), |until| until.to_string());
    let LlmPrice { charge_type, provider, model, price, .. } = price;
    print_step("read", &[&charge_type, &provider, &model, &price, &from, &until]);
    Ok(())
}

/// Lists a provider's prices, two a page.
pub async fn list(pricing: &mut PricingServiceClient<AuthChannel>, name: &str) -> Result<()> {
    let mut request =
        ListLlmPricesRequest { provider: name.into(), page_size: 2, ..Default::default() };
    let mut pages = Vec::new();
    loop {
        let page = pricing.list_llm_prices(request.clone()).await?.into_inner();
        let models: Vec<_> = page.llm_prices.iter().map(|price| price.model.as_str()).collect();
        pages.push(models.join(" "));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    print_step("list", &to_texts(&pages));
    Ok(())
}

/// Changes the first price. Answers the version of the book that this made.
pub async fn update(
    pricing: &mut PricingServiceClient<AuthChannel>,
    name: &str,
    etag: &str,
) -> Result<i64> {
    let updated = pricing.update_llm_price(update_request(name, etag)).await?.into_inner();
    print_step("update", &[&updated.llm_price.unwrap_or_default().price]);
    Ok(updated.book_version)
}

/// Causes errors: by the etag from before the update, and by wrong fields.
pub async fn write_in_vain(
    pricing: &mut PricingServiceClient<AuthChannel>,
    name: &str,
    etag: &str,
) -> Result<()> {
    let outcome = pricing.update_llm_price(update_request(name, etag)).await;
    let (code, details) = error_of(outcome)?;
    print_step("stale etag", &[name_of(code), &reason_and(&details, "").0]);

    let wrong = CreateLlmPriceRequest {
        charge_type: "Not a type".into(),
        provider: name.into(),
        model: "model-1".into(),
        price: "-1".into(),
        ..Default::default()
    };
    let (code, details) = error_of(pricing.create_llm_price(wrong).await)?;
    let violations = violations(&details).join(", ");
    print_step("wrong fields", &[name_of(code), &reason_and(&details, "").0, &violations]);
    Ok(())
}

fn update_request(name: &str, etag: &str) -> UpdateLlmPriceRequest {
    let key = LlmPriceKey {
        charge_type: name.into(),
        provider: name.into(),
        model: "model-1".into(),
        ..Default::default()
    };
    UpdateLlmPriceRequest {
        lookup: Some(update_llm_price_request::Lookup::Key(key)),
        price: "1.75".into(),
        etag: etag.into(),
        reason: "a new contract".into(),
        request_id: new_id(),
        ..Default::default()
    }
}

pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

pub(crate) fn to_texts(seen: &[String]) -> Vec<&str> {
    seen.iter().map(String::as_str).collect()
}
