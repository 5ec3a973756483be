import io.grpc.Grpc;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Makes the one channel of a process. */
class Channels {
  private static final String PRICING = "llmprices.v1.PricingService";
  private static final String CATALOG = "llmprices.v1.CatalogService";

  // Numbers have to be doubles.
  private static final Map<String, ?> RETRY_POLICY =
      Map.of(
          "maxAttempts", 4.0,
          "initialBackoff", "0.1s",
          "maxBackoff", "2s",
          "backoffMultiplier", 2.0,
          "retryableStatusCodes", List.of("UNAVAILABLE"));
  private static final Map<String, ?> CALLS =
      Map.of(
          "name", List.of(Map.of("service", PRICING), Map.of("service", CATALOG)),
          "timeout", "10s",
          "retryPolicy", RETRY_POLICY);
  private static final Map<String, ?> STREAMS =
      Map.of(
          "name",
              List.of(
                  Map.of("service", PRICING, "method", "StreamAllocateCharges"),
                  Map.of("service", PRICING, "method", "ImportLLMPrices")),
          "timeout", "600s");
  private static final Map<String, ?> SERVICE_CONFIG =
      Map.of(
          "loadBalancingConfig", List.of(Map.of("round_robin", Map.of())),
          "methodConfig", List.of(CALLS, STREAMS));

  /** An address like dns:///llmprices:50051 is resolved to all addresses behind the name. */
  static ManagedChannel connect(String address) throws IOException {
    return Grpc.newChannelBuilder(address, Credentials.fromEnvironment())
        .defaultServiceConfig(SERVICE_CONFIG)
        .keepAliveTime(60, TimeUnit.SECONDS)
        .keepAliveTimeout(20, TimeUnit.SECONDS)
        .build();
  }
}
