fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut prost = tonic_prost_build::Config::new();
    prost.protoc_executable(protoc_bin_vendored::protoc_bin_path()?);
    let services =
        ["proto/llmprices/v1/catalog_service.proto", "proto/llmprices/v1/pricing_service.proto"];
    tonic_prost_build::configure()
        .build_server(false)
        // Comes with tonic-types.
        .extern_path(".google.rpc", "::tonic_types")
        .compile_with_config(prost, &services, &["proto"])?;
    Ok(())
}
