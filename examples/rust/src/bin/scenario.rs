//! The scenario that every client runs: ADDRESS NAME UNSTEADY_ADDRESS. Prints a line for each step.

use llmprices_client::channel::connect;
use llmprices_client::v1::catalog_service_client::CatalogServiceClient;
use llmprices_client::v1::pricing_service_client::PricingServiceClient;
use llmprices_client::{Result, allocations, catalog, charges, prices};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, name, unsteady_address] = arguments.as_slice() else {
        return Err("ADDRESS NAME UNSTEADY_ADDRESS".into());
    };
    let channel = connect(address).await?;
    let mut registry = CatalogServiceClient::new(channel.clone());
    let mut pricing = PricingServiceClient::new(channel);

    catalog::register(&mut registry, name).await?;
    let (created, book_version) = prices::create(&mut pricing, name).await?;
    prices::read(&mut pricing, created.id).await?;
    prices::list(&mut pricing, name).await?;
    let as_of = charges::calculate(&mut pricing, name, book_version).await?;
    charges::batch(&mut pricing, name).await?;
    allocations::allocate(&mut pricing, name).await?;
    let book_version = prices::update(&mut pricing, name, &created.etag).await?;
    charges::calculate_before_and_after(&mut pricing, name, book_version, as_of).await?;
    prices::write_in_vain(&mut pricing, name, &created.etag).await?;
    charges::calculate_in_vain(&mut pricing, name).await?;
    allocations::keep_open(&mut pricing, name).await?;

    let mut unsteady = PricingServiceClient::new(connect(unsteady_address).await?);
    charges::retry(&mut unsteady, name).await
}
