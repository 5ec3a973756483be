//! Calls again and again until its standard input ends: ADDRESS CHARGE WORST_CHARGE WORST_ALLOCATION.

use llmprices_client::v1::pricing_service_client::PricingServiceClient;
use llmprices_client::v1::{AllocateChargesRequest, CalculateChargeRequest};
use prost::Message;
use std::error::Error;
use std::iter::successors;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tonic::transport::Channel;
use tonic::{Request, Status};

static SENT: AtomicU64 = AtomicU64::new(0);
static RIGHT: AtomicU64 = AtomicU64::new(0);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().collect();
    let channel = Channel::from_shared(format!("http://{}", args[1]))?.connect().await?;
    let mut pricing = PricingServiceClient::new(channel);
    let charge: CalculateChargeRequest = decode(&args[2])?;
    let worst_charge: CalculateChargeRequest = decode(&args[3])?;
    let worst_allocation: AllocateChargesRequest = decode(&args[4])?;
    pricing.calculate_charge(worst_charge).await.err().iter().for_each(print_failure);
    pricing.allocate_charges(worst_allocation).await.err().iter().for_each(print_failure);

    std::thread::spawn(|| {
        std::io::stdin().lines().for_each(|_| println!("right\t{}", RIGHT.load(Relaxed)));
        std::process::exit(0);
    });
    let loops: Vec<_> = (0..8)
        .map(|_| tokio::spawn(call_repeatedly(pricing.clone(), charge.clone())))
        .collect();
    for each in loops {
        each.await?;
    }
    Ok(())
}

async fn call_repeatedly(mut pricing: PricingServiceClient<Channel>, charge: CalculateChargeRequest) {
    loop {
        let cost = SENT.fetch_add(1, Relaxed) + 1;
        let message = CalculateChargeRequest { provider_cost: cost.to_string(), ..charge.clone() };
        let mut request = Request::new(message);
        request.set_timeout(Duration::from_secs(10));
        match pricing.calculate_charge(request).await {
            Ok(answer) if answer.get_ref().account_charge == (2 * cost).to_string() => {
                RIGHT.fetch_add(1, Relaxed);
            }
            Ok(answer) => println!("wrong\t{cost}\t{}", answer.get_ref().account_charge),
            Err(status) => {
                print_failure(&status);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

fn print_failure(status: &Status) {
    let causes = successors(status.source(), |&cause| cause.source());
    let text = causes.fold(status.message().to_string(), |text, cause| format!("{text}, caused by {cause}"));
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
