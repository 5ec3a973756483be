//! Calls again and again until its standard input ends: once|retrying ADDRESS CHARGE WORST_CHARGE
//! WORST_ALLOCATION. With `retrying`, it makes calls as the example does.

use llmprices_client::channel::retrying;
use llmprices_client::v1::pricing_service_client::PricingServiceClient;
use llmprices_client::v1::{AllocateChargesRequest, CalculateChargeRequest};
use prost::Message;
use std::error::Error;
use std::iter::successors;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::task::LocalSet;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

static SENT: AtomicU64 = AtomicU64::new(0);
static RIGHT: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let channel = Channel::from_shared(format!("http://{}", args[2]))?.connect().await?;
    let mut pricing = PricingServiceClient::new(channel);
    let charge: CalculateChargeRequest = decode(&args[3])?;
    let worst_charge: CalculateChargeRequest = decode(&args[4])?;
    let worst_allocation: AllocateChargesRequest = decode(&args[5])?;
    pricing.calculate_charge(worst_charge).await.err().iter().for_each(print_failure);
    pricing.allocate_charges(worst_allocation).await.err().iter().for_each(print_failure);

    std::thread::spawn(|| {
        std::io::stdin().lines().for_each(|_| println!("right\t{}", RIGHT.load(Relaxed)));
        std::process::exit(0);
    });
    let local = LocalSet::new();
    for _ in 0..8 {
        let retries = args[1] == "retrying";
        local.spawn_local(call_repeatedly(pricing.clone(), charge.clone(), retries));
    }
    local.await;
    Ok(())
}

async fn call_repeatedly(
    mut pricing: PricingServiceClient<Channel>,
    charge: CalculateChargeRequest,
    retries: bool,
) {
    loop {
        let cost = SENT.fetch_add(1, Relaxed) + 1;
        let message = CalculateChargeRequest { provider_cost: cost.to_string(), ..charge.clone() };
        let mut call = async || {
            let mut request = Request::new(message.clone());
            request.set_timeout(Duration::from_secs(10));
            pricing.calculate_charge(request).await
        };
        let outcome = match retries {
            true => retrying(call).await,
            false => call().await.map(Response::into_inner),
        };
        match outcome {
            Ok(answer) if answer.account_charge == (2 * cost).to_string() => {
                RIGHT.fetch_add(1, Relaxed);
            }
            Ok(answer) => println!("wrong\t{cost}\t{}", answer.account_charge),
            Err(status) => {
                print_failure(&status);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn print_failure(status: &Status) {
    let causes = successors(status.source(), |&cause| cause.source());
    let text = causes
        .fold(status.message().to_string(), |text, cause| format!("{text}, caused by {cause}"));
    let (details, text) = (encode(status.details()), encode(text.as_bytes()));
    println!("failed\t{}\t{details}\t{text}", status.code() as i32);
}

fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decode<M: Message + Default>(text: &str) -> Result<M, Box<dyn Error>> {
    let digits = (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16));
    Ok(M::decode(digits.collect::<Result<Vec<u8>, _>>()?.as_slice())?)
}
