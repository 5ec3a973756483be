//! Registers the names that prices refer to.

use crate::channel::AuthChannel;
use crate::prices::{PRICES, new_id, to_texts};
use crate::v1::catalog_service_client::CatalogServiceClient;
use crate::v1::*;
use crate::{Result, print_step};

/// Registers a charge type, a provider and five models.
pub async fn register(catalog: &mut CatalogServiceClient<AuthChannel>, name: &str) -> Result<()> {
    let charge_type =
        CreateChargeTypeRequest { name: name.into(), request_id: new_id(), ..Default::default() };
    let provider =
        CreateProviderRequest { name: name.into(), request_id: new_id(), ..Default::default() };
    let charge_type = catalog.create_charge_type(charge_type).await?.into_inner();
    let provider = catalog.create_provider(provider).await?.into_inner();
    let mut seen = vec![
        charge_type.charge_type.unwrap_or_default().name,
        provider.provider.unwrap_or_default().name,
    ];
    for (model, _) in PRICES {
        let request = CreateModelRequest {
            provider: name.into(),
            name: model.into(),
            request_id: new_id(),
            ..Default::default()
        };
        let created = catalog.create_model(request).await?.into_inner();
        seen.push(created.model.unwrap_or_default().name);
    }
    print_step("register", &to_texts(&seen));
    Ok(())
}
