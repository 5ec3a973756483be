//! What both programs are made of.

// region contract
/// The contract, as build.rs generates it.
pub mod v1 {
    tonic::include_proto!("llmprices.v1");
}

pub mod channel;
pub mod credentials;
pub mod errors;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
// endregion

pub mod allocations;
pub mod catalog;
pub mod charges;
pub mod prices;

/// Prints one answer: what was done, and what was seen.
pub fn print_step(step: &str, seen: &[&str]) {
    println!("{step}: {}", seen.join(", "));
}
